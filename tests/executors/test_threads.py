import threading
import time
from contextlib import contextmanager

import pytest

from evalharness.executors import Finished
from evalharness.executors.threads import ThreadExecutor
from evalharness.model import Outcome, Record, Trial
from tests.running import Run, tasks

PATIENCE = 60.0


def trial(index=0, *, seconds=20.0):
    return Trial(task=tasks(index + 1, seconds=seconds)[index], number=1, seed=1)


class Job:
    """Opens once; carries trials out by a function of the test."""

    def __init__(self, work):
        self.work, self.open_now, self.opened = work, 0, 0

    @contextmanager
    def open(self, *, workers):
        self.opened += 1
        self.open_now += 1
        yield self.work
        self.open_now -= 1


def done(trial, _watch):
    return Finished(trial=trial, record=Record(task_id=trial.task.id, trial=trial.number, outcome=Outcome.PASS))


@contextmanager
def executing(work, *, workers=1, abandon=False):
    executor, job = ThreadExecutor(), Job(work)
    executor.open(job, workers=workers)
    try:
        yield executor
    finally:
        executor.close(abandon=abandon)
        assert (job.opened, job.open_now) == (1, 0)


def test_what_is_submitted_comes_back():
    with executing(done, workers=3) as executor:
        for index in range(9):
            executor.submit(trial(index))
        assert {executor.next(PATIENCE).trial.task.id for _ in range(9)} == {f"t{index}" for index in range(9)}
        assert executor.next(0.0) is None


def test_a_trial_that_has_not_started_can_be_dropped_and_submitted_again():
    release = threading.Event()

    def work(trial, watch):
        release.wait(PATIENCE)
        return done(trial, watch)

    with executing(work) as executor:
        executor.submit(trial(0))
        executor.submit(trial(1))
        while executor._queued.keys() == {trial(0).key, trial(1).key}:
            time.sleep(0.001)
        assert not executor.cancel(trial(0).key)
        assert executor.cancel(trial(1).key)
        assert not executor.cancel(trial(1).key)
        executor.submit(trial(1))
        release.set()
        assert [executor.next(PATIENCE).trial.task.id for _ in range(2)] == ["t0", "t1"]
        assert executor.next(0.05) is None


def test_a_bug_in_a_worker_is_raised_where_the_run_is_led():
    def work(_trial, _watch):
        raise LookupError("ours")

    with executing(work) as executor:
        executor.submit(trial())
        with pytest.raises(LookupError, match="ours"):
            executor.next(PATIENCE)


def test_a_thread_that_does_not_come_back_is_given_up_and_replaced():
    release = threading.Event()

    def work(trial, watch):
        if trial.task.id == "t0":
            watch.begin(0.1)
            release.wait(PATIENCE)
            watch.end()
        return done(trial, watch)

    with executing(work) as executor:
        executor.submit(trial(0, seconds=0.1))
        executor.submit(trial(1))
        found = [executor.next(PATIENCE).record for _ in range(2)]
        assert {record.task_id: record.cause for record in found} == {"t0": "limit:seconds", "t1": None}
        release.set()
        assert executor.next(0.3) is None  # what it says too late is not heard


def test_graders_may_take_longer_than_the_agents_limit():
    def work(trial, watch):
        watch.begin(0.3)
        watch.end()
        time.sleep(0.6)
        return done(trial, watch)

    with executing(work) as executor:
        executor.submit(trial())
        assert executor.next(PATIENCE).record.outcome is Outcome.PASS


def test_closing_waits_for_what_runs_unless_it_is_abandoned():
    release, ended = threading.Event(), threading.Event()

    def work(trial, watch):
        release.wait(PATIENCE)
        ended.set()
        return done(trial, watch)

    with executing(work, abandon=True) as executor:
        executor.submit(trial())
    assert not ended.is_set()
    release.set()
    with executing(work) as executor:
        executor.submit(trial())
    assert ended.is_set()


def test_an_agent_that_hangs_in_this_process_fails_and_the_others_go_on(tmp_path):
    release = threading.Event()

    def act(task, _number):
        if task.id == "t1":
            release.wait(PATIENCE)
        return "yes"

    run = Run(tmp_path / "run", act, of=tasks(4, seconds=0.1))
    run.carry_out(workers=1)
    release.set()
    assert {record.task_id: record.outcome.value for record in run.records()} == {
        "t0": "pass",
        "t1": "fail",
        "t2": "pass",
        "t3": "pass",
    }
    assert {record.cause for record in run.records()} == {None, "limit:seconds"}
