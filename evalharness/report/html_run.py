"""One run as an HTML file: its rates, every task, cost and time, and how it was made."""

from evalharness.model import Counts, Side
from evalharness.report import inert
from evalharness.report.evidence import FAIL, PASS, ArmEvidence, Evidence
from evalharness.report.html import curves, origin
from evalharness.report.html_page import embedded, page
from evalharness.report.html_rows import ID_LENGTH, Row, Table, Word, arm, packed

WORDS = {
    "never": Word("never passes", "no measured trial passed", "bad", 0),
    "sometimes": Word("varies", "some trials passed, some failed", "", 0),
    "unmeasured": Word("unmeasured", "no trial was measured", "", 0),
    "always": Word("always passes", "every measured trial passed", "", 0),
}


def render(side: Side, evidence: Evidence, tags: dict[str, tuple[str, ...]]) -> str:
    """Write the page of the run that `evidence` holds as its candidate."""
    return page(
        "run.html",
        side=side,
        arm=evidence.candidate,
        evidence=evidence,
        curves=curves([side]),
        origin=origin(side, evidence.candidate),
        table=embedded(_table(side, evidence.candidate, tags)),
        transcripts=embedded(packed(evidence)),
    )


def _table(side: Side, evidence: ArmEvidence, tags: dict[str, tuple[str, ...]]) -> Table:
    names = sorted({tag for own in tags.values() for tag in own})
    place = {tag: number for number, tag in enumerate(names)}
    states = list(WORDS)
    counted = {task_id: counts(trials.marks) for task_id, trials in evidence.trials.items()}
    kinds = {task_id: states.index(_kind(each)) for task_id, each in counted.items()}
    rows = [
        Row(
            inert.line(task_id, longest=ID_LENGTH),
            kinds[task_id],
            [place[tag] for tag in tags.get(task_id, ())],
            [arm(task_id, each, evidence)],
            None,
            [],
            "",
        )
        for task_id, each in counted.items()
    ]
    words = [
        Word(word.label, word.meaning, word.tone, list(kinds.values()).count(number))
        for number, word in enumerate(WORDS.values())
    ]
    return Table(
        rows=sorted(rows, key=lambda row: row.state),
        words=words,
        tags=[inert.line(tag, longest=ID_LENGTH) for tag in names],
        places=[inert.line(side.place)],
        arms=["trials"],
    )


def counts(marks: str) -> Counts:
    """Count the trials that letters stand for."""
    passed = marks.count(PASS)
    return Counts(passed=passed, measured=passed + marks.count(FAIL), planned=len(marks))


def _kind(counted: Counts) -> str:
    if not counted.measured:
        return "unmeasured"
    if counted.passed == counted.measured:
        return "always"
    return "sometimes" if counted.passed else "never"
