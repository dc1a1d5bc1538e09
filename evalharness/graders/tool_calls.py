"""Grader for one call of a tool: the right function, and for each argument a value among the possible ones.

The rules are those of the published checker of the Berkeley Function Calling Leaderboard (simple and multiple, Python),
where they surprise too: strings are compared without case, spaces and most punctuation, a whole number may stand for a
float but not the other way round, and a list whose items have another type than described is wrong whatever it says.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import msgspec

from evalharness.errors import ConfigError
from evalharness.graders.answers import quoted, shortened, verdict
from evalharness.graders.call_text import calls_in
from evalharness.model import Grade, Task, ToolCall, Transcript
from evalharness.workspaces import Workspace

ABSENT = ""  # among the possible values: the argument may be left out
TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}
_IGNORED = re.compile(r"[ ,./\-_*^]")


@dataclass(frozen=True, kw_only=True)
class ToolCalls:
    """Pass when the agent made one call, and it is the expected one.

    Expected is `[{function: {argument: [possible values]}}]`; an empty text among them says that the argument may be
    left out. `functions` is the field of the row that describes the functions as JSON Schema does, with the types
    string, integer, float, boolean, array, tuple, dict and any. Calls are taken from the agent's messages or, where it
    made none, read from its final answer.
    """

    functions: str = "functions"

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Compare the call that was made with the expected one."""
        wanted = _expected(task)
        described = self._described(task, wanted.name)
        made = [call for message in transcript.messages for call in message.tool_calls]
        try:
            made = made or calls_in(transcript.final)
        except ValueError as exc:
            return verdict("tool_calls", False, f"no call in {quoted(transcript.final)}: {shortened(str(exc))}")
        if len(made) != 1:
            return verdict("tool_calls", False, f"{len(made)} calls where 1 is expected")
        fault = _fault(made[0], wanted, described)
        return verdict("tool_calls", not fault, shortened(fault))

    def _described(self, task: Task, name: str) -> dict[str, Any]:
        found = task.fields.get(self.functions)
        for each in found if isinstance(found, list) else ():
            if isinstance(each, dict) and each.get("name") == name:
                return dict(each.get("parameters") or {})
        raise ConfigError(f"task '{task.id}': its field '{self.functions}' describes no function '{name}'")


class _Wanted(msgspec.Struct, frozen=True):
    name: str
    possible: dict[str, list[Any]]


def _expected(task: Task) -> _Wanted:
    try:
        ((name, possible),) = msgspec.convert(task.expected, list[dict[str, dict[str, list[Any]]]])[0].items()
    except (msgspec.ValidationError, ValueError, IndexError) as exc:
        said = "expected must be a list of one object {function: {argument: [possible values]}}"
        raise ConfigError(f"task '{task.id}': {said}") from exc
    return _Wanted(name, possible)


def _fault(made: ToolCall, wanted: _Wanted, described: dict[str, Any]) -> str:
    """Say what is wrong with a call; empty where nothing is."""
    if made.name not in (wanted.name, wanted.name.replace(".", "_")):  # providers take no dots in names
        return f"called {made.name!r}, not {wanted.name!r}"
    given = _arguments(made)
    if given is None:
        return "the arguments are no object"
    known = described.get("properties", {})
    missing = [name for name in described.get("required", ()) if name not in given]
    if missing:
        return f"argument {missing[0]!r} is missing"
    for name, value in given.items():
        if name not in known or name not in wanted.possible:
            return f"argument {name!r} is not expected"
        if not right(value, wanted.possible[name], known[name]):
            return f"argument {name!r} is {value!r}, not one of {wanted.possible[name]!r}"
    left_out = [name for name, possible in wanted.possible.items() if name not in given and ABSENT not in possible]
    return f"argument {left_out[0]!r} is missing" if left_out else ""


def _arguments(made: ToolCall) -> dict[str, Any] | None:
    given = made.arguments if made.arguments is not None else {}
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except (ValueError, RecursionError):
            return None
    return given if isinstance(given, dict) else None


class _Fit(Enum):
    """How the type of a value fits what is described."""

    NO = auto()
    DESCRIBED = auto()
    STAND_IN = auto()  # of the type of the possible values, which is not the described one: a variable


def right(value: Any, possible: Sequence[Any], said: dict[str, Any]) -> bool:
    """Say whether a value is among the possible ones of an argument that is described so."""
    wanted, inner = _types(said)
    if said["type"] == "tuple" and isinstance(value, tuple):
        value = list(value)
    if said["type"] == "float" and type(value) is int:
        value = float(value) if abs(value) < 10**300 else value
    fit = _fit(value, possible, wanted, inner)
    if fit is not _Fit.DESCRIBED:
        return fit is _Fit.STAND_IN and value in possible
    if wanted is dict:
        return _any_object(value, possible)
    if wanted is str:
        return _plain(value) in [_plain(each) for each in possible if isinstance(each, str)]
    if wanted is list:
        return any(_same_list(value, each, objects=inner is dict) for each in possible)
    return value in possible


def _types(said: dict[str, Any]) -> tuple[type, type | None]:
    """Give the type of an argument, and that of its items where it is a list."""
    try:
        inner = TYPES[said["items"]["type"]] if said["type"] in ("array", "tuple") else None
        return TYPES[said["type"]], inner
    except (KeyError, TypeError) as exc:
        raise ConfigError(f"an argument is described by no type of {', '.join(TYPES)}: {said!r}") from exc


def _fit(value: Any, possible: Sequence[Any], wanted: type, inner: type | None) -> _Fit:
    given: type = type(value)
    known = next((type(each) for each in possible if each != ABSENT), None)
    if given is wanted:
        if inner is not None and not any(_items_fit(value, each, inner) for each in possible):
            return _Fit.NO
        return _Fit.DESCRIBED if known in (None, wanted) else _Fit.STAND_IN
    return _Fit.STAND_IN if known is not None and given is known else _Fit.NO


def _items_fit(items: list[Any], option: Any, inner: type) -> bool:
    return not isinstance(option, list) or all(_fit(each, option, inner, None) is not _Fit.NO for each in items)


def _plain(value: Any) -> Any:
    """Leave out of a text what is not compared; anything else stays as it is."""
    return _IGNORED.sub("", value).lower().replace("'", '"') if isinstance(value, str) else value


def _same_list(items: list[Any], option: Any, *, objects: bool) -> bool:
    if not isinstance(option, list | str) or len(option) != len(items):
        return False
    if objects:
        return all(_same_object(one, other) for one, other in zip(items, option, strict=True))
    return [_plain(each) for each in items] == [_plain(each) for each in option]


def _any_object(found: dict[str, Any], possible: Sequence[Any]) -> bool:
    return any(_same_object(found, option) for option in possible if option != ABSENT)


def _same_object(found: Any, option: Any) -> bool:
    """Compare an object with one possible one, in which every key has a list of possible values."""
    if not isinstance(found, dict) or not isinstance(option, dict):
        return False
    if any(
        key not in option or _plain(value) not in [_plain(each) for each in option[key]] for key, value in found.items()
    ):
        return False
    return all(key in found or ABSENT in values for key, values in option.items())
