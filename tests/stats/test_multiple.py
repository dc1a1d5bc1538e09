import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from evalharness.stats.multiple import adjust, bh, by, e_bh, heyse, holm, significant, tarone, tarone_factor
from evalharness.stats.tables import attainable, task_pvalues

P = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_adjustments_agree_with_statsmodels():
    rng = np.random.default_rng(1)
    for p in ([0.01], [0.2, 0.2, 0.001], rng.random(40) ** 3, np.round(rng.random(40), 1)):
        for ours, theirs in ((bh, "fdr_bh"), (by, "fdr_by"), (holm, "holm")):
            assert ours(p) == pytest.approx(multipletests(p, method=theirs)[1], abs=1e-12)


@given(P)
def test_false_discovery_adjustments_agree_with_scipy(p):
    assert bh(p) == pytest.approx(false_discovery_control(p), abs=1e-12)
    assert by(p) == pytest.approx(false_discovery_control(p, method="by"), abs=1e-12)


@given(P, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_nothing_gets_smaller(p, random):
    order = random.sample(range(len(p)), len(p))
    for method in ("bh", "by", "holm"):
        adjusted = adjust(p, method=method)
        assert adjust([p[i] for i in order], method=method) == pytest.approx(adjusted[order])
        assert (adjusted >= np.array(p) - 1e-15).all()
    assert (holm(p) >= bh(p) - 1e-12).all()
    assert (by(p) >= bh(p) - 1e-12).all()


def test_no_tests_adjust_to_nothing():
    for method in (bh, by, holm):
        assert method([]).size == 0
    assert heyse([], []).size == 0
    assert e_bh([], level=0.1).size == 0
    assert tarone([], []).size == 0
    assert tarone_factor([]) == 0


def test_ties_at_the_level_are_rejected():
    assert significant(bh([0.05000000000000001, 0.02]), level=0.05).all()


def test_heyse_uses_only_what_can_be_attained():
    k = 5
    base, cand = np.array([5, 5, 5, 4, 0, 3]), np.array([0, 5, 5, 5, 0, 2])
    p = task_pvalues(base, [k] * 6, cand, [k] * 6)
    supports = [attainable(k, k, int(m)) for m in base + cand]
    adjusted = heyse(p, supports)
    below = [[x for x in one if x <= p[0] + 1e-12] for one in supports]
    assert adjusted[0] == pytest.approx(sum(max(one, default=0) for one in below))
    assert (adjusted <= bh(p) + 1e-12).all()
    assert (np.argsort(adjusted, kind="stable")[:1] == [0]).all()


@given(P)
def test_heyse_with_continuous_tests_is_bh(p):
    grid = np.unique(np.append(p, 1.0))
    assert heyse(p, [grid] * len(p)) == pytest.approx(bh(p), abs=1e-9)


def test_tarone_counts_only_the_testable():
    smallest = [0.001] * 3 + [0.5] * 97
    assert tarone_factor(smallest) == 3
    rejected = tarone([0.016, 0.017, 0.9] + [0.5] * 97, smallest)
    assert rejected.tolist() == [True, False] + [False] * 98


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=20), st.floats(0.01, 0.5))
def test_e_bh_is_bh_on_inverse_e(e, level):
    p = np.minimum(1, 1 / np.maximum(e, 1e-9))
    clear = np.abs(bh(p) - level) > 1e-9
    assert (e_bh(e, level=level) == (bh(p) <= level))[clear].all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bh([0.5, 1.5]), "pvalues must be a list of numbers between 0 and 1, but got 1.5"),
        (lambda: holm([np.nan]), "pvalues must be a list of numbers between 0 and 1, but got nan"),
        (lambda: heyse([0.5], []), r"supports must hold one list per p-value \(1\), but got 0"),
        (lambda: e_bh([-1], level=0.1), "evalues must be numbers from 0 up, but got -1"),
        (lambda: adjust([0.5], method="bonf"), "method must be one of bh, holm, by, but got 'bonf'"),
        (lambda: tarone([0.5], [2]), "smallest must be a list of numbers between 0 and 1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
