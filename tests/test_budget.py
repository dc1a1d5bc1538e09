import pytest

from evalharness.model import Outcome, Record, Usage
from evalharness.running.budget import Budget, Dearest, Tally, exhausted, record_cost, record_tokens, unproven


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


def test_what_is_left_and_has_no_room_for_a_trial_is_said():
    dear = Budget(cost_usd=1.0, known=Dearest(cost_usd=5.0, tokens=70))
    assert exhausted(dear, Tally(owed=9)) == "--budget-usd 1 ($1 left, and a trial has taken $5)"
    few = Budget(tokens=100, known=Dearest(tokens=70))
    assert exhausted(few, after(record(input_tokens=40))) == "--budget-tokens 100 (60 left, and a trial has taken 70)"
    assert exhausted(Budget(cost_usd=0.05), after(*[record(cost_usd=0.01)] * 5)) == "--budget-usd 0.05"


def test_a_guess_stands_until_an_agent_has_shown_its_own_price():
    budget = Budget(cost_usd=1.0, guessed=Dearest(cost_usd=2.0))
    assert exhausted(budget, Tally(owed=9)) is not None
    assert exhausted(budget, after(record(cost_usd=0.01))) is None


@pytest.mark.parametrize(
    ("tally", "in_flight", "waits"),
    [
        (Tally(owed=9), 0, False),
        (Tally(owed=9), 1, True),
        (after(record(cost_usd=0.01)), 9, False),
        (after(record()), 9, False),  # it says nothing, and waiting on would not help
        (after(Record(task_id="t", trial=1, outcome=Outcome.ERROR)), 1, True),
    ],
)
def test_a_price_is_waited_for_with_one_trial(tally, in_flight, waits):
    assert unproven(Budget(cost_usd=1.0), tally, in_flight=in_flight) is waits
    assert not unproven(Budget(minutes=1.0), tally, in_flight=in_flight)
    assert not unproven(Budget(cost_usd=1.0, known=Dearest(cost_usd=0.1)), tally, in_flight=in_flight)


def test_an_answer_from_a_cache_shows_what_it_cost_once():
    cached = record(cost_usd=0.0, saved_usd=0.2, cached_calls=1, model_calls=1)
    assert after(cached).dearest.cost_usd == 0.2
    assert after(cached).cost_usd == 0.0


def test_judges_count_in_what_an_attempt_shows():
    judged = Record(task_id="t", trial=1, outcome=Outcome.PASS, usage=Usage(cost_usd=0.25), judging=Usage(cost_usd=0.5))
    assert Dearest.of([judged, record(cost_usd=0.1)]).cost_usd == 0.75


def test_what_is_left_is_never_below_nothing():
    left = Budget(cost_usd=1.0, tokens=10, minutes=1.0).less(2.0, 20, 90)
    assert (left.cost_usd, left.tokens, left.minutes) == (0.0, 0, 0.0)
    assert left.over
    assert exhausted(left, Tally(owed=1)) is not None
