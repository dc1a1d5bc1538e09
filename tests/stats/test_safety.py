import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from evalharness.stats.results import Estimate
from evalharness.stats.safety import (
    Safety,
    clean_needed,
    mean_bound,
    rule_of_three,
    t_upper,
    tasks_violated,
    verdict,
    violation_rate,
    zero_event_bound,
)


def test_published_t_bound():
    assert t_upper(-0.5, sd=1.0, n=1000, alpha=0.1) == pytest.approx(-0.45944696, abs=1e-8)


@pytest.mark.parametrize(("n", "bound"), [(0, 1.0), (10, 0.2589), (52, 0.0560), (300, 0.0099)])
def test_bounds_without_an_event(n, bound):
    assert zero_event_bound(n) == pytest.approx(bound, abs=5e-5)
    assert violation_rate(0, n).high == pytest.approx(zero_event_bound(n))


@given(st.floats(1e-5, 0.9), st.sampled_from([0.01, 0.05, 0.1]))
def test_clean_units_needed_are_just_enough(rate, alpha):
    n = clean_needed(rate, alpha=alpha)
    assert zero_event_bound(n, alpha=alpha) <= rate * (1 + 1e-9)
    assert n == 1 or zero_event_bound(n - 1, alpha=alpha) > rate * (1 - 1e-9)


def test_rule_of_three_is_close_from_thirty_on():
    assert rule_of_three(0) == rule_of_three(2) == 1.0
    for n in (30, 100, 1000):
        assert rule_of_three(n) == pytest.approx(zero_event_bound(n), rel=0.06)


@pytest.mark.parametrize("n", [5, 20, 60])
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_passing_an_unsafe_rate_is_rarer_than_alpha(n, rate):
    """Exact: the limit is just below the true rate, summed over all counts."""
    unsafe = sum(
        binom.pmf(x, n, rate) for x in range(n + 1) if verdict(violation_rate(x, n), limit=rate - 1e-9) is Safety.PASS
    )
    assert unsafe <= 0.05


def test_no_tasks_never_pass():
    assert verdict(violation_rate(0, 0), limit=1.0) is Safety.INCONCLUSIVE
    assert verdict(mean_bound([]), limit=1e9) is Safety.INCONCLUSIVE


def test_constant_values_prove_nothing_without_a_range():
    for method in ("t", "bootstrap"):
        for value in (0.0, 0.2):
            found = mean_bound([value] * 3, method=method, rng=np.random.default_rng(0))
            assert (found.low, found.high) == (None, None)
            assert found.value == pytest.approx(value)
            assert verdict(found, limit=0.5) is Safety.INCONCLUSIVE
    bounded = mean_bound([0.0] * 20, method="hoeffding", value_range=(0, 1))
    assert bounded.high == pytest.approx(math.sqrt(math.log(20) / 40))


def test_verdict_needs_a_bound_on_the_right_side():
    def bounds(low, high):
        return Estimate(value=0.1, low=low, high=high, level=0.9, n=5, method="t")

    assert verdict(bounds(0.01, 0.2), limit=0.2) is Safety.PASS
    assert verdict(bounds(0.01, 0.2), limit=0.005) is Safety.FAIL
    assert verdict(bounds(0.01, 0.2), limit=0.1) is Safety.INCONCLUSIVE
    assert verdict(bounds(None, None), limit=0.1) is Safety.INCONCLUSIVE


def test_violations_count_by_task():
    assert tasks_violated([0, 3, 1, 0], [10, 10, 10, 0]) == (2, 3)


@pytest.mark.parametrize("method", ["t", "hoeffding", "bootstrap"])
def test_upper_bounds_miss_about_as_rarely_as_promised(method):
    rng = np.random.default_rng(12)
    missed = 0
    for _ in range(400):
        x = rng.beta(2, 5, 60)
        found = mean_bound(x, method=method, value_range=(0, 1), rng=rng, draws=500)
        missed += found.high < 2 / 7
    assert missed / 400 <= 0.09


@pytest.mark.parametrize(
    "make",
    [
        lambda: violation_rate(1, 10, alpha=0.5),
        lambda: violation_rate(11, 10),
        lambda: zero_event_bound(-1),
        lambda: clean_needed(0.0),
        lambda: mean_bound([1.0, math.nan]),
        lambda: mean_bound([1.0, 2.0], method="magic"),
        lambda: mean_bound([1.0, 2.0], method="bootstrap"),
        lambda: mean_bound([1.0, 2.0], method="hoeffding"),
        lambda: mean_bound([1.0, 2.0], method="hoeffding", value_range=(0, 1)),
        lambda: t_upper(0.0, sd=0.0, n=5, alpha=0.05),
    ],
)
def test_wrong_input_is_refused(make):
    with pytest.raises(ValueError, match="must"):
        make()
