import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.reliability import (
    curve,
    extrapolate,
    pass_at_k,
    pass_hat_k,
    suite_pass_at_k,
    suite_pass_hat_k,
    supported_ks,
)


@st.composite
def tasks(draw):
    trials = draw(st.integers(1, 40))
    return draw(st.integers(0, trials)), trials, draw(st.integers(1, trials))


@given(tasks())
def test_estimates_equal_exact_fractions(task):
    c, n, k = task
    ways = math.comb(n, k)
    assert pass_at_k(c, n, k) == pytest.approx(float(1 - Fraction(math.comb(n - c, k), ways)), abs=1e-13)
    assert pass_hat_k(c, n, k) == pytest.approx(float(Fraction(math.comb(c, k), ways)), abs=1e-13)


@given(tasks())
def test_all_failing_mirrors_passing_once(task):
    c, n, k = task
    assert pass_hat_k(c, n, k) == pytest.approx(1 - pass_at_k(n - c, n, k), abs=1e-13)


@given(tasks())
def test_more_passes_never_lower_either(task):
    c, n, k = task
    if c < n:
        assert pass_at_k(c + 1, n, k) >= pass_at_k(c, n, k)
        assert pass_hat_k(c + 1, n, k) >= pass_hat_k(c, n, k)


@pytest.mark.parametrize("k", [1, 10, 500_000, 999_999])
def test_a_million_trials_stay_exact(k):
    n, c = 1_000_000, 999_990
    exact = float(Fraction(math.comb(n - k, 10), math.comb(n, 10)))
    assert pass_hat_k(c, n, k) == pytest.approx(exact, rel=1e-10, abs=1e-300)


@pytest.mark.parametrize("ask", [pass_at_k, pass_hat_k])
def test_k_above_the_trials_is_undefined(ask):
    assert ask(1, 3, 4) is None
    assert ask(0, 0, 1) is None


def test_the_reference_shortcut_is_not_taken():
    """1 - C(n-c, k)/C(n, k) with C = 0 for k > n would call a task solved that never passed."""
    estimate = suite_pass_at_k([0, 0], [2, 2], k=3)
    assert estimate.value is None
    assert "fewer than 3 trials" in estimate.note


def test_zero_tasks_have_no_value():
    assert suite_pass_hat_k([], [], k=1).value is None
    assert curve([], []) == []
    assert extrapolate([], [], k=3).value is None


def test_few_short_tasks_are_left_out_and_named():
    passed, trials = [5] * 39 + [2], [5] * 39 + [3]
    estimate = suite_pass_hat_k(passed, trials, k=5)
    assert (estimate.value, estimate.n) == (1.0, 39)
    assert "1 task with fewer than 5 trials left out" in estimate.note
    assert suite_pass_hat_k(passed[20:], trials[20:], k=5).n == 19
    assert suite_pass_hat_k(passed[21:], trials[21:], k=5).value is None


def test_first_points_of_both_curves_are_the_pass_rate():
    passed, trials = [4, 3, 2, 0], [4, 4, 4, 4]
    at, hat = curve(passed, trials), curve(passed, trials, kind="pass_hat_k")
    assert [one.value for one in hat] == pytest.approx([9 / 16, 5 / 12, 5 / 16, 1 / 4])
    assert (at[0].value, at[0].low, at[0].high) == (hat[0].value, hat[0].low, hat[0].high)
    assert hat[2].method.startswith("pass_hat_k at k=3")
    assert len(at) == 4


@given(st.lists(tasks(), min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_order_of_tasks_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    k = min(n for _, n, _ in rows)
    one, other = (suite_pass_at_k([c for c, _, _ in r], [n for _, n, _ in r], k=k) for r in (rows, shuffled))
    assert one.value == pytest.approx(other.value, abs=1e-12)
    assert one.low == pytest.approx(other.low, abs=1e-9)


def test_supported_ks_are_thinned_out_for_many_trials():
    ks = supported_ks([1_000_000] * 10)
    assert ks[:100] == list(range(1, 101))
    assert ks[-1] == 1_000_000
    assert len(ks) < 160


def test_extrapolation_is_flagged_and_falls_with_k():
    rng = np.random.default_rng(3)
    passed = rng.binomial(5, rng.beta(2, 1, 80))
    estimates = [extrapolate(passed, [5] * 80, k=k) for k in (6, 10, 50)]
    assert all("extrapolated" in one.note for one in estimates)
    values = [one.value for one in estimates]
    assert values == sorted(values, reverse=True)
    assert all(one.low < one.value < one.high for one in estimates)


@pytest.mark.parametrize("k", [0, -1, 2.5])
def test_k_must_be_a_positive_whole_number(k):
    with pytest.raises(ValueError, match=r"k must be a whole number from 1 up, but got"):
        suite_pass_at_k([1], [2], k=k)


def test_unknown_kind_is_named():
    with pytest.raises(ValueError, match=r"kind must be one of .*'pass3'"):
        curve([1], [2], kind="pass3")
