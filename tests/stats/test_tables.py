import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import bdtr, bdtrc
from scipy.stats import boschloo_exact, fisher_exact, hypergeom

from evalharness.stats.exact import TIE, Lattice, hypergeometric, poisson_binomial
from evalharness.stats.tables import attainable, boschloo, fisher, smallest_pvalue, task_pvalues

ALTERNATIVES = {"worse": "greater", "better": "less", "two-sided": "two-sided"}
CELL = st.integers(1, 12).flatmap(lambda k: st.tuples(st.integers(0, k), st.just(k)))


@given(CELL, CELL, st.sampled_from(sorted(ALTERNATIVES)))
def test_fisher_agrees_with_scipy(base, cand, alternative):
    table = [[base[0], base[1] - base[0]], [cand[0], cand[1] - cand[0]]]
    reference = fisher_exact(table, alternative=ALTERNATIVES[alternative]).pvalue
    assert fisher(*base, *cand, alternative=alternative) == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize("table", [(5, 5, 2, 5), (9, 10, 5, 12), (3, 3, 0, 3), (1, 4, 2, 4)])
def test_boschloo_agrees_with_scipy(table):
    a, k, b, m = table
    reference = boschloo_exact([[a, b], [k - a, m - b]], alternative="greater", n=64).pvalue
    assert boschloo(*table) == pytest.approx(reference, abs=1e-6)


@pytest.mark.parametrize("size", range(2, 31))
def test_fisher_never_exceeds_its_level_for_any_margins(size):
    for base_trials in range(1, size):
        for total in range(size + 1):
            split = hypergeometric(base_trials, size - base_trials, total)
            p = np.array([fisher(total - x, base_trials, x, size - base_trials) for x in split.support.tolist()])
            for alpha in (0.01, 0.05, 0.25):
                assert split.mass[p <= alpha + TIE].sum() <= alpha + TIE


def chances(trials, rates):
    return np.diff([bdtr(x, trials, rates) for x in range(trials + 1)], axis=0, prepend=np.zeros((1, rates.size)))


@pytest.mark.parametrize("size", range(2, 31))
def test_boschloo_never_exceeds_its_level_and_beats_fisher_for_any_sizes(size):
    rates = np.linspace(0, 1, 201)
    for k in range(1, size):
        m = size - k
        p = np.array([[boschloo(a, k, b, m) for b in range(m + 1)] for a in range(k + 1)])
        plain = np.array([[fisher(a, k, b, m) for b in range(m + 1)] for a in range(k + 1)])
        assert (p <= plain + TIE).all()
        for alpha in (0.01, 0.05, 0.10):
            alarm = np.einsum("ar,br,ab->r", chances(k, rates), chances(m, rates), p <= alpha + TIE)
            assert alarm.max() <= alpha + 1e-9


def test_ties_at_the_level_are_kept():
    assert task_pvalues([3], [3], [0], [3])[0] == pytest.approx(0.05, abs=1e-15)
    assert smallest_pvalue(np.array([3]), np.array([3]))[0] <= 0.05 + TIE


def test_unmeasured_and_constant_tasks_show_nothing():
    for method in ("fisher", "boschloo"):
        p = task_pvalues([0, 5, 0, 5], [0, 5, 5, 5], [5, 5, 0, 0], [5, 5, 5, 0], method=method)
        assert p.tolist() == pytest.approx([1, 1, 1, 1])
    assert task_pvalues([], [], [], []).size == 0


@given(CELL, CELL)
def test_swapping_arms_swaps_the_question(base, cand):
    for ask in (fisher, boschloo):
        assert ask(*base, *cand) == pytest.approx(ask(*cand, *base, alternative="better"), abs=1e-9)
    assert fisher(*base, *cand, mid=True) < fisher(*base, *cand) + TIE


def test_attainable_p_values_ascend_to_one_from_the_smallest():
    support = attainable(5, 5, 5)
    assert support[0] == pytest.approx(1 / math.comb(10, 5))
    assert (np.diff(support) > 0).all()
    assert support[-1] == pytest.approx(1)


@pytest.mark.parametrize(("a", "b", "m"), [(10, 10, 7), (3, 8, 5), (200, 300, 250), (100_000, 50_000, 60_000)])
def test_hypergeometric_agrees_with_scipy(a, b, m):
    split = hypergeometric(a, b, m)
    reference = hypergeom(a + b, m, b)
    assert split.mass.sum() == pytest.approx(1, abs=1e-12)
    assert split.mass == pytest.approx(reference.pmf(split.support), abs=1e-9)


def test_equal_chances_make_a_binomial_and_mixed_ones_add_up():
    found = poisson_binomial(np.full(3000, 0.3))
    assert found.at_least(950) == pytest.approx(bdtrc(949, 3000, 0.3), rel=1e-9)
    mixed = poisson_binomial(np.array([0.0, 0.2, 0.5, 0.5, 1.0]))
    assert mixed.at_least(1) == pytest.approx(1)
    assert mixed.at_least(4) == pytest.approx(0.2 * 0.25)
    assert poisson_binomial(np.zeros(0)).at_least(0) == 1


def test_a_p_value_is_never_zero():
    lattice = Lattice(0, np.array([0.5, 0.5]))
    assert 0 < lattice.at_least(7) < 1e-100
    assert lattice.at_most(-3) > 0
    assert lattice.at(9) == 0


@pytest.mark.parametrize("option", [{"method": "barnard"}, {"alternative": "less"}])
def test_unknown_options_are_named(option):
    with pytest.raises(ValueError, match=f"{next(iter(option))} must be one of"):
        task_pvalues([1], [2], [1], [2], **option)
