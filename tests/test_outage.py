from datetime import UTC, datetime

import pytest

from evalharness.executors import Finished
from evalharness.model import Outcome, Record, Task, Trial, Usage
from evalharness.running.outage import SUSPENDED_SECONDS, Outages


def came_back(number, *, began, took, cause=None, wall=None):
    trial = Trial(task=Task(id="t", prompt=""), number=number, seed=number)
    record = Record(
        task_id="t",
        trial=number,
        outcome=Outcome.ERROR if cause else Outcome.PASS,
        cause=cause,
        started_at=datetime.fromtimestamp(wall if wall is not None else began, UTC).isoformat(timespec="milliseconds"),
        usage=Usage(seconds=took, working_seconds=took),
    )
    return Finished(trial=trial, record=record, began=began)


def numbers(finished):
    return [each.trial.number for each in finished]


def test_a_failure_counts_once_a_trial_that_went_to_work_after_it_is_measured():
    outages = Outages()
    assert outages.take(came_back(1, began=10, took=1, cause="status:500"), now=11).kept == ()
    assert numbers(outages.take(came_back(2, began=12, took=1), now=13).kept) == [1, 2]


def test_a_trial_that_was_at_work_when_another_failed_says_nothing_about_the_failure():
    outages = Outages()
    outages.take(came_back(1, began=10, took=3, cause="status:503"), now=13)
    assert numbers(outages.take(came_back(2, began=12, took=2), now=14).kept) == [2]
    owed = []
    for number in range(3, 11):
        owed += outages.take(came_back(number, began=13, took=2, cause="status:503"), now=15).owed
    assert outages.breaker.cause == "status:503"
    assert 1 in [each.trial.number for each in owed]
    assert outages.settled(now=100.0, idle=False) == ()


def test_a_failure_that_nothing_explains_counts_after_a_while():
    outages = Outages()
    outages.take(came_back(1, began=10, took=1, cause="status:500"), now=11)
    assert outages.settled(now=11 + SUSPENDED_SECONDS / 2, idle=False) == ()
    assert numbers(outages.settled(now=11 + SUSPENDED_SECONDS, idle=False)) == [1]


def test_the_failures_of_an_outage_are_owed_when_the_breaker_opens():
    outages, owed = Outages(), []
    for number in range(1, 9):
        owed += outages.take(came_back(number, began=10, took=1, cause="status:503"), now=11).owed
    assert numbers(owed) == list(range(1, 9))


@pytest.mark.parametrize("hours", [-24, -1, 1])
def test_a_clock_on_the_wall_that_is_set_in_an_outage_delays_its_end_by_nothing(hours):
    """Used to: set back, trials that were measured seemed to be from before the outage, which so went on for ever."""
    outages, noon = Outages(), 12 * 3600.0
    for number in range(1, 9):
        outages.take(came_back(number, began=10, took=1, cause="status:503", wall=noon), now=11)
    assert outages.breaker.cause == "status:503"
    after = noon + hours * 3600
    assert numbers(outages.take(came_back(9, began=12, took=1, wall=after), now=13).kept) == [9]
    assert outages.breaker.cause is None


def test_a_trial_from_before_the_end_of_an_outage_is_spared_once():
    outages = Outages()
    for number in range(1, 9):
        outages.take(came_back(number, began=10, took=1, cause="status:503"), now=11)
    outages.take(came_back(1, began=20, took=1), now=21)
    assert outages.breaker.cause is None
    assert numbers_of(outages.take(came_back(2, began=12, took=1, cause="status:500"), now=22)) == ([2], [])
    assert numbers_of(outages.take(came_back(2, began=13, took=1, cause="status:500"), now=23)) == ([], [])
    assert numbers(outages.settled(now=23 + SUSPENDED_SECONDS, idle=False)) == [2]


def numbers_of(taken):
    return numbers(taken.owed), numbers(taken.kept)
