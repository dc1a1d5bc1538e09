"""GSM8K and SVAMP: word problems with a number as the answer."""

from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError
from evalharness.tasksets.source import Fields, located, records, sampled, value

MARK = "####"  # stands before the answer in GSM8K's solutions
MOST_STEPS = 7  # rarer numbers of steps make no slice of their own
GSM8K = "put test.jsonl of github.com/openai/grade-school-math there"
SVAMP = "put SVAMP.json of github.com/arkilpatel/SVAMP there"
TYPES = {"common-divison": "division", "common-division": "division"}


def gsm8k(path: str = "gsm8k", limit: int | None = None, seed: int = 0, *, folder: Path) -> list[Fields]:
    """Load GSM8K: fields `question` and `answer`, tagged by the number of calculations in the solution."""
    file = located(path, folder, what="GSM8K", origin=GSM8K)
    rows = [_gsm8k_row(each, f"{file}:{number}") for number, each in enumerate(records(file), 1)]
    return sampled(rows, limit, seed)


def _gsm8k_row(given: Fields, place: str) -> Fields:
    solution = str(value(given, ("solution", "answer"), place))
    if MARK not in solution:
        raise ConfigError(f"{place}: the solution has no '{MARK}' before its answer; is this GSM8K?")
    steps = solution.count("<<")
    return {
        **_known_id(given),
        "question": value(given, ("question", "input"), place),
        "answer": _number(solution.rpartition(MARK)[2], place),
        "tags": {"steps": str(steps) if steps < MOST_STEPS else f"{MOST_STEPS}+"},
    }


def svamp(path: str = "svamp", limit: int | None = None, seed: int = 0, *, folder: Path) -> list[Fields]:
    """Load SVAMP: fields `question` and `answer`, tagged by the kind of calculation."""
    file = located(path, folder, what="SVAMP", origin=SVAMP)
    rows = [_svamp_row(each, f"{file}:{number}") for number, each in enumerate(records(file), 1)]
    return sampled(rows, limit, seed)


def _svamp_row(given: Fields, place: str) -> Fields:
    said = given.get("question_concat") or _told(given) or value(given, ("input",), place)
    kind = given.get("Type") or (given.get("tags") or {}).get("type") or "unknown"
    named = str(kind).strip().lower()
    return {
        **_known_id(given),
        "question": said,
        "answer": _number(_single(value(given, ("Answer", "target"), place)), place),
        "tags": {"type": TYPES.get(named, named)},
    }


def _told(given: Fields) -> str:
    """Join the story and the question, which the published file keeps apart; its stories may lack a full stop."""
    parts = [str(given[name]).strip() for name in ("Body", "Question") if given.get(name)]
    if len(parts) < 2:
        return ""
    body, question = parts
    return f"{body}{'' if body.endswith(('.', '?', '!', ',')) else '.'} {question}"


def _known_id(given: Fields) -> Fields:
    name = given.get("id", given.get("ID"))
    return {} if name is None else {"id": name}


def _single(answer: Any) -> Any:
    return answer[0] if isinstance(answer, list) and answer else answer


def _number(text: Any, place: str) -> float | int:
    """Read an answer; whole numbers are kept whole, so that reports do not say 18.0 eggs."""
    try:
        found = float(str(text).replace(",", "").replace("$", "").strip())
    except ValueError as exc:
        raise ConfigError(f"{place}: the answer {str(text).strip()!r} is no number") from exc
    return int(found) if found.is_integer() else found
