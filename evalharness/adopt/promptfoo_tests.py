"""promptfoo's tests as rows: their variables, every combination of lists among them, and their assertions."""

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice, product
from pathlib import Path
from typing import Any

import msgspec

from evalharness.adopt.adopted import Adopted, NoCounterpart
from evalharness.adopt.promptfoo_asserts import Asserting, Judging, is_limit, taken
from evalharness.adopt.promptfoo_files import SCHEME, loaded, located, text_of
from evalharness.adopt.templates import field_name, rendered

MOST_COMBINATIONS = 10_000
KNOWN = frozenset({"vars", "assert", "description", "metadata", "options", "threshold"})

_EXPECTED = re.compile(r"(?P<type>(?:not-)?[a-z][a-z-]*)(?:\((?P<threshold>[\d.]+)\))?(?::(?P<value>.*))?", re.DOTALL)
_SHORT = {"fn": "javascript", "eval": "javascript", "grade": "llm-rubric"}
_TYPES = re.compile(
    r"(not-)?(equals|i?contains(-any|-all)?|starts-with|regex|is-json|contains-json|javascript|python|llm-rubric|"
    r"similar|latency|cost|factuality|model-graded-closedqa|levenshtein|rouge-n|is-valid.*|webhook|perplexity.*)"
)


