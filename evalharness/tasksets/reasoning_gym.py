"""reasoning-gym: puzzles made by a seed, as many as wanted, judged by the package's own scorers."""

import re
from functools import lru_cache
from typing import Any

import msgspec

from evalharness.errors import ConfigError
from evalharness.graders.answers import quoted
from evalharness.model import Grade, Task, Transcript
from evalharness.tasksets.source import Fields, imported
from evalharness.workspaces import Workspace

INSTALL = "pip install reasoning-gym"
UNSTEADY = {"isomorphic_strings", "knight_swap", "polynomial_multiplication", "ransom_note", "word_ladder"}
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)


def load(datasets: list[str | Fields], size: int = 10, seed: int = 0) -> list[Fields]:
    """Make `size` puzzles of each dataset: fields `question`, `reference` (a right answer) and `puzzle` (its making).

    A dataset is a name, or an object with `name` and whatever options it takes. Tagged by dataset and by its family.
    Another seed makes other puzzles of the same kind.
    """
    if not datasets or size < 1:
        raise ConfigError("reasoning-gym: name at least one of its datasets, and a size of at least 1")
    return [row for each in datasets for row in _rows(each, size, seed)]


def _rows(said: str | Fields, size: int, seed: int) -> list[Fields]:
    options = {"name": said} if isinstance(said, str) else dict(said)
    name = str(options.pop("name", ""))
    if name in UNSTEADY:
        raise ConfigError(f"reasoning-gym: '{name}' is not the same in every process, so its runs cannot be compared")
    made = _dataset(name, size, seed, _written(options))
    return [_row(made, name, options, size=size, seed=seed, index=index) for index in range(size)]


def _row(made: Any, name: str, options: Fields, *, size: int, seed: int, index: int) -> Fields:
    entry = made[index]
    return {
        "id": f"{name}-{seed}-{index}",
        "question": entry["question"],
        "reference": entry["answer"],
        "puzzle": {"name": name, "options": options, "size": size, "seed": seed, "index": index},
        "tags": {"dataset": name, "family": type(made).__module__.split(".")[1]},
    }


def _written(options: Fields) -> str:
    return msgspec.json.encode(options, order="sorted").decode()


@lru_cache(maxsize=512)
def _dataset(name: str, size: int, seed: int, options: str) -> Any:
    package = imported("reasoning_gym", what="reasoning-gym", install=INSTALL)
    try:
        return package.create_dataset(name, size=size, seed=seed, **msgspec.json.decode(options))
    except Exception as exc:
        known = package.factory.DATASETS
        near = "" if name in known else f"; there are {', '.join(sorted(known)[:8])} and {len(known) - 8} more"
        raise ConfigError(f"reasoning-gym: '{name}' cannot be made: {type(exc).__name__}: {exc}{near}") from exc


def grade(task: Task, transcript: Transcript, workspace: Workspace) -> Grade:  # noqa: ARG001 - a grader's arguments
    """Judge an answer with the dataset's own scorer; only the full score is a pass.

    The answer is what stands in the last `<answer>` of the text, or else the whole text. A package that makes another
    puzzle of the same seed measured nothing.
    """
    puzzle = task.fields["puzzle"]
    made = _dataset(puzzle["name"], puzzle["size"], puzzle["seed"], _written(puzzle["options"]))
    entry = made[puzzle["index"]]
    if entry["question"] != task.fields["question"]:
        raise ConfigError(
            f"task '{task.id}': reasoning-gym makes another puzzle of this seed now; is it another version?"
        )
    found = _ANSWER.findall(transcript.final)
    answer = (found[-1] if found else transcript.final).strip()
    score = min(1.0, max(0.0, _scored(made, answer, entry)))
    reason = "" if score >= 1 else f"answered {quoted(answer)}; right is {quoted(str(entry['answer']))}"
    return Grade(grader="reasoning_gym", score=score, passed=score >= 1, reason=reason)


def _scored(made: Any, answer: str, entry: Fields) -> float:
    """Ask the scorer; one that raises for this answer, but not for a right one, could not read it: that is a 0."""
    try:
        return float(made.score_answer(answer, entry))
    except Exception:
        if entry["answer"] is None:
            raise
        made.score_answer(entry["answer"], entry)
        return 0.0
