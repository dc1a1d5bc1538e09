"""Grader for answers that are JSON."""

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

import msgspec
import regex
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry

from evalharness.errors import ConfigError
from evalharness.graders.answers import covers, equal, quoted, shortened, too_long, verdict
from evalharness.model import Grade, Task, Transcript
from evalharness.workspaces import Workspace

Schema: TypeAlias = dict[str, Any] | bool

_FENCE = re.compile(r"```[ \t]*(?:json[c5l]?|JSON)?[ \t]*\r?\n(.*?)```", re.DOTALL)
_LONGEST = 1_000_000  # characters of JSON
_STARTS = 50  # places in prose where JSON is tried; each may cost a pass over the answer
_PATTERN_SECONDS = 2.0
_ERRORS = 100  # violations among which the most telling is named


class _NoJson(Exception):
    """The answer holds no JSON; the text says why."""


@dataclass(frozen=True, kw_only=True)
class JsonSchema:
    """Pass when the answer is JSON that satisfies `schema`.

    The schema may also lie in `schema_file`, seen from `folder` (the suite's own), or in a field of the row.

    The JSON may stand alone, in a fenced block (the last counts) or in prose; with `bare` only alone. With `file` it is
    read from that file of the workspace. `compare: equal` or `subset` compares it with the task's expected value.
    References to other documents are never fetched.
    """

    schema: Schema | None = None
    schema_file: str | None = None
    schema_field: str | None = None
    file: str | None = None
    bare: bool = False
    formats: bool = False
    compare: Literal["equal", "subset"] | None = None
    folder: str = "."

    def __post_init__(self) -> None:
        sources = [self.schema, self.schema_file, self.schema_field]
        if sum(source is not None for source in sources) > 1:
            raise ValueError("schema: give only one of schema, schema_file and schema_field")
        if sources == [None, None, None] and self.compare is None:
            raise ValueError("schema: is missing; give schema, schema_file, schema_field or compare")
        schema = self._own_schema()
        if schema is not None:
            try:
                _validator(schema, formats=self.formats)
            except SchemaError as exc:
                raise ValueError(f"schema: {exc.message} at {exc.json_path}") from exc

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Find the JSON and check it."""
        schema = self._schema(task)
        try:
            value = self._found(transcript, workspace)
            fault = "" if schema is None else _fault(_validator(schema, formats=self.formats), value)
            fault = fault or self._difference(task, value)
        except _NoJson as exc:
            fault = str(exc)
        except RecursionError:
            fault = "JSON is nested too deeply"
        return verdict("json_schema", not fault, fault)

    def _schema(self, task: Task) -> Schema | None:
        if self.schema_field is None:
            return self._own_schema()
        schema = task.fields.get(self.schema_field)
        if not isinstance(schema, dict | bool):
            raise ConfigError(f"task '{task.id}' has no JSON schema in its field '{self.schema_field}'")
        return schema

    def _own_schema(self) -> Schema | None:
        return self.schema if self.schema_file is None else _read_schema(str(Path(self.folder, self.schema_file)))

    def _found(self, transcript: Transcript, workspace: Workspace) -> Any:
        text = transcript.final if self.file is None else _content(workspace, self.file)
        if reason := too_long(text, longest=_LONGEST):
            raise _NoJson(reason)
        try:
            return _parsed(text)
        except ValueError as exc:
            if self.bare or self.file is not None:
                raise _NoJson(f"no JSON in {quoted(text)}: {exc}") from exc
        return _embedded(text)

    def _difference(self, task: Task, value: Any) -> str:
        if self.compare is None:
            return ""
        if task.expected is None:
            raise ConfigError(f"task '{task.id}' has no expected answer")
        wanted = msgspec.json.decode(task.expected) if isinstance(task.expected, str) else task.expected
        same = equal(value, wanted) if self.compare == "equal" else covers(value, wanted)
        return "" if same else f"{quoted(_compact(value))} is not {quoted(_compact(wanted))}"


@lru_cache(maxsize=64)
def _read_schema(path: str) -> Schema:
    try:
        schema: Schema = msgspec.json.decode(Path(path).read_bytes(), type=Schema)
    except (OSError, msgspec.DecodeError) as exc:
        raise ValueError(f"schema_file: '{path}' holds no JSON schema: {exc}") from exc
    return schema


def _content(workspace: Workspace, path: str) -> str:
    try:
        content = workspace.read(path)
    except (OSError, ValueError) as exc:  # no file, or something else in its place
        raise _NoJson(f"file '{path}' cannot be read: {exc}") from exc
    if len(content) > 4 * _LONGEST:
        raise _NoJson(f"file '{path}' has {len(content):,} bytes, and at most {4 * _LONGEST:,} are judged")
    return content.decode("utf-8", "replace")


def _parsed(text: str) -> Any:
    return _DECODER.decode(text.strip().removeprefix("\ufeff"))


def _embedded(text: str) -> Any:
    """Find JSON inside an answer: the last fenced block that is any, else the longest object or list in prose."""
    for block in reversed(_FENCE.findall(text)):
        with suppress(ValueError):
            return _parsed(block)
    found = max(_in_prose(text), key=lambda each: each[0], default=None)
    if found is None:
        raise _NoJson(f"no JSON in {quoted(text)}")
    return found[1]


def _in_prose(text: str) -> Iterator[tuple[int, Any]]:
    """Yield objects and lists in a text, each with its length."""
    position = 0
    for _ in range(_STARTS):
        start = min((at for sign in "{[" if (at := text.find(sign, position)) >= 0), default=-1)
        if start < 0:
            return
        position = start + 1
        with suppress(ValueError):
            value, position = _DECODER.raw_decode(text, start)
            yield position - start, value


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number[:20]} is beyond what numbers can hold")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refused, parse_float=_finite)


def _validator(schema: Schema, *, formats: bool) -> Validator:
    return _cached_validator(msgspec.json.encode(schema), formats)


@lru_cache(maxsize=64)
def _cached_validator(encoded: bytes, formats: bool) -> Validator:
    schema = msgspec.json.decode(encoded)
    known = validator_for(schema, default=Draft202012Validator)
    known.check_schema(schema)
    bounded: Any = extend(  # type: ignore[no-untyped-call] # its stubs leave it untyped
        known, {"pattern": _pattern, "uniqueItems": _unique_items}
    )
    # An empty registry fetches nothing, where the default would ask the network for a $ref.
    validator: Validator = bounded(schema, registry=Registry(), format_checker=FormatChecker() if formats else None)
    return validator


def _pattern(_: Validator, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    """Check `pattern` within bounded time: Python's own `re` can be kept busy for years by one string."""
    if not isinstance(instance, str):
        return
    if not regex.search(pattern, instance, timeout=_PATTERN_SECONDS, concurrent=True):
        yield ValidationError(f"{quoted(instance)} does not match {pattern!r}")


def _unique_items(_: Validator, wanted: bool, instance: Any, __: Any) -> Iterator[ValidationError]:
    """Check `uniqueItems` in linear time: comparing all pairs of a long list takes hours."""
    if wanted and isinstance(instance, list) and len({_identity(each) for each in instance}) < len(instance):
        yield ValidationError(f"{_compact(instance)} has non-unique elements")


def _identity(value: Any) -> Any:
    """Give something hashable that is the same for equal JSON values only."""
    if isinstance(value, dict):
        return ("object", frozenset((key, _identity(each)) for key, each in value.items()))
    if isinstance(value, list):
        return ("list", tuple(_identity(each) for each in value))
    return (isinstance(value, bool), value)


def _fault(validator: Validator, value: Any) -> str:
    """Describe the first violation that matters; empty where there is none."""
    error = best_match(islice(validator.iter_errors(value), _ERRORS))
    return "" if error is None else f"{shortened(error.message)} at {shortened(error.json_path)}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
