"""promptfoo's assertions as graders: those that mean the same, with `not-` where that can be said."""

import json
import re
from pathlib import Path
from typing import Any

import regex
from msgspec import Struct

from evalharness.adopt.adopted import Adopted, NoCounterpart
from evalharness.adopt.promptfoo_files import SCHEME, seen_from, text_of
from evalharness.adopt.promptfoo_texts import JSON_KINDS, TEXT_KINDS, Options, pattern, text
from evalharness.adopt.templates import Template

MODULE = "promptfoo_checks"
JUDGE = "openai/gpt-4o-mini"  # where the configuration names none
RUBRICS = {
    "llm-rubric": "{}",
    "model-graded-closedqa": "{}",
    "g-eval": "{}",
    "factuality": "The answer agrees with these facts, and contradicts none of them: {}",
    "model-graded-factuality": "The answer agrees with these facts, and contradicts none of them: {}",
}
IGNORED = frozenset({"type", "value", "threshold", "weight", "metric", "provider", "rubricPrompt", "config"})


class Judging(Struct, kw_only=True):
    """How the answers of one test are judged, while it is put together."""

    graders: list[dict[str, Any]] = []
    limits: dict[str, float] = {}
    expected: Any = None


class Asserting(Struct, frozen=True):
    """Where an assertion stands: the variables of its test, the folders of its files, and the default judge."""

    adopted: Adopted
    folder: Path
    out: Path
    values: dict[str, Any]
    judge: str | None


def taken(said: Any, place: str, around: Asserting, judging: Judging) -> None:
    """Take an assertion over, or name it as lost."""
    try:
        _check(said)
        if said["type"] == "assert-set":
            _set(said, place, around, judging)
            return
        grader = None if _limited(said, judging) else _grader(said, around, judging)
    except NoCounterpart as exc:
        around.adopted.lose(place, str(exc))
        return
    for key in sorted(said.keys() - IGNORED):
        around.adopted.lose(f"{place}.{key}", "is not taken over")
    if grader is not None:
        judging.graders = [*judging.graders, grader | _named(said)]


def _check(said: Any) -> None:
    if not isinstance(said, dict) or not isinstance(said.get("type"), str):
        raise NoCounterpart("is no assertion with a type")


def _set(said: Options, place: str, around: Asserting, judging: Judging) -> None:
    if said.get("threshold") is not None:
        raise NoCounterpart("type 'assert-set' with a threshold has no counterpart: here every grader must pass")
    for index, each in enumerate(said.get("assert") or []):
        taken(each, f"{place}.assert[{index}]", around, judging)


def _named(said: Options) -> Options:
    found: Options = {}
    if isinstance(said.get("metric"), str):
        found["name"] = said["metric"]
    weight = said.get("weight")
    return found | ({"weight": weight} if isinstance(weight, int | float) and weight > 0 and weight != 1 else {})


def _grader(said: Options, around: Asserting, judging: Judging) -> Options:
    """Make the grader of an assertion."""
    kind = str(said["type"])
    opposite, kind = kind.startswith("not-"), kind.removeprefix("not-")
    if kind == "python":
        return _python(said, around, opposite=opposite)
    if kind in RUBRICS and not opposite:
        return _judge(kind, said, around)
    value = _value(said.get("value"), around)
    if kind == "equals" and not opposite:
        return _equals(value, judging)
    if kind in JSON_KINDS and not opposite:
        return {"use": "json_schema", "options": {"schema": _schema(value), **JSON_KINDS[kind]}}
    maker = TEXT_KINDS.get((kind, opposite))
    if maker is None:
        raise NoCounterpart(f"type '{said['type'][:60]}' has no counterpart here")
    return maker(value)


def _value(value: Any, around: Asserting) -> Any:
    """Read the file that a value names, and fill the test's variables in."""
    if isinstance(value, list):
        return [_value(each, around) for each in value]
    if not isinstance(value, str):
        return value
    said = text_of(value, around.folder)
    return Template(said).render(around.values) if "{{" in said or "{%" in said else said


def is_limit(said: Any) -> bool:
    """Say whether an assertion is about time or money, which are limits of a task here."""
    return isinstance(said, dict) and said.get("type") in ("latency", "cost")


