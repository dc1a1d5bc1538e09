import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import msgspec
import pytest

from evalharness.errors import BreakerOpen, Displaced, Unbegun, Unmeasured
from evalharness.model import Grade, GraderUse, Lost, Outcome, Transcript, Usage
from evalharness.rates import through
from evalharness.runner import Stop
from evalharness.running.budget import Budget, Dearest
from tests.running import PATIENCE, Run, tasks


def unmeasured(cause="status:429", **options):
    raise Unmeasured(cause, "not now", **options)


def failing(times, cause="status:429", **options):
    """Act: each task fails this often, then answers."""
    return lambda _task, number: unmeasured(cause, **options) if number <= times else "yes"


def spending(cost=0.01, tokens=100):
    usage = Usage(cost_usd=cost, input_tokens=tokens)
    return lambda _task, _number: Transcript(final="yes", usage=usage)


def outcomes(run):
    return sorted((record.task_id, record.trial, record.attempt, record.outcome.value) for record in run.records())


def test_every_planned_trial_is_recorded_once(tmp_path):
    run = Run(tmp_path / "run", lambda *_: "yes", trials=2)
    result = run.carry_out(workers=2)
    assert result.stopped is None
    assert result.owed == ()
    assert outcomes(run) == [(f"t{task}", trial, 1, "pass") for task in range(3) for trial in (1, 2)]


def test_a_finished_run_owes_nothing(tmp_path):
    run = Run(tmp_path / "run", lambda *_: "no")
    run.carry_out()
    assert not run.owed()
    run.carry_out()
    assert run.agent.calls.total() == 3


def test_an_error_is_tried_again_and_every_attempt_is_kept(tmp_path):
    run = Run(tmp_path / "run", failing(2), of=tasks(1))
    result = run.carry_out()
    assert outcomes(run) == [("t0", 1, 1, "error"), ("t0", 1, 2, "error"), ("t0", 1, 3, "pass")]
    assert (result.tally.measured, result.tally.missing) == (1, 0)


