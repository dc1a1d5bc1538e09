import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit
from scipy.stats import binom

from evalharness.stats.cost import (
    Dominance,
    cost_per_success,
    cost_per_success_ratio,
    dominance,
    fieller,
    mean_ratio,
    pareto_front,
)
from evalharness.stats.latency import largest_confidence, order_ranks, quantile
from evalharness.stats.results import Estimate

RNG = np.random.default_rng(21)
COSTS = RNG.lognormal(0, 0.5, 40)
RATES = np.clip(RNG.beta(3, 1, 40), 0, 1)


def test_failures_are_paid_for():
    found = cost_per_success([1.0, 3.0], [1.0, 0.0])
    assert found.value == pytest.approx(4.0)


def test_log_delta_interval_matches_the_ratio_formula():
    found = cost_per_success(COSTS, RATES)
    x, y, n = COSTS, RATES, 40
    r = x.mean() / y.mean()
    (vx, cxy), (_, vy) = np.cov(x, y) / n
    se = math.sqrt(vx - 2 * r * cxy + r**2 * vy) / y.mean()
    assert found.value == pytest.approx(r)
    assert found.high == pytest.approx(r * math.exp(2.0226909 * se / r))


def test_fieller_and_log_delta_agree_on_plenty_of_data():
    one = cost_per_success(np.tile(COSTS, 50), np.tile(RATES, 50))
    two = cost_per_success(np.tile(COSTS, 50), np.tile(RATES, 50), method="fieller")
    assert (one.low, one.high) == (pytest.approx(two.low, rel=1e-3), pytest.approx(two.high, rel=1e-3))


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 1)), min_size=2, max_size=12))
def test_fieller_set_holds_exactly_the_ratios_that_the_data_do_not_rule_out(tasks):
    x, y = (np.array(v) for v in zip(*tasks, strict=True))
    if y.mean() < 1e-6:
        return
    region = fieller(x, y)
    n, ratio = x.size, x.mean() / y.mean()
    t2 = stdtrit(n - 1, 0.975) ** 2
    for r in (0.0, 0.3 * ratio, 0.9 * ratio, 1.1 * ratio, 3 * ratio, 100 * ratio):
        z = x - r * y
        left, right = z.mean() ** 2, t2 * z.var(ddof=1) / n
        if abs(left - right) < 1e-6 * (1 + left + right):
            continue
        inside = (region.low is None or r >= region.low) and (region.high is None or r <= region.high)
        if left < right:
            assert inside
        elif region.low is not None and not region.unbounded:
            assert not inside


def test_too_few_successes_leave_no_upper_bound():
    costs, rates = [1.2, 0.8, 2.5, 1.1, 0.9, 3.0, 1.4, 2.2], [0, 0, 0.2, 0, 0, 0.2, 0, 0]
    for method in ("log_delta", "fieller"):
        found = cost_per_success(costs, rates, method=method)
        assert found.high is None
        assert found.low > 0
        assert "too few" in found.note


@pytest.mark.parametrize(
    ("costs", "rates", "value"),
    [([], [], None), ([1.0, 2.0], [0.0, 0.0], None), ([2.0], [0.5], 4.0), ([2.0, 2.0], [1.0, 1.0], 2.0)],
)
def test_too_little_data_has_no_interval(costs, rates, value):
    found = cost_per_success(costs, rates)
    assert (found.value, found.low, found.high) == (value, None, None)
    assert found.note


def test_ratio_of_the_same_arm_twice_is_one():
    twice = mean_ratio(COSTS, 2 * COSTS + RNG.normal(0, 0.01, 40))
    assert twice.value == pytest.approx(2.0, rel=0.01)
    assert twice.low < 2 < twice.high
    assert mean_ratio([0.0, 0.0], [1.0, 2.0]).value is None
    assert mean_ratio(COSTS, COSTS).low is None
    assert mean_ratio([], []).value is None
    assert cost_per_success_ratio(([], []), ([], [])).value is None


@given(st.floats(0.1, 10))
def test_ratio_scales_with_the_price(scale):
    here = cost_per_success_ratio((COSTS, RATES), (COSTS[::-1], RATES[::-1]))
    there = cost_per_success_ratio((COSTS, RATES), (scale * COSTS[::-1], RATES[::-1]))
    assert there.value == pytest.approx(scale * here.value)
    assert there.high == pytest.approx(scale * here.high)


def test_swapping_arms_inverts_the_ratio():
    one = cost_per_success_ratio((COSTS, RATES), (COSTS[::-1], RATES))
    other = cost_per_success_ratio((COSTS[::-1], RATES), (COSTS, RATES))
    assert one.low == pytest.approx(1 / other.high)
    never = cost_per_success_ratio((COSTS, RATES), (COSTS, 0 * RATES))
    assert never.value is None


