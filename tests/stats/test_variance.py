import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.variance import (
    components,
    crossed_components,
    run_level_difference,
    run_spread,
    within_task_variance,
)


def test_components_are_unbiased_for_ragged_trials():
    """Averaged over many draws, both parts hit the truth."""
    rng = np.random.default_rng(6)
    trials = np.array([2, 3, 5, 10] * 5)
    found = []
    for _ in range(4000):
        p = rng.beta(1, 1, trials.size)
        found.append(components(rng.binomial(trials, p), trials))
    assert np.mean([one.within for one in found]) == pytest.approx(1 / 6, abs=0.003)
    assert np.mean([one.between for one in found]) == pytest.approx(1 / 12, abs=0.003)


def test_one_trial_shows_no_variance_within_tasks():
    assert within_task_variance(1, 1) is None
    found = components([1, 0, 1], [1, 1, 1])
    assert (found.n, found.within, found.icc, found.share_varying) == (3, None, None, None)
    assert components([], []).n == 0


def test_shares_and_design_effect():
    found = components([5, 5, 0, 3], [5, 5, 5, 5])
    assert (found.share_always, found.share_never, found.share_varying) == (0.5, 0.25, 0.25)
    assert found.design_effect == pytest.approx(1 + 4 * found.icc)
    assert components([3], [5]).icc is None
    assert components([5, 5], [5, 5]).icc is None


def test_runs_scatter_with_ddof_1():
    spread = run_spread([0.5, 0.6, 0.7])
    assert (spread.sd, spread.range) == pytest.approx((0.1, 0.2))
    assert run_spread([0.5]).sd is None
    with pytest.raises(ValueError, match="run_rates must be a list of at least one finite number"):
        run_spread([])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_a_hidden_difference_is_symmetric(rates):
    other = [0.1, 0.5, 0.9]
    assert run_level_difference(rates, other) == run_level_difference(other, rates)
    assert run_level_difference(rates, [0.5]) is None


def test_whole_runs_without_effect_show_none():
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 0.5, 2000)
    found = crossed_components(rng.random((2000, 8)) < p[:, None])
    assert found.run == pytest.approx(0, abs=5e-4)
    assert found.task == pytest.approx(1 / 8, abs=0.01)
    with pytest.raises(ValueError, match="at least 2 tasks x 2 runs"):
        crossed_components([[1, 0]])