def _limited(said: Options, judging: Judging) -> bool:
    """Take an assertion over that is a limit of its task here; say whether it is one."""
    kind, threshold = said["type"], said.get("threshold")
    if not is_limit(said):
        return False
    if not isinstance(threshold, int | float) or threshold <= 0:
        raise NoCounterpart(f"'{kind}' needs a threshold above 0")
    name, limit = ("seconds", threshold / 1000) if kind == "latency" else ("cost_usd", float(threshold))
    judging.limits = {**judging.limits, name: min(limit, judging.limits.get(name, limit))}
    return True


def _judge(kind: str, said: Options, around: Asserting) -> Options:
    provider = said.get("provider") or around.judge
    if isinstance(provider, dict):
        provider = provider.get("id")
    model = JUDGE if not isinstance(provider, str) else provider.replace(":chat:", "/").replace(":", "/", 1)
    rubric = _value(said.get("value"), around)
    if not isinstance(rubric, str) or not rubric.strip():
        raise NoCounterpart(f"'{kind}' has no rubric")
    if not isinstance(provider, str):
        around.adopted.lose("judge", f"no model is named for '{kind}': {model} judges; change it where that is wrong")
    if said.get("rubricPrompt") or said.get("threshold") is not None:
        around.adopted.lose(
            "judge", f"`rubricPrompt` and `threshold` of '{kind}' are not taken over: a judge passes or fails"
        )
    return {"use": "judge", "options": {"rubric": RUBRICS[kind].format(rubric), "model": model}}


def _python(said: Options, around: Asserting, *, opposite: bool) -> Options:
    """Let a module that is written beside the suite call the team's own code."""
    source = said.get("value")
    if not isinstance(source, str) or not source.strip():
        raise NoCounterpart("'python' has no code")
    if source.startswith(SCHEME):
        path, _, function = source.removeprefix(SCHEME).partition(".py")
        if not (around.folder / f"{path}.py").is_file():
            raise NoCounterpart(f"no such file: {path}.py")
        file = seen_from(around.folder / f"{path}.py", around.out)
        call = f"python({file!r}, {function.lstrip(':') or 'get_assert'!r}"
    else:
        _check_code(source)
        call = f"code({source!r}"
    threshold = said.get("threshold")
    call = f"{call}, threshold={threshold if isinstance(threshold, int | float) else None!r}, opposite={opposite})"
    known = around.adopted.modules.get(f"{MODULE}.py", "")
    found = re.search(rf"^(check_\d+) = {re.escape(call)}$", known, re.MULTILINE)
    name = found[1] if found else f"check_{known.count(' = ') + 1}"
    around.adopted.modules[f"{MODULE}.py"] = known if found else f"{known}{name} = {call}\n"
    return {"use": "function", "options": {"call": f"{MODULE}:{name}"}}


def _check_code(source: str) -> None:
    """Refuse code that is none, as the module beside the suite would."""
    lines = source.strip().split("\n")
    body = lines if len(lines) > 1 else [f"return {lines[0]}"]
    try:
        compile("def _judged(output, context):\n" + "".join(f"    {line}\n" for line in body), "assert", "exec")
    except (SyntaxError, ValueError) as exc:
        raise NoCounterpart(f"its code cannot be read: {exc}") from exc


def _equals(value: Any, judging: Judging) -> Options:
    """Compare with the expected answer of the row, as long as there is only one."""
    if isinstance(value, dict | list):
        if judging.expected is not None:
            raise NoCounterpart("a second value for 'equals'")
        judging.expected = value
        return {"use": "json_schema", "options": {"compare": "equal"}}
    if judging.expected is None:
        judging.expected = text(value)
        return {"use": "exact_match", "options": {"normalisation": "none"}}
    return pattern(rf"\A{regex.escape(text(value))}\Z")


def _schema(value: Any) -> Any:
    if value in (None, ""):
        return True
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError as exc:
        raise NoCounterpart(f"its schema is no JSON: {exc}") from exc
    if not isinstance(found, dict | bool):
        raise NoCounterpart("its schema is no object")
    return found
