import numpy as np
import pytest

from evalharness.stats.counts import counts, distinct, fraction, pairs
from evalharness.stats.estimate import mean_score, pass_rate
from evalharness.stats.paired import cmh_test, fixed_suite_delta, fixed_suite_score_delta
from evalharness.stats.reliability import pass_at_k


@pytest.mark.parametrize(
    ("passed", "trials", "message"),
    [
        ([1, -1], [2, 2], r"passed\[1\] must be a whole number from 0 up, but got -1"),
        ([1, 3], [2, 2], r"passed\[1\] must be at most trials\[1\]=2, but got 3"),
        ([1], [2, 2], r"passed and trials must be equally long, but got 1 and 2"),
        ([np.nan], [2], r"passed\[0\] must be a whole number from 0 up, but got nan"),
        ([1], [np.inf], r"trials\[0\] must be a whole number from 0 up, but got inf"),
        ([0.5], [2], r"passed\[0\] must be a whole number from 0 up, but got 0.5"),
        (["1"], [2], r"passed must hold whole numbers"),
        ([[1]], [[2]], r"passed must be one-dimensional, but has 2 dimensions"),
    ],
)
def test_bad_counts_are_named(passed, trials, message):
    with pytest.raises(ValueError, match=message):
        pass_rate(passed, trials)
    with pytest.raises(ValueError, match=message.replace("passed", "cand_passed").replace("trials", "cand_trials")):
        cmh_test([1, 1], [2, 2], passed, trials)


def test_arms_of_different_length_are_refused():
    with pytest.raises(ValueError, match="must list the same tasks, but got 2 and 1"):
        fixed_suite_delta([1, 1], [2, 2], [1], [2])
    with pytest.raises(ValueError, match="must list the same tasks, but got 1 and 0"):
        fixed_suite_score_delta([[1]], [])


def test_scores_outside_the_unit_interval_are_refused():
    with pytest.raises(ValueError, match=r"scores must lie between 0 and 1, but hold 1\.5"):
        mean_score([[0.5, 1.5]])
    with pytest.raises(ValueError, match="cand_scores must lie between 0 and 1, but hold nan"):
        fixed_suite_score_delta([[1, 0]], [[np.nan, 1]])


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.1, np.nan])
def test_levels_lie_between_0_and_1(level):
    with pytest.raises(ValueError, match="level must lie strictly between 0 and 1"):
        fraction(level, name="level")


def test_single_tasks_are_checked_too():
    with pytest.raises(ValueError, match=r"passed\[0\] must be at most"):
        pass_at_k(3, 2, 1)


def test_whole_floats_and_booleans_count():
    assert counts([True, 1.0], [1.0, 2]).trials.tolist() == [1, 2]


def test_unmeasured_tasks_leave_the_pairs_and_are_counted():
    both = pairs([5, 4, 0], [5, 5, 0], [0, 4, 1], [0, 5, 1])
    assert (both.base.trials.size, both.measured.tolist()) == (1, [False, True, False])
    assert "2 tasks without measured trials left out" in both.note


@pytest.mark.parametrize("scale", [1, 10**9])
def test_distinct_rows_lead_back_to_the_original(scale):
    rng = np.random.default_rng(1)
    columns = [rng.integers(0, 4, 200) * scale for _ in range(4)]
    found = distinct(*columns)
    assert (found.rows[found.where] == np.column_stack(columns)).all()
    assert found.times.sum() == 200
    assert len({tuple(row) for row in found.rows.tolist()}) == len(found.rows)
