import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp
from statsmodels.stats.weightstats import ttost_paired

from evalharness.stats.differences import bonett_price, paired_t, paired_t_interval, skewed_t_interval, tost
from evalharness.stats.tango import tango

D = st.lists(st.integers(-10, 10).map(lambda x: x / 10), min_size=1, max_size=30)
SAMPLE = np.array([-0.4, -0.2, 0, 0.2, -0.6, -0.2, 0, -0.4, 0.2, -0.2])


@pytest.mark.parametrize(("ours", "theirs"), [("worse", "less"), ("better", "greater"), ("two-sided", "two-sided")])
def test_paired_t_agrees_with_scipy(ours, theirs):
    reference = ttest_1samp(SAMPLE, 0, alternative=theirs)
    assert paired_t(SAMPLE, alternative=ours).pvalue == pytest.approx(reference.pvalue, rel=1e-9)
    found, expected = paired_t_interval(SAMPLE, level=0.9), ttest_1samp(SAMPLE, 0).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_tost_agrees_with_statsmodels():
    base = np.linspace(0.3, 0.9, 10)
    cand = base + 0.02 * np.sin(np.arange(10))
    assert tost(cand - base, margin=0.02).pvalue == pytest.approx(ttost_paired(cand, base, -0.02, 0.02)[0], rel=1e-9)


@given(D)
def test_bonett_price_has_width_contains_its_value_and_mirrors(d):
    found, mirror = bonett_price(d), bonett_price([-one for one in d])
    assert found.low < found.high
    assert -1 <= found.low <= found.value + 1e-12
    assert found.value <= found.high + 1e-12
    assert (mirror.low, mirror.high) == pytest.approx((-found.high, -found.low), abs=1e-12)


@given(D, st.randoms(use_true_random=False))
def test_order_does_not_matter(d, random):
    shuffled = random.sample(d, len(d))
    for ask in (bonett_price, paired_t_interval):
        one, other = ask(d), ask(shuffled)
        assert one.low == pytest.approx(other.low, abs=1e-9)


def test_bonett_price_and_t_agree_for_many_tasks():
    d = np.random.default_rng(2).normal(0, 0.3, 20_000).clip(-1, 1)
    one, other = bonett_price(d), paired_t_interval(d)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=2e-4)


def test_skewness_widens_the_side_of_the_long_tail_only():
    d = np.array([-1.0] * 20 + [0.1] * 580)
    plain, wide, mirror = paired_t_interval(d), skewed_t_interval(d), skewed_t_interval(-d)
    assert wide.low < plain.low
    assert wide.high == plain.high
    assert (mirror.low, mirror.high) == pytest.approx((-wide.high, -wide.low))
    assert skewed_t_interval([0.5, 0.5]).low is None
    even = np.array([-0.5, 0.5] * 300)
    assert skewed_t_interval(even).low == pytest.approx(paired_t_interval(even).low)


@pytest.mark.parametrize(("margin", "tasks"), [(0.1, 22), (0.05, 45), (0.02, 115), (0.01, 231)])
def test_smallest_clean_suite_that_certifies_a_margin(margin, tasks):
    assert bonett_price([0] * tasks, level=0.9).low > -margin
    assert bonett_price([0] * (tasks - 1), level=0.9).low <= -margin


def test_no_variance_is_never_certainty():
    assert paired_t_interval([1, 1, 1]).low is None
    assert paired_t([-1] * 4).pvalue == pytest.approx(1 / 16)
    assert paired_t([0.0] * 9).pvalue == 1
    assert tost([0] * 10, margin=0.05).pvalue > 0.2
    assert tost([0] * 500, margin=0.05).pvalue < 0.05
    assert tost([], margin=0.05).pvalue == 1


@given(st.integers(0, 15), st.integers(0, 15), st.integers(0, 30))
def test_tango_mirrors_contains_its_value_and_solves_the_score(broken, fixed, same):
    n = broken + fixed + same
    if n == 0:
        assert tango(broken=0, fixed=0, n=0).value is None
        return
    found = tango(broken=broken, fixed=fixed, n=n)
    mirror = tango(broken=fixed, fixed=broken, n=n)
    assert (mirror.low, mirror.high) == pytest.approx((-found.high, -found.low), abs=1e-9)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


def test_tango_excludes_zero_where_mcnemar_does():
    assert tango(broken=10, fixed=2, n=50).high < 0
    assert tango(broken=9, fixed=3, n=50).high > 0


@pytest.mark.parametrize(("n", "z2"), [(20, 3.841458820694124), (100, 3.841458820694124)])
def test_tango_without_flips_has_its_closed_form(n, z2):
    assert tango(broken=0, fixed=0, n=n).high == pytest.approx(z2 / (n + z2), abs=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bonett_price([1.5]), "differences must be a list of numbers between -1 and 1"),
        (lambda: paired_t([np.nan]), "differences must be a list of numbers between -1 and 1"),
        (lambda: tost([0], margin=0), "margin must be above 0, but got 0"),
        (lambda: tango(broken=3, fixed=2, n=4), r"n must be at least broken \+ fixed = 5, but got 4"),
        (lambda: tango(broken=-1, fixed=2, n=4), r"broken\[0\] must be a whole number from 0 up, but got -1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
