"""DeepEval: a `test_run` file with a test case per input, judged by metrics.

A case passes when the tool says so. A case whose metrics ended in an error, and that did not pass, measured nothing.
Cases with one input are trials of one task.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evalharness.importers.endings import Ending, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.numbering import names, occurrences
from evalharness.importers.source import document, text
from evalharness.model import Grade, Outcome, Record, RunHeader, Transcript, TrialKey, Usage

KEPT = "testRunData"  # around the run, in what DeepEval keeps of its last one
NUMBERED = re.compile(r"(?:conversational_)?test_case_\d+")


class Metric(msgspec.Struct):
    """What one metric said."""

    name: str = ""
    score: float | None = None
    success: bool | None = None
    reason: str | None = None
    error: str | None = None


class Case(msgspec.Struct, rename="camel"):
    """One test case."""

    name: str | None = None
    input: Any = None
    turns: Any = None
    actual_output: Any = None
    success: bool | None = None
    metrics_data: list[Metric] | None = None
    run_duration: float | None = None
    evaluation_cost: float | None = None


class TestRun(msgspec.Struct, rename="camel"):
    """A whole file."""

    test_cases: list[Case] = []
    conversational_test_cases: list[Case] = []
    test_file: str | None = None
    test_passed: int | None = None
    test_failed: int | None = None


class Kept(msgspec.Struct):
    """A file with something around it."""

    run: TestRun = msgspec.field(name=KEPT)


@dataclass(frozen=True)
class DeepEvalImporter:
    """What DeepEval keeps of a test run."""

    def sniff(self, path: Path) -> bool:
        """Look for test cases and the scores of metrics."""
        seen = look(path)
        known = seen.has("testCases", "metricsScores") or seen.within(KEPT, "testCases", "metricsScores")
        return seen.form == "object" and known

    def runs(self, path: Path) -> list[str]:
        """Name the one run after its file."""
        return [path.name.partition(".")[0]]

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the test cases."""
        told = _told(path)
        cases = [*told.test_cases, *told.conversational_test_cases]
        task_ids = _task_ids(cases)
        known = Known(
            suite=told.test_file or run,
            agent="unknown",
            tasks=dict.fromkeys(task_ids, ()),
            tool="DeepEval",
            faults=_faults(told, cases),
        )
        return header(path, run, known), _records(cases, task_ids)

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:  # noqa: ARG002 - the file is the run
        """Yield the answers."""
        told = _told(path)
        cases = [*told.test_cases, *told.conversational_test_cases]
        task_ids = _task_ids(cases)
        for each, task_id, trial in zip(cases, task_ids, occurrences(task_ids), strict=True):
            if each.actual_output is not None:
                yield TrialKey(task_id=task_id, trial=trial), Transcript(final=text(each.actual_output))


def _told(path: Path) -> TestRun:
    return document(path, Kept).run if look(path).has(KEPT) else document(path, TestRun)


def _task_ids(cases: list[Case]) -> list[str]:
    """Name cases as their author did; DeepEval's own numbers say nothing, so that those are named by their input."""
    inputs = [each.turns if each.input is None else each.input for each in cases]
    labels = [
        text(given) if not each.name or NUMBERED.fullmatch(each.name) else each.name
        for each, given in zip(cases, inputs, strict=True)
    ]
    return names(labels, inputs)


def _records(cases: list[Case], task_ids: list[str]) -> Iterator[Record]:
    for each, task_id, trial in zip(cases, task_ids, occurrences(task_ids), strict=True):
        judged = _ending(each)
        yield Record(
            task_id=task_id,
            trial=trial,
            **judged.recorded,
            grades=_grades(each) if judged.outcome is not Outcome.ERROR else (),
            usage=Usage(seconds=each.run_duration),
            judging=Usage(cost_usd=each.evaluation_cost) if each.evaluation_cost else None,
        )


def _ending(case: Case) -> Ending:
    if case.success:
        return Ending(Outcome.PASS, 1.0)
    errors = [metric.error for metric in case.metrics_data or () if metric.error]
    if errors or case.success is None:
        return unmeasured(errors[0] if errors else "")
    return Ending(Outcome.FAIL, 0.0)


def _grades(case: Case) -> tuple[Grade, ...]:
    return tuple(
        Grade(grader=each.name, score=each.score or 0.0, passed=bool(each.success), reason=(each.reason or "")[:300])
        for each in case.metrics_data or ()
        if not each.error
    )


def _faults(told: TestRun, cases: list[Case]) -> list[str]:
    found = {
        "passed": (told.test_passed, sum(each.success is True for each in cases)),
        "failed": (told.test_failed, sum(each.success is False for each in cases)),
    }
    return [
        f"it counts {said} {word} test cases, and holds {held}"
        for word, (said, held) in found.items()
        if said not in (None, held)
    ]