def tests(said: Any, folder: Path, adopted: Adopted) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every test with its place; files of tests are read, and what cannot be is named."""
    items = said if isinstance(said, list) else [] if said is None else [said]
    for index, item in enumerate(items):
        place = f"tests[{index}]"
        try:
            for each in _each(item, folder):
                yield from _one(each, place, folder)
        except NoCounterpart as exc:
            adopted.lose(place, str(exc))


def _each(item: Any, folder: Path) -> list[Any]:
    """Return what an entry stands for: itself, or the files that its pattern matches."""
    pattern = item.removeprefix(SCHEME) if isinstance(item, str) else ""
    if not any(sign in pattern for sign in "*?[") or pattern.startswith("/") or located(item, folder).is_file():
        return [item]
    found = [each.relative_to(folder).as_posix() for each in sorted(folder.glob(pattern)) if each.is_file()]
    if not found:
        raise NoCounterpart(f"{pattern}: no such files")
    return found


def _one(item: Any, place: str, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(item, dict) and "path" in item:
        raise NoCounterpart("tests that are made by code")
    if isinstance(item, dict):
        yield place, item
        return
    if not isinstance(item, str) or "://" in item.removeprefix(SCHEME):
        raise NoCounterpart("is neither a test nor a file of tests")
    path = located(item, folder)
    content = loaded(path)
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise NoCounterpart(f"{path.name} holds no list of tests")
    for index, each in enumerate(content):
        yield f"{path.name}[{index}]", _of_table(each) if path.suffix == ".csv" else each


def _of_table(row: dict[str, Any]) -> dict[str, Any]:
    """Make a test of a line of CSV: `__expected` columns are assertions, `__description` names it."""
    test: dict[str, Any] = {"vars": {}, "assert": []}
    for name, value in row.items():
        if name.startswith("__expected"):
            test["assert"] += [_expected(value)] if value else []
        elif name == "__description":
            test["description"] = value
        elif name.startswith("__metadata:"):
            test.setdefault("metadata", {})[name.partition(":")[2].removesuffix("[]")] = value
        elif name.startswith("__"):
            test[name] = value
        else:
            test["vars"][name] = value
    return test


def _expected(text: str) -> dict[str, Any]:
    """Read `contains: x`, `latency(1000)` or a plain text, which is to be equal."""
    found = _EXPECTED.fullmatch(text.strip())
    kind = _SHORT.get(found["type"], found["type"]) if found else ""
    if (
        not found
        or not _TYPES.fullmatch(kind)
        or (found["value"] is None and found["threshold"] is None and "json" not in kind)
    ):
        return {"type": "equals", "value": text}
    said: dict[str, Any] = {"type": kind}
    if found["value"] is not None:
        said["value"] = found["value"].strip()
    return said | ({"threshold": float(found["threshold"])} if found["threshold"] else {})


def rows(place: str, test: dict[str, Any], default: dict[str, Any], around: Asserting) -> Iterator[dict[str, Any]]:
    """Make the rows of a test: one for every combination of the values that its variables list."""
    for key in sorted(test.keys() - KNOWN):
        around.adopted.lose(f"{place}.{key}", "is not taken over")
    for key in ("vars", "options", "metadata"):
        if not isinstance(test.get(key), dict | str | None):
            around.adopted.lose(f"{place}.{key}", "is no object")
    if test.get("threshold") is not None:
        around.adopted.lose(f"{place}.threshold", "is not taken over: here every grader must pass")
    options = {**_object(default.get("options")), **_object(test.get("options"))}
    for key in sorted(options.keys() - {"provider", "disableVarExpansion"}):
        around.adopted.lose(f"{place}.options.{key}", "is not taken over")
    said = {**_vars(default, "defaultTest", around), **_vars(test, place, around)}
    values = _variables(said, place, around)
    judge = options.get("provider")
    for number, each in enumerate(_combined(values, expand=not options.get("disableVarExpansion")), 1):
        asserting = msgspec.structs.replace(around, values=each, judge=judge if isinstance(judge, str) else None)
        row = _row(place, test, default, asserting)
        if row is not None:
            yield _identified(row, test, number)


def _object(said: Any) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}


def _vars(test: dict[str, Any], place: str, around: Asserting) -> dict[str, Any]:
    said = test.get("vars")
    try:
        return _object(loaded(located(said, around.folder)) if isinstance(said, str) else said)
    except NoCounterpart as exc:
        around.adopted.lose(f"{place}.vars", str(exc))
        return {}


def _variables(values: dict[str, Any], place: str, around: Asserting) -> dict[str, Any]:
    """Read the files that variables name."""
    found = {}
    for name, value in values.items():
        try:
            found[str(name)] = text_of(value, around.folder) if isinstance(value, str) else value
        except NoCounterpart as exc:
            around.adopted.lose(f"{place}.vars.{name}", str(exc))
    return found


def _combined(values: dict[str, Any], *, expand: bool) -> Iterator[dict[str, Any]]:
    lists = {name: value for name, value in values.items() if isinstance(value, list) and value and expand}
    for chosen in islice(product(*lists.values()), MOST_COMBINATIONS):
        yield rendered({**values, **dict(zip(lists, chosen, strict=True))})


def _row(place: str, test: dict[str, Any], default: dict[str, Any], around: Asserting) -> dict[str, Any] | None:
    """Judge a test as its assertions say; None where there are some and none could be taken over."""
    judging = Judging()
    groups = [("defaultTest", default.get("assert")), (place, test.get("assert"))]
    said = [(f"{name}.assert[{index}]", each) for name, group in groups for index, each in enumerate(group or [])]
    for where, each in said:
        taken(each, where, around, judging)
    if not judging.graders and any(not is_limit(each) for _, each in said):
        around.adopted.lose(place, "the test is left out: none of its assertions could be taken over")
        return None
    if not said:
        around.adopted.lose(place, "asserts nothing: every answer passes")
    row: dict[str, Any] = {field_name(name): value for name, value in around.values.items()}
    row["graders"] = judging.graders or [{"use": "regex", "options": {"pattern": ""}}]
    if judging.limits:
        row["limits"] = judging.limits
    if judging.expected is not None:
        row["expected"] = judging.expected
    metadata = _object(test.get("metadata"))
    tags = {str(key): value for key, value in metadata.items() if isinstance(value, str | int | float | bool)}
    return row | ({"tags": tags} if tags else {})


def _identified(row: dict[str, Any], test: dict[str, Any], number: int) -> dict[str, Any]:
    """Name a row by its test's description, else by its content."""
    described = str(test.get("description") or "").strip()
    content = sha256(msgspec.json.encode(row, order="sorted", enc_hook=str)).hexdigest()[:12]
    return {"id": described or content, **row} if number == 1 else {"id": f"{described} {content}".strip(), **row}
