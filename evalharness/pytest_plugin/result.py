"""From the trials of one test to one result: what the run keeps of each, and what pytest reports of all.

A skip is no trial. An expected failure is a fail of the agent, and what pytest makes of it stays. Whatever else goes
wrong is a fail, in setup and teardown too, unless infrastructure did it: then the trial measured nothing.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest import TestReport

from evalharness.model import Outcome

LONGEST = 16_384  # characters kept of a failure, and of what a test printed
TOLERANCE = 1e-9
STRICT = "[XPASS(strict)]"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An exception in one phase of a test: the agent's own doing, or infrastructure's."""

    cause: str
    agents: bool
    phase: str


@dataclass(frozen=True)
class TestTrial:
    """One trial: the reports of its phases, and the exceptions in them."""

    __test__ = False  # no test, whatever its name

    reports: list[TestReport]
    faults: tuple[Fault, ...]
    began: str

    @cached_property
    def telling(self) -> TestReport:
        """Return the report that says how the trial went: the first that did not pass, or that of the call."""
        odd = [each for each in self.reports if not each.passed]
        calls = [each for each in self.reports if each.when == "call"]
        return (odd or calls or self.reports)[0]

    @cached_property
    def expected_failure(self) -> bool:
        """Say whether the test is marked as failing, and behaved accordingly or passed."""
        return hasattr(self.telling, "wasxfail") or _strict_pass(self.telling)

    @cached_property
    def fault(self) -> Fault | None:
        """Return the exception that decided the trial."""
        return next((each for each in self.faults if each.phase == self.telling.when), None)

    @cached_property
    def outcome(self) -> Outcome | None:
        """Say what the trial shows about the agent; None for one that was skipped."""
        report = self.telling
        if report.passed or _strict_pass(report):
            return Outcome.PASS
        if report.skipped and (not hasattr(report, "wasxfail") or report.when == "setup"):
            return None
        return Outcome.FAIL if self.fault is None or self.fault.agents else Outcome.ERROR

    def told(self) -> dict[str, Any]:
        """Say what the run keeps of it, in plain data that travels between processes."""
        calls = [each.duration for each in self.reports if each.when == "call"]
        failed = self.outcome is not Outcome.PASS
        return {
            "outcome": str(self.outcome),
            "cause": self._cause() if failed else None,
            "detail": _message(self.telling)[:500] if failed else "",
            "seconds": calls[0] if calls else None,
            "began": self.began,
            "final": self.telling.longreprtext[-LONGEST:] if failed else "",
            "logs": "\n".join(f"{name}\n{text}" for name, text in self.reports[-1].sections)[-LONGEST:],
        }

    def _cause(self) -> str:
        cause = self.fault.cause if self.fault else "failed"
        return cause if self.outcome is Outcome.ERROR or self.telling.when == "call" else f"{self.telling.when}:{cause}"


def one_result(trials: list[TestTrial], min_pass_rate: float) -> list[TestReport]:
    """Choose and complete the reports that stand for the whole test."""
    measured = [each for each in trials if each.outcome in (Outcome.PASS, Outcome.FAIL)]
    failed = [each for each in measured if each.outcome is Outcome.FAIL]
    unmeasured = [each for each in trials if each.outcome is Outcome.ERROR]
    if not measured:
        return _nothing_measured(unmeasured) if unmeasured else trials[0].reports
    expected = [each for each in measured if each.expected_failure]
    unexpected = [each for each in failed if not each.expected_failure]
    if expected:
        return (unexpected or [each for each in failed if each.expected_failure] or expected)[0].reports
    passed = len(measured) - len(failed)
    if passed < min_pass_rate * len(measured) - TOLERANCE:
        said = f"{passed} of {len(measured)} measured trials passed, below a rate of {min_pass_rate:g}"
        return _explained(failed[0], said if len(trials) > 1 else "")
    return _passed(trials, next((each for each in measured if each not in failed), failed[0] if failed else None))


def _strict_pass(report: TestReport) -> bool:
    return report.failed and isinstance(report.longrepr, str) and report.longrepr.startswith(STRICT)


def _message(report: TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longreprtext)


def _explained(trial: TestTrial, said: str) -> list[TestReport]:
    """Put before the first failure of a test how many of its trials passed."""
    crash = getattr(trial.telling.longrepr, "reprcrash", None)
    if said:
        trial.telling.sections.append(("evalh", said))
    if said and crash is not None:
        crash.message = f"{said}: {crash.message}"
    return trial.reports


def _nothing_measured(unmeasured: list[TestTrial]) -> list[TestReport]:
    """Report an error, as pytest does for what goes wrong before a test: nothing is known of the agent."""
    first = unmeasured[0]
    causes = ", ".join(sorted({each.fault.cause for each in unmeasured if each.fault}))
    reports = _explained(first, f"no trial was measured ({causes})")
    first.telling.when = "setup"
    return [first.telling, *(each for each in reports if each.when == "teardown")]


def _passed(trials: list[TestTrial], shown: TestTrial | None) -> list[TestReport]:
    """Report a test that passed often enough, with the time that all its trials took."""
    reports = (shown or trials[0]).reports
    for report in reports:
        report.outcome, report.longrepr = "passed", None
        report.duration = sum(each.duration for trial in trials for each in trial.reports if each.when == report.when)
    return reports
