"""A pytest plugin: repeat tests, judge each by its pass rate, and keep the trials as a run that `evalh compare` reads.

Every pytest of an environment loads this module, so it imports nothing; the rest loads when an option or the marker
`evalh` asks for it.
"""

from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

MARKER = (
    "evalh(trials=N, min_pass_rate=X): run the test N times, set up afresh each time; "
    "it passes when at least the share X of its measured trials does"
)
REPEATS = "evalh-repeats"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("evalh", "repeated trials of tests (evalh)")
    group.addoption(
        "--evalh-trials", type=_count, metavar="N", help="Run every test N times; a marker's own number wins."
    )
    group.addoption("--evalh-out", metavar="DIR", help="Keep the trials as a run directory for `evalh compare`.")
    group.addoption(
        "--evalh-min-pass-rate",
        type=_share,
        default=1.0,
        metavar="X",
        help="The share of its trials that a test must pass (default: 1); a marker's own number wins.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and begin where an option asks for trials."""
    config.addinivalue_line("markers", MARKER)
    out = config.getoption("evalh_out")
    worker = hasattr(config, "workerinput")
    if out and not worker and Path(out).exists() and (not Path(out).is_dir() or any(Path(out).iterdir())):
        raise pytest.UsageError(f"--evalh-out {out} holds something already: name another folder")
    if not worker:
        config.pluginmanager.register(Gathered(config), "evalh-gathered")
    if out or config.getoption("evalh_trials"):
        _begin(config)


def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Begin where a marker asks for trials."""
    if not config.pluginmanager.has_plugin(REPEATS) and any(item.get_closest_marker("evalh") for item in items):
        _begin(config)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Say in verbose output how many trials passed where not all did."""
    trials = [each["outcome"] for each in getattr(report, "evalh", {}).get("records", ())]
    if report.outcome != "passed" or hasattr(report, "wasxfail") or len(set(trials)) < 2:
        return None
    return "passed", ".", f"PASSED {trials.count('pass')}/{len(trials)}"


class Gathered:
    """What the process that reports to the user has heard of tests, also from the workers of pytest-xdist."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._told: list[dict[str, Any]] = []
        self._expected: dict[str, dict[str, Any]] = {}
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in the trials of a test."""
        if hasattr(report, "evalh"):
            self._told.append(report.evalh)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what a worker of pytest-xdist was going to run."""
        self._expected.update(getattr(node, "workeroutput", {}).get("evalh", {}))

    def pytest_sessionfinish(self) -> None:
        """Write the run, and say what the trials showed."""
        repeats = self._config.pluginmanager.get_plugin(REPEATS)
        expected = self._expected | (repeats.expected if repeats else {})
        if not self._told and not expected:
            return
        from evalharness.pytest_plugin.session import conclude  # noqa: PLC0415 - only who repeats tests pays for it

        self._lines = conclude(self._told, expected, self._config)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what the trials showed."""
        if self._lines:
            terminalreporter.write_sep("=", "trials (evalh)")
        for line in self._lines:
            terminalreporter.write_line(line)


def _begin(config: pytest.Config) -> None:
    from evalharness.pytest_plugin.trials import Repeats  # noqa: PLC0415 - only who repeats tests pays for it

    config.pluginmanager.register(Repeats(config), REPEATS)


def _count(said: str) -> int:
    if not said.isdecimal() or int(said) < 1:
        raise ArgumentTypeError(f"'{said}' is no number of trials: give 1 or more")
    return int(said)


def _share(said: str) -> float:
    try:
        share = float(said)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ArgumentTypeError(f"'{said}' is no share: give a number from 0 to 1")
    return share
