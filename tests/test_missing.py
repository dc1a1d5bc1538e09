import pandas as pd
import pytest

from evalharness.comparison.missing import decides, dependence, measured_counts, seen_counts, share, worst_counts


def arm(*tasks):
    """Tasks as (passed, measured, planned)."""
    return pd.DataFrame(tasks, columns=["passed", "measured", "planned"])


def arrays(counts):
    return [(each.passed.tolist(), each.trials.tolist()) for each in counts]


BASE = arm((3, 4, 5), (0, 0, 5), (5, 5, 5))
CAND = arm((2, 3, 5), (0, 0, 5), (1, 5, 5))


def test_a_task_with_nothing_measured_counts_against_the_candidate():
    assert arrays(measured_counts(BASE, CAND)) == [([3, 5, 5], [4, 5, 5]), ([2, 0, 1], [3, 5, 5])]


def test_the_worst_case_counts_everything_missing_against_the_candidate():
    assert arrays(worst_counts(BASE, CAND)) == [([4, 5, 5], [5, 5, 5]), ([2, 0, 1], [5, 5, 5])]


def test_single_tasks_rest_on_what_was_seen():
    assert arrays(seen_counts(BASE, CAND)) == [([3, 0, 5], [4, 0, 5]), ([2, 0, 1], [3, 0, 5])]


def test_the_share_is_of_planned_trials():
    assert share(BASE) == pytest.approx(6 / 15)
    assert share(arm()) == 0.0


FULL = arm(*[(50, 50, 50)] * 4)


@pytest.mark.parametrize(
    ("candidate", "says"),
    [
        (FULL, ""),
        (arm((50, 50, 50), (50, 50, 50), (50, 50, 50), (38, 38, 50)), "6.0% of the candidate's trials are missing"),
        (arm((50, 50, 50), (50, 50, 50), (50, 50, 50), (44, 44, 50)), "the arms differ in what is missing"),
        (arm((50, 50, 50), (50, 50, 50), (50, 50, 50), (0, 46, 50)), "missing goes with failing in the candidate"),
        (arm((49, 49, 50), (49, 49, 50), (49, 49, 50), (50, 50, 50)), ""),
    ],
)
def test_the_worst_case_decides_only_where_missing_trials_could(candidate, says):
    found = decides(FULL, candidate)
    assert found.startswith(says) if says else found == ""


@pytest.mark.parametrize(
    ("tasks", "pvalue"),
    [
        ([(0, 3, 5), (5, 5, 5)], 10 / 45),  # by hand: both missing ones fall on the failing five of ten
        ([(0, 1, 5), (5, 5, 5)], 5 / 210),  # by hand: so do all four
        ([(0, 5, 5), (3, 3, 5)], 1.0),  # missing goes with passing: nothing to fear
        ([(5, 5, 5), (5, 5, 5)], 1.0),
        ([(0, 3, 5)], 1.0),
        ([(0, 0, 5)], 1.0),
    ],
)
def test_missing_is_tested_against_failing(tasks, pvalue):
    assert dependence(arm(*tasks)) == pytest.approx(pvalue, rel=1e-3)
