"""Carrying out the trials of a test: setup, call and teardown anew each time, and one result for pytest."""

from datetime import UTC, datetime
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from evalharness.model import UnmeasuredRules
from evalharness.pytest_plugin.asked import Asked, asked, digest, tags
from evalharness.pytest_plugin.result import Fault, TestTrial, one_result
from evalharness.running.attribution import attribute


class Again(pytest.Item):
    """Stands for the next trial of a test, so that only the test itself is torn down between two trials."""

    def runtest(self) -> None:
        """Do nothing: the test itself is run again."""


class Repeats:
    """Runs the tests that are asked for several times; in every process that runs tests."""

    def __init__(self, config: pytest.Config) -> None:
        trials, out = config.getoption("evalh_trials"), config.getoption("evalh_out")
        share = config.getoption("evalh_min_pass_rate")
        self._default = Asked(trials=trials or 1, min_pass_rate=share) if trials or out else None
        self._faults: list[Fault] = []
        self.expected: dict[str, dict[str, Any]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Read how each test is to be tried, so that a wrong marker is told of before anything runs."""
        wanted = {item: asked(item, self._default) for item in session.items}
        self.expected = {
            item.nodeid: {"trials": found.trials, "tags": tags(item), "digest": digest(item)}
            for item, found in wanted.items()
            if found
        }

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the controller of pytest-xdist what was to be run here."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["evalh"] = self.expected

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a test as often as asked, and report it once."""
        wanted = asked(item, self._default)
        if wanted is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        trials = self._trials(item, wanted.trials, nextitem)
        reports = one_result(trials, wanted.min_pass_rate)
        deciding = reports[1] if len(reports) > 2 else reports[0]
        vars(deciding)["evalh"] = {"task": item.nodeid, "records": [each.told() for each in trials if each.outcome]}
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:  # noqa: ARG002
        """Note whose doing an exception is, while it is there to be asked."""
        report = yield
        if call.excinfo is not None:
            exc = call.excinfo.value
            fault = attribute(exc, UnmeasuredRules())
            cause = fault.cause if fault else f"exception:{type(exc).__name__}"
            self._faults.append(Fault(cause=cause, agents=fault is None, phase=report.when))
        return report

    def _trials(self, item: pytest.Item, count: int, nextitem: pytest.Item | None) -> list[TestTrial]:
        properties = list(item.user_properties)
        again = Again.from_parent(item.parent or item.session, name=item.name)
        found: list[TestTrial] = []
        while len(found) < count and not (found and (item.session.shouldstop or item.session.shouldfail)):
            if found:
                _as_new(item, properties)
            self._faults.clear()
            began = datetime.now(UTC).isoformat(timespec="milliseconds")
            reports = runtestprotocol(item, log=False, nextitem=again if len(found) < count - 1 else nextitem)
            found.append(TestTrial(reports=reports, faults=tuple(self._faults), began=began))
        return found


def _as_new(item: pytest.Item, properties: list[tuple[str, object]]) -> None:
    """Take off a test what its last trial left on it: properties, captured output, and the instance of its class."""
    item.user_properties[:] = properties
    item._report_sections.clear()  # noqa: SLF001 - pytest gathers a test's output there, once for all its phases
    if isinstance(item, pytest.Function) and isinstance(item.parent, pytest.Class):
        vars(item).pop("_instance", None)
        vars(item)["_obj"] = None
