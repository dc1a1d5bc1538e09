import itertools

import pytest

from evalharness.model import Outcome, Planned, Record, TrialKey
from evalharness.running.planning import Owed, extension, planned_keys, planned_trials, standing, trial_seed
from tests.running import planned, tasks


def record(task_id, trial, outcome=Outcome.PASS, attempt=1):
    return Record(task_id=task_id, trial=trial, outcome=outcome, attempt=attempt)


def owed(plans, records):
    return Owed(plans, records, {task.id: task for task in tasks()}, run_seed=7, arm="")


def names(trials):
    return [(trial.task.id, trial.number) for trial in trials]


def test_every_first_trial_comes_before_any_second():
    keys = [(key.task_id, key.trial) for key in planned_keys([planned(tasks(2), trials=2)])]
    assert keys == [("t0", 1), ("t1", 1), ("t0", 2), ("t1", 2)]


def test_plans_that_overlap_plan_a_trial_once():
    lines = [planned(tasks(2), trials=2), Planned(task_ids=("t1", "t2"), first=2, last=3)]
    keys = [(key.task_id, key.trial) for key in planned_keys(lines)]
    assert keys == [("t0", 1), ("t1", 1), ("t0", 2), ("t1", 2), ("t2", 2), ("t1", 3), ("t2", 3)]


def test_plans_that_overlap_count_a_trial_once():
    """It used to be counted once per line, so that a task seemed to lack trials for ever."""
    lines = [planned(tasks(2), trials=3), Planned(task_ids=("t1", "t2"), first=2, last=4), planned((), trials=9)]
    assert planned_trials(lines) == {"t0": 3, "t1": 4, "t2": 3}


def test_a_plan_of_nothing_counts_nothing():
    assert planned_trials([Planned(task_ids=("t0",), first=1, last=0)]) == {"t0": 0}


def test_an_extension_gives_every_task_what_it_lacks():
    lines = [planned(tasks(2), trials=2), Planned(task_ids=("t1",), first=3, last=5)]
    more = extension(lines, 4, reason="more")
    assert [(line.task_ids, line.first, line.last) for line in more] == [(("t0",), 3, 4)]
    assert planned_trials([*lines, *more]) == {"t0": 4, "t1": 5}
    assert extension(lines, 2, reason="more") == ()


def test_what_is_measured_is_not_owed():
    trials = owed([planned(tasks(2), trials=2)], [record("t1", 1), record("t0", 2, Outcome.FAIL)])
    assert names(trials) == [("t0", 1), ("t1", 2)]
    assert len(trials) == 2


def test_an_error_is_owed_again_as_the_next_attempt():
    records = [record("t0", 1, Outcome.ERROR), record("t0", 1, Outcome.ERROR, attempt=2)]
    [trial] = owed([planned(tasks(1))], records)
    assert trial.attempt == 3


def test_an_error_after_a_measurement_changes_nothing():
    assert not owed([planned(tasks(1))], [record("t0", 1), record("t0", 1, Outcome.ERROR, attempt=2)])


def test_a_redo_keeps_the_seed_of_its_trial():
    [first] = owed([planned(tasks(1))], [])
    [again] = owed([planned(tasks(1))], [record("t0", 1, Outcome.ERROR)])
    assert again.seed == first.seed


def test_going_through_what_is_owed_twice_gives_the_same_trials():
    trials = owed([planned(tasks(3), trials=2)], [])
    assert list(trials) == list(trials)


def test_no_two_trials_share_a_seed():
    runs, arms, ids, numbers = (1, 2), ("", "baseline", "candidate"), ("a", "b", "a\0b"), range(1, 20)
    seeds = {
        trial_seed(run_seed, arm, TrialKey(task_id=task_id, trial=number))
        for run_seed, arm, task_id, number in itertools.product(runs, arms, ids, numbers)
    }
    assert len(seeds) == 2 * 3 * 3 * 19
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_seed_is_the_same_on_every_machine():
    """By hand: int(sha256(b'7\\x00\\x00t0\\x001').hexdigest()[:16], 16) >> 1."""
    assert trial_seed(7, "", TrialKey(task_id="t0", trial=1)) == 2281158727439247169


@pytest.mark.parametrize(("outcome", "expected"), [(Outcome.PASS, 1), (Outcome.FAIL, 1), (Outcome.ERROR, 0)])
def test_an_error_measured_nothing(outcome, expected):
    assert len(standing([record("t0", 1, outcome)])) == expected