def test_a_trial_that_keeps_erring_goes_missing_and_the_next_run_takes_it_up(tmp_path):
    run = Run(tmp_path / "run", failing(4), of=tasks(1))
    assert run.carry_out(attempts=3).tally.missing == 1
    assert run.carry_out(attempts=3).tally.measured == 1
    assert [attempt for _, _, attempt, _ in outcomes(run)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("cause", ["status:401", "quota", "disk_full"])
def test_what_will_not_pass_is_not_tried_again(tmp_path, cause):
    run = Run(tmp_path / "run", failing(9, cause), of=tasks(1))
    run.carry_out()
    assert run.agent.calls["t0"] == 1


def test_a_retry_waits_as_long_as_the_provider_asks(tmp_path):
    run = Run(tmp_path / "run", failing(1, retry_after=0.4), of=tasks(1))
    before = time.monotonic()
    run.carry_out()
    assert time.monotonic() - before >= 0.4


@pytest.mark.parametrize("pause", ["soon", float("nan"), float("inf"), [], 1e12])
def test_an_odd_pause_neither_ends_nor_stops_a_run(tmp_path, pause):
    """Used to: a text as `retry_after` ended the run with a TypeError, a huge number made it wait for ever."""
    run = Run(tmp_path / "run", failing(1, retry_after=pause), of=tasks(1))
    assert run.carry_out(patience_seconds=0.01).tally.measured == 1


def test_other_trials_go_on_while_one_waits_for_its_retry(tmp_path):
    run = Run(
        tmp_path / "run", lambda task, number: unmeasured(retry_after=0.3) if (task.id, number) == ("t0", 1) else "yes"
    )
    run.carry_out()
    assert [record.task_id for record in run.records()] == ["t0", "t1", "t2", "t0"]


def test_a_stop_finishes_what_runs_and_names_what_is_owed(tmp_path):
    stop = Stop()

    def act(_task, _number):
        stop.request("a test")
        return "yes"

    run = Run(tmp_path / "run", act, of=tasks(9))
    result = run.carry_out(stop=stop)
    assert result.stopped == "a test"
    done = {record.key for record in run.records()}
    assert 1 <= len(done) <= 2
    assert len(result.owed) == 9 - len(done)
    assert not done & set(result.owed)


def abandoned(folder, first):
    """Abandon a run in its second trial, after the first ended as told."""
    stop, released = Stop(), threading.Event()

    def act(task, _number):
        if task.id == "t0":
            return first()
        stop.request("a test", abandon=True)
        released.wait(30)
        return "yes"

    run = Run(folder, act)
    result = run.carry_out(stop=stop, workers=1)
    released.set()
    return [(record.task_id, record.cause) for record in run.records()], sorted(key.task_id for key in result.owed)


def test_an_abandoned_run_keeps_what_finished_and_waits_for_nothing(tmp_path):
    """Used to: what had finished but was not written yet was lost."""
    assert abandoned(tmp_path / "run", lambda: "yes") == ([("t0", None)], ["t1", "t2"])


def test_an_abandoned_run_keeps_a_failed_attempt_that_might_have_been_an_outage_and_names_its_trial_as_owed(tmp_path):
    found = abandoned(tmp_path / "run", lambda: unmeasured("status:500"))
    assert found == ([("t0", "status:500")], ["t0", "t1", "t2"])


@pytest.mark.parametrize(("budget", "reason"), [({"cost_usd": 0.05}, "usd"), ({"tokens": 500}, "tokens")])
def test_a_budget_is_spent_and_not_overspent(tmp_path, budget, reason):
    """Used to: trials in flight made it stop early for good, or another one was begun with nothing left."""
    run = Run(tmp_path / "run", spending(), of=tasks(20))
    result = run.carry_out(budget=Budget(**budget))
    assert reason in result.stopped
    assert (len(run.records()), len(result.owed)) == (5, 15)


def test_a_dear_first_trial_holds_a_run_back_but_does_not_end_it(tmp_path):
    def act(task, _number):
        return Transcript(final="yes", usage=Usage(cost_usd=0.5 if task.id == "t0" else 0.001))

    run = Run(tmp_path / "run", act, of=tasks(60))
    assert run.carry_out(budget=Budget(cost_usd=1.1), workers=4).stopped is None
    assert len(run.records()) == 60


def costing(prices, seconds=0.0):
    """Act: the trials that are begun cost this much, one after the other, and then the last of it."""
    left, lock = iter(prices), threading.Lock()

    def act(_task, _number):
        with lock:
            price = next(left, prices[-1])
        time.sleep(seconds)
        return Transcript(final="yes", usage=Usage(cost_usd=price))

    return act


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("budget", [0.015, 0.1, 0.333, 1.0])
@pytest.mark.parametrize("prices", [(0.01,), (0.05, 0.001), (0.02, 0.01, 0.0005), (0.0,)])
def test_money_is_held_however_many_trials_run_at_once(tmp_path, workers, budget, prices):
    """Used to: up to eight trials began before the first had shown what one costs."""
    run = Run(tmp_path / "run", costing(prices, seconds=0.001), of=tasks(150))
    result = run.carry_out(budget=Budget(cost_usd=budget), workers=workers)
    assert result.tally.cost_usd <= max(budget, prices[0]) + 1e-9
    left = budget - result.tally.cost_usd
    assert result.stopped is None or left < max(prices) + 1e-9


def test_a_trial_that_is_dearer_than_all_before_overspends_by_what_runs_at_that_moment_alone(tmp_path):
    run = Run(tmp_path / "run", costing((0.01, 0.1), seconds=0.02), of=tasks(60))
    result = run.carry_out(budget=Budget(cost_usd=0.5), workers=4)
    assert result.tally.cost_usd <= 0.5 + 4 * (0.1 - 0.01)
    dear = Run(tmp_path / "dear", costing((0.01, 0.01, 0.3), seconds=0.02), of=tasks(60))
    assert dear.carry_out(budget=Budget(cost_usd=0.5), workers=2).tally.cost_usd <= 0.5 + 2 * (0.3 - 0.01)


def test_one_trial_shows_the_price_before_others_begin(tmp_path):
    running, most, first = set(), [], threading.Event()

    def act(task, _number):
        running.add(task.id)
        most.append((first.is_set(), len(running)))
        time.sleep(0.02)
        running.discard(task.id)
        first.set()
        return Transcript(final="yes", usage=Usage(cost_usd=0.01))

    run = Run(tmp_path / "run", act, of=tasks(12))
    run.carry_out(budget=Budget(cost_usd=9.0), workers=4)
    assert [number for shown, number in most if not shown] == [1]
    assert max(number for _, number in most) > 1


def test_what_is_known_of_prices_saves_the_first_trial_alone(tmp_path):
    together = threading.Barrier(3, timeout=PATIENCE)

    def act(_task, _number):
        together.wait()
        return Transcript(final="yes", usage=Usage(cost_usd=0.01))

    run = Run(tmp_path / "run", act, of=tasks(3))
    known = Dearest(cost_usd=0.02)
    assert run.carry_out(budget=Budget(cost_usd=0.06, known=known), workers=3).stopped is None
    none = Run(tmp_path / "none", act, of=tasks(3))
    assert none.carry_out(budget=Budget(cost_usd=0.019, known=known)).tally.attempts == 0


def displaced(first=1):
    """An agent whose trials are taken down with a neighbour the first times."""

    def act(task, number):
        if task.id == "t0" and number <= first:
            raise Displaced
        return Transcript(final="yes", usage=Usage(cost_usd=0.01))

    return act


def test_what_a_displaced_trial_used_is_unknown_in_its_record_and_booked_as_the_dearest(tmp_path):
    run = Run(tmp_path / "run", displaced(2), of=tasks(3))
    result = run.carry_out()
    by_task = {record.task_id: record for record in run.records()}
    assert by_task["t0"].lost == Lost(unknown=2)
    assert (by_task["t0"].attempt, by_task["t1"].lost) == (1, None)
    assert result.tally.unknown == 2
    assert result.tally.cost_usd == pytest.approx(0.03)
    assert result.tally.booked(result.tally.dearest)[0] == pytest.approx(0.05)


def test_a_budget_counts_what_is_unknown(tmp_path):
    run = Run(tmp_path / "run", displaced(2), of=tasks(9))
    run.carry_out(budget=Budget(cost_usd=0.05))
    assert len(run.records()) == 3  # and two that nobody knows


def test_a_trial_whose_host_was_gone_before_it_began_has_lost_nothing(tmp_path):
    def act(_task, number):
        if number == 1:
            raise Unbegun
        return Transcript(final="yes", usage=Usage(cost_usd=0.01))

    run = Run(tmp_path / "run", act, of=tasks(1))
    assert run.carry_out().tally.unknown == 0
    assert run.records()[0].lost is None


def test_what_an_outage_swallows_is_booked_as_far_as_it_is_known(tmp_path):
    """A judge that cannot be reached after an answer that was paid for."""
    calls = []

    def act(_task, _number):
        calls.append(1)
        return Transcript(final="yes", usage=Usage(cost_usd=0.01))

    judges = iter([False] * 10)
    use = GraderUse(use=f"{__name__}:Unreachable", options={})
    Unreachable.left = judges
    of = tuple(msgspec.structs.replace(task, graders=(use,)) for task in tasks(12))
    run = Run(tmp_path / "run", act, of=of)
    result = run.carry_out()
    assert {record.outcome for record in run.records()} == {Outcome.PASS}
    assert len(calls) > 12
    assert result.tally.cost_usd == pytest.approx(0.01 * len(calls))
    known = sum(record.lost.usage.cost_usd for record in run.records() if record.lost)
    assert known == pytest.approx(0.01 * (len(calls) - 12))


@dataclass(frozen=True)
class Unreachable:
    """A judge that cannot be reached for a while."""

    left: ClassVar[Iterator[bool]]

    def grade(self, task, transcript, workspace):
        if next(Unreachable.left, True):
            return Grade(grader="judge", score=1.0, passed=True)
        raise Unmeasured("status:503", "not now")


def test_minutes_end_a_run_between_trials(tmp_path):
    def act(_task, _number):
        time.sleep(0.05)
        return "yes"

    run = Run(tmp_path / "run", act, of=tasks(200))
    result = run.carry_out(budget=Budget(minutes=1 / 60))
    assert result.stopped.startswith("--budget-minutes")
    assert len(run.records()) + len(result.owed) == 200
    assert run.records()


def test_a_budget_ends_a_run_that_waits_for_an_outage(tmp_path):
    run = Run(tmp_path / "run", failing(99), of=tasks(20))
    assert run.carry_out(budget=Budget(minutes=0.5 / 60)).stopped.startswith("--budget-minutes")


def test_an_outage_spends_no_attempts_and_ends_with_the_first_probe_that_works(tmp_path):
    calls = []

    def act(_task, _number):
        calls.append(1)
        return unmeasured("status:503") if len(calls) <= 9 else "yes"

    run = Run(tmp_path / "run", act, of=tasks(12))
    result = run.carry_out(attempts=2)
    assert (result.tally.measured, result.tally.missing) == (12, 0)
    assert all(record.outcome is Outcome.PASS and record.attempt == 1 for record in run.records())


def test_an_outage_that_a_run_does_not_survive_is_on_record(tmp_path):
    run = Run(tmp_path / "run", failing(99, "dns"), of=tasks(20))
    with pytest.raises(BreakerOpen):
        run.carry_out(patience_seconds=0.0)
    assert {record.cause for record in run.records()} == {"dns"}


def test_what_began_before_an_outage_neither_ends_it_nor_makes_its_first_failures_count(tmp_path):
    """Used to: trials under way when an outage began closed the breaker again, and attempts were spent."""
    slow, noticed, at_work = threading.Event(), threading.Event(), threading.Barrier(4)
    lock, down = threading.Lock(), []

    def act(task, _number):
        if task.id in ("t0", "t1", "t2", "t3"):
            at_work.wait(PATIENCE)
            if task.id in ("t0", "t1"):
                slow.wait(PATIENCE)
            time.sleep(0.05)  # records tell milliseconds, and the outage begins after all four went to work
            return "yes"
        with lock:
            down.append(1)
            number = len(down)
        if number == 6:
            slow.set()  # two answers arrive among the failures
        return "yes" if noticed.is_set() else unmeasured("status:503")

    def listen(tally):
        if tally.outage:
            noticed.set()

    run = Run(tmp_path / "run", act, of=tasks(30))
    result = run.carry_out(workers=4, attempts=2, listener=listen)
    assert (result.tally.measured, result.tally.missing) == (30, 0)
    assert [record.attempt for record in run.records()] == [1] * 30


def test_the_progress_says_that_calls_are_held_back(tmp_path):
    seen = []

    def act(_task, number):
        through("a-provider", lambda _: unmeasured(retry_after=0.5) if len(seen) < 2 else "yes", seconds=9)
        return "yes"

    run = Run(tmp_path / "run", act, of=tasks(1))
    run.carry_out(listener=lambda tally: seen.append(tally.waiting))
    assert "1 call held back by a-provider" in seen


def test_an_outage_that_outlasts_patience_ends_the_run(tmp_path):
    run = Run(tmp_path / "run", failing(99, "dns"), of=tasks(20))
    with pytest.raises(BreakerOpen, match=r"dns.*: stopped with 20 trials owed"):
        run.carry_out(patience_seconds=0.0)
    assert len(run.records()) <= 9
    assert len(run.owed()) == 20


def test_a_refused_key_ends_the_run_at_once(tmp_path):
    run = Run(tmp_path / "run", failing(99, "status:401"), of=tasks(20))
    with pytest.raises(BreakerOpen, match="status:401"):
        run.carry_out()
    assert run.agent.calls.total() <= 10


def test_inputs_that_always_fail_go_missing_and_the_run_ends_well(tmp_path):
    run = Run(
        tmp_path / "run",
        lambda task, _number: unmeasured("status:500") if task.id in ("t0", "t1", "t2") else "yes",
        of=tasks(40),
        trials=2,
    )
    result = run.carry_out()
    assert (result.stopped, result.tally.missing, result.tally.measured) == (None, 6, 74)


def test_no_more_trials_run_at_once_than_there_are_workers(tmp_path):
    lock, now, most, first = threading.Lock(), [0], [0], threading.Barrier(3)

    def act(task, _number):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        if task.id in ("t0", "t1", "t2"):
            first.wait(PATIENCE)
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        return "yes"

    Run(tmp_path / "run", act, of=tasks(20)).carry_out(workers=3)
    assert most[0] == 3


def test_a_listener_sees_the_run_come_to_its_end(tmp_path):
    seen = []
    run = Run(tmp_path / "run", lambda *_: "yes")
    run.carry_out(listener=lambda tally: seen.append(tally.measured))
    assert seen[-1] == 3


def test_the_progress_of_an_outage_says_why_in_one_line_without_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret-value")
    calls, seen = [], []

    def act(_task, _number):
        calls.append(1)
        if len(calls) <= 10:
            raise Unmeasured("status:503", "\nupstream \x1b[31mgone sk-very-secret-value " + 300 * "x" + "\nmore")
        return "yes"

    run = Run(tmp_path / "run", act, of=tasks(12))
    run.carry_out(listener=lambda tally: seen.append(tally.outage))
    said = {each for each in seen if each}
    assert len(said) == 1
    told = said.pop()
    assert told.startswith("status:503 (upstream \\x1b[31mgone [redacted] xxx")
    assert told.endswith("x...)")
    assert len(told) < 200
    assert seen[-1] == ""
