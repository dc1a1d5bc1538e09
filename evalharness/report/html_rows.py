"""The tasks of an HTML report as plain data, for the script that searches, filters and sorts them."""

import base64
import zlib
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from evalharness.model import Comparison, Counts, Side, TaskClass, TaskPair
from evalharness.report import inert
from evalharness.report.evidence import FAIL, PASS, UNMEASURED, ArmEvidence, ArmsEvidence, Evidence, ShownTrial
from evalharness.report.wording import BAD, CLASSES, GOOD, ORDER

MOST_MARKS = 40  # above this many trials a bar says more
MOST_EMBEDDED = 500_000
ID_LENGTH = 300


class Arm(Struct, frozen=True, array_like=True):
    """One arm of a row: passed, measured and unmeasured trials, a letter per trial, total cost and mean time."""

    passed: int
    measured: int
    unmeasured: int
    marks: str
    cost_usd: float | None
    seconds: float | None


class Row(Struct, frozen=True, array_like=True):
    """One task; `tags` and `state` are places in the lists beside the rows; arms are baseline, then candidate."""

    task_id: str
    state: int
    tags: list[int]
    arms: list[Arm]
    pvalue: float | None
    fresh: list[list[int]]
    note: str


class Word(Struct, frozen=True):
    """How a class is shown: `tone` is bad, good or none."""

    label: str
    meaning: str
    tone: str
    count: int


class Table(Struct, frozen=True, kw_only=True):
    """All rows, and what they point to; `places` are the run of each arm, for the command that shows more."""

    rows: list[Row]
    words: list[Word]
    tags: list[str]
    places: list[str]
    arms: list[str]


def task_table(comparison: Comparison, evidence: Evidence) -> Table:
    """Put every task in a row, those to look at first on top."""
    tasks = sorted(comparison.tasks, key=lambda task: (ORDER.get(task.state, len(ORDER)), task.pvalue))
    tags = sorted({tag for task in tasks for tag in task.tags})
    place = {tag: number for number, tag in enumerate(tags)}
    states = [state for state in CLASSES if any(task.state is state for task in tasks)]
    counted = comparison.classes
    return Table(
        rows=[_row(task, states.index(task.state), [place[tag] for tag in task.tags], evidence) for task in tasks],
        words=[Word(*CLASSES[state], tone(state), counted[state]) for state in states],
        tags=[inert.line(tag, longest=ID_LENGTH) for tag in tags],
        places=[inert.line(side.place) for side in (comparison.baseline, comparison.candidate)],
        arms=["baseline", "candidate"],
    )


def tone(state: TaskClass) -> str:
    """Say whether a class is good or bad news."""
    return "bad" if state in BAD else "good" if state in GOOD else ""


def _row(task: TaskPair, state: int, tags: list[int], evidence: Evidence) -> Row:
    fresh = (task.fresh_baseline, task.fresh_candidate)
    return Row(
        inert.line(task.task_id, longest=ID_LENGTH),
        state,
        tags,
        [
            arm(task.task_id, task.baseline, evidence.baseline),
            arm(task.task_id, task.candidate, evidence.candidate),
        ],
        round(task.pvalue, 6),
        [[counts.passed, counts.measured] for counts in fresh if counts and counts.measured],
        inert.line(task.note),
    )


def arm(task_id: str, counts: Counts, evidence: ArmEvidence) -> Arm:
    """Show one task in one arm; trials stand in their order where that is known and tells the same story."""
    known = evidence.trials.get(task_id)
    plain = PASS * counts.passed + FAIL * (counts.measured - counts.passed) + UNMEASURED * counts.unmeasured
    marks = known.marks if known and sorted(known.marks) == sorted(plain) else plain
    return Arm(
        counts.passed,
        counts.measured,
        counts.unmeasured,
        marks if len(marks) <= MOST_MARKS else "",
        known.cost_usd if known else None,
        known.seconds if known else None,
    )


def packed(evidence: Evidence | ArmsEvidence) -> dict[str, str]:
    """Compress the transcripts of each task by itself, as far as there is room for them in a page."""
    kept: dict[str, str] = {}
    room = MOST_EMBEDDED
    for task_id, trials in evidence.transcripts.items():
        content = msgspec.json.encode([_readable(each) for each in trials])
        text = base64.b64encode(zlib.compress(content, 9)).decode()
        room -= len(text)
        if room < 0:
            break
        kept[inert.line(task_id, longest=ID_LENGTH)] = text
    return kept


def _readable(trial: ShownTrial | None) -> dict[str, object] | None:
    if trial is None:
        return None
    return {
        "trial": trial.trial,
        "outcome": trial.outcome,
        "cause": inert.line(trial.cause),
        "said": [[inert.line(who, longest=80), inert.lines(text)] for who, text in trial.said],
        "grades": [
            [inert.line(each.grader), each.passed, each.score, inert.lines(each.reason)] for each in trial.grades
        ],
        "left_out": trial.left_out,
    }


def sides(comparison: Comparison) -> Sequence[tuple[str, Side]]:
    """Return both arms with their names."""
    return (("baseline", comparison.baseline), ("candidate", comparison.candidate))
