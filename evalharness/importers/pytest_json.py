"""pytest-json-report: `.report.json` with an outcome per test.

A test that errors (in a fixture), is skipped or was expected to fail measured nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from evalharness.importers.endings import Ending, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.numbering import occurrences
from evalharness.importers.source import document
from evalharness.model import Outcome, Record, RunHeader, Usage


class Stage(msgspec.Struct):
    """Setting up, running or tearing down a test."""

    duration: float | None = None


class Test(msgspec.Struct):
    """One test."""

    nodeid: str
    outcome: str = ""
    call: Stage | None = None


class Report(msgspec.Struct):
    """A whole report."""

    tests: list[Test] = []
    summary: dict[str, int] = {}
    created: float | None = None


@dataclass(frozen=True)
class PytestJsonImporter:
    """A report of pytest-json-report."""

    def sniff(self, path: Path) -> bool:
        """Look for the tests, their summary and pytest's exit code."""
        return look(path).form == "object" and look(path).has("tests", "summary", "exitcode")

    def runs(self, path: Path) -> list[str]:
        """Name the one run after its file."""
        return [path.name.strip(".").partition(".json")[0] or "pytest"]

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the outcomes."""
        report = document(path, Report)
        started = report.created is not None and 0 < report.created < 1e11
        known = Known(
            suite=run,
            agent="unknown",
            tasks=dict.fromkeys((each.nodeid for each in report.tests), ()),
            started_at=datetime.fromtimestamp(report.created or 0, UTC).isoformat() if started else "",
            tool="pytest-json-report",
            faults=_faults(report),
        )
        return header(path, run, known), _records(report.tests)


def _records(tests: list[Test]) -> Iterator[Record]:
    for each, trial in zip(tests, occurrences(each.nodeid for each in tests), strict=True):
        judged = _OUTCOMES.get(each.outcome) or unmeasured(each.outcome)
        yield Record(
            task_id=each.nodeid,
            trial=trial,
            **judged.recorded,
            usage=Usage(seconds=each.call.duration if each.call else None),
        )


_OUTCOMES = {"passed": Ending(Outcome.PASS, 1.0), "failed": Ending(Outcome.FAIL, 0.0)}


def _faults(report: Report) -> list[str]:
    held = {
        word: sum(each.outcome == word for each in report.tests) for word in ("passed", "failed", "error", "skipped")
    }
    return [
        f"it counts {report.summary[word]} {word}, and holds {count}"
        for word, count in held.items()
        if report.summary.get(word, count) != count
    ]