def test_pareto_front_keeps_equals_and_drops_the_beaten():
    assert pareto_front([(1, 0.5), (1, 0.5), (2, 0.4), (0.5, 0.1)]) == [0, 1, 3]
    assert pareto_front([]) == []


@pytest.mark.parametrize(
    ("cost", "success", "expected"),
    [
        ((-2, -1), (0.1, 0.2), Dominance.CANDIDATE),
        ((1, 2), (-0.2, -0.1), Dominance.BASELINE),
        ((-2, 1), (0.1, 0.2), Dominance.NEITHER),
        ((-2, -1), (-0.2, -0.1), Dominance.NEITHER),
        ((None, None), (0.1, 0.2), Dominance.NEITHER),
    ],
)
def test_dominance_needs_both_intervals(cost, success, expected):
    def difference(bounds):
        low, high = bounds
        return Estimate(value=0.0, low=low, high=high, level=0.95, n=9, method="t")

    assert dominance(difference(cost), difference(success)) is expected


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("n", [5, 20, 59, 100, 300])
def test_rank_bounds_cover_at_least_their_level(n, q):
    ranks = order_ranks(n, q)
    upper = 1.0 if ranks.high is None else binom.cdf(ranks.high - 1, n, q)
    lower = 0.0 if ranks.low is None else binom.cdf(ranks.low - 1, n, q)
    assert ranks.coverage == pytest.approx(upper - lower)
    assert upper >= 0.975 - 1e-9
    assert lower <= 0.025 + 1e-9


def test_nothing_bounds_anything_without_data():
    ranks = order_ranks(0, 0.5)
    assert (ranks.low, ranks.high) == (None, None)
    assert quantile([], 0.5).value is None
    assert quantile([[]], 0.5).n == 0
    assert largest_confidence(59, 0.95) == pytest.approx(0.9515, abs=1e-4)


@pytest.mark.parametrize("method", ["order", "woodruff"])
def test_twenty_trials_bound_no_p95_from_above(method):
    durations = [[float(i)] for i in range(1, 21)]
    found = quantile(durations, 0.95, method=method)
    assert found.value == 19.0
    assert found.high is None
    assert found.low is not None


def test_single_trials_give_plain_order_statistics():
    durations = [[float(i)] for i in RNG.permutation(np.arange(1, 101))]
    found = quantile(durations, 0.95)
    assert (found.low, found.high) == (90.0, 100.0)


def test_many_trials_of_a_task_do_not_outweigh_others():
    durations = [[1.0], [1.0], [1.0], [9.0] * 50]
    assert quantile(durations, 0.5).value == 1.0


def test_time_limits_hide_what_lies_beyond_them():
    late = [[1.0, 2.0, math.inf]] * 12
    p95 = quantile(late, 0.95)
    assert p95.value is None
    assert p95.high is None
    assert "ran out of time" in p95.note
    assert quantile(late, 0.5).value == 2.0


@given(st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=4), min_size=1, max_size=15), st.floats(0.05, 0.95))
def test_bounds_surround_the_value(durations, q):
    for method in ("order", "woodruff"):
        found = quantile(durations, q, method=method)
        assert found.low is None or found.low <= found.value
        assert found.high is None or found.high >= found.value


def test_trials_of_one_task_count_for_less():
    rng = np.random.default_rng(1)
    slow = np.exp(rng.normal(0, 1, 60))
    shared = [[v * math.exp(rng.normal(0, 0.1)) for _ in range(5)] for v in slow]
    apart = [[v] for task in shared for v in task]
    pooled, tasks = quantile(apart, 0.5), quantile(shared, 0.5)
    assert tasks.high - tasks.low > 1.5 * (pooled.high - pooled.low)


@pytest.mark.parametrize(
    "make",
    [
        lambda: cost_per_success([1.0], [1.0, 0.5]),
        lambda: cost_per_success([-1.0], [1.0]),
        lambda: cost_per_success([1.0], [1.5]),
        lambda: cost_per_success([1.0, math.nan], [1.0, 0.5]),
        lambda: cost_per_success([1.0], [0.5], method="delta"),
        lambda: cost_per_success_ratio(([1.0], [0.5]), ([1.0, 2.0], [0.5, 0.5])),
        lambda: order_ranks(-1, 0.5),
        lambda: order_ranks(10, 1.0),
        lambda: quantile([[1.0]], 0.5, method="bootstrap"),
        lambda: quantile([[-1.0]], 0.5),
        lambda: quantile([[math.nan]], 0.5),
    ],
)
def test_wrong_input_is_refused(make):
    with pytest.raises(ValueError, match="must"):
        make()
