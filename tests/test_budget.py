import pytest

from evalharness.model import Outcome, Record, Usage
from evalharness.running.budget import Budget, Tally, exhausted, record_cost, record_tokens


def record(**usage):
    return Record(task_id="t", trial=1, outcome=Outcome.PASS, usage=Usage(**usage))


def after(*records):
    tally = Tally(owed=100)
    for each in records:
        tally.add(each)
    return tally


def test_judges_count_in_cost_and_tokens():
    judged = Record(
        task_id="t",
        trial=1,
        outcome=Outcome.PASS,
        usage=Usage(cost_usd=0.25, input_tokens=10),
        judging=Usage(cost_usd=0.5, input_tokens=1, output_tokens=2),
    )
    assert record_cost(judged) == 0.75
    assert record_tokens(judged) == 13


@pytest.mark.parametrize(
    ("spent", "in_flight", "room"),
    [
        (4, 0, True),  # 4 cents and the next one: 5
        (5, 0, False),
        (3, 1, True),
        (4, 1, False),  # the one in flight takes the last cent
        (1, 3, True),
        (1, 4, False),
    ],
)
def test_a_budget_has_room_for_what_is_in_flight_and_one_more(spent, in_flight, room):
    tally = after(*[record(cost_usd=0.01)] * spent)
    assert (exhausted(Budget(cost_usd=0.05), tally, in_flight=in_flight) is None) is room
    tokens = after(*[record(input_tokens=60, output_tokens=40)] * spent)
    assert (exhausted(Budget(tokens=500), tokens, in_flight=in_flight) is None) is room


@pytest.mark.parametrize("budget", [Budget(), Budget(cost_usd=0.01), Budget(tokens=1), Budget(minutes=1.0)])
def test_there_is_room_before_anything_was_spent(budget):
    assert exhausted(budget, Tally(owed=1), in_flight=10) is None


def test_time_that_is_up_is_named():
    tally = Tally(owed=1)
    tally.started -= 61
    assert exhausted(Budget(minutes=1.0), tally) == "--budget-minutes 1"


def test_errors_are_counted_by_cause():
    tally = after(Record(task_id="t", trial=1, outcome=Outcome.ERROR, cause="status:429"))
    assert tally.errors == {"status:429": 1}
    assert (tally.measured, tally.attempts) == (0, 1)
