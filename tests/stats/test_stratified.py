import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import ndtr
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from evalharness.stats.stratified import cmh_test, mcnemar, sign_flip_test

CELL = st.integers(1, 6).flatmap(lambda k: st.tuples(st.integers(0, k), st.just(k)))
SUITE = st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8)
METHODS = ("exact", "midp", "z")


def columns(suite):
    return [list(column) for column in zip(*((*base, *cand) for base, cand in suite), strict=True)]


def exact_by_integers(suite):
    """P(candidate passes at most what it did), by integer convolution."""
    ways = {0: 1}
    for (c_base, k_base), (c_cand, k_cand) in suite:
        m = c_base + c_cand
        step = {x: math.comb(k_cand, x) * math.comb(k_base, m - x) for x in range(min(k_cand, m) + 1)}
        ways = {
            total: sum(ways.get(total - x, 0) * w for x, w in step.items())
            for total in range(max(ways) + max(step) + 1)
        }
    observed = sum(c for _, (c, _) in suite)
    return float(Fraction(sum(w for x, w in ways.items() if x <= observed), sum(ways.values())))


@given(SUITE)
def test_exact_p_equals_integer_arithmetic(suite):
    assert cmh_test(*columns(suite), method="exact").pvalue == pytest.approx(exact_by_integers(suite), abs=1e-12)


def test_exact_p_of_a_long_suite_equals_integer_arithmetic():
    rng = np.random.default_rng(1)
    suite = [((int(a), 10), (int(b), 7)) for a, b in zip(rng.integers(0, 11, 80), rng.integers(0, 8, 80), strict=True)]
    assert cmh_test(*columns(suite), method="exact").pvalue == pytest.approx(exact_by_integers(suite), rel=1e-12)


@given(SUITE, st.sampled_from(METHODS))
def test_swapping_the_arms_swaps_worse_and_better(suite, method):
    base_passed, base_trials, cand_passed, cand_trials = columns(suite)
    one = cmh_test(*columns(suite), method=method)
    other = cmh_test(cand_passed, cand_trials, base_passed, base_trials, method=method, alternative="better")
    assert one.pvalue == pytest.approx(other.pvalue, abs=1e-12)
    both = cmh_test(*columns(suite), method=method, alternative="two-sided").pvalue
    assert both == pytest.approx(
        cmh_test(cand_passed, cand_trials, base_passed, base_trials, method=method, alternative="two-sided").pvalue,
        abs=1e-12,
    )


@given(SUITE, st.randoms(use_true_random=False), st.sampled_from(METHODS))
def test_order_of_tasks_does_not_matter(suite, random, method):
    shuffled = random.sample(suite, len(suite))
    one, other = (cmh_test(*columns(s), method=method).pvalue for s in (suite, shuffled))
    assert one == pytest.approx(other, abs=1e-12)


@given(SUITE, st.data())
def test_one_more_candidate_pass_never_looks_worse(suite, data):
    open_tasks = [i for i, (_, (c, k)) in enumerate(suite) if c < k]
    assume(open_tasks)
    i = data.draw(st.sampled_from(open_tasks))
    base, (c, k) = suite[i]
    better = [*suite[:i], (base, (c + 1, k)), *suite[i + 1 :]]
    one, other = (cmh_test(*columns(s), method="exact").pvalue for s in (suite, better))
    assert other >= one - 1e-12


def test_z_agrees_with_statsmodels():
    rng = np.random.default_rng(3)
    base, cand = rng.integers(0, 6, 12), rng.integers(0, 8, 12)
    tables = [np.array([[a, 5 - a], [b, 7 - b]]) for a, b in zip(base, cand, strict=True)]
    reference = StratifiedTable(tables).test_null_odds(correction=False)
    found = cmh_test(base, [5] * 12, cand, [7] * 12, method="z", alternative="two-sided")
    assert found.pvalue == pytest.approx(reference.pvalue, rel=1e-9)
    assert found.statistic**2 == pytest.approx(reference.statistic, rel=1e-9)


def test_exact_and_normal_forms_agree_for_many_trials():
    rng = np.random.default_rng(9)
    p = rng.beta(0.5, 0.5, 500)
    base, cand = rng.binomial(10, p), rng.binomial(10, p * 0.97)
    trials = [10] * 500
    exact, midp, z = (cmh_test(base, trials, cand, trials, method=m).pvalue for m in METHODS)
    assert midp == pytest.approx(z, abs=1e-3)
    assert exact == pytest.approx(z, abs=1e-2)


@pytest.mark.parametrize(("tasks", "name"), [(200, "CMH mid-p"), (201, "CMH z")])
def test_the_default_changes_at_2000_trials_an_arm(tasks, name):
    assert cmh_test([5] * tasks, [10] * tasks, [4] * tasks, [10] * tasks).method == name


@given(st.integers(0, 12), st.integers(0, 12), st.sampled_from(METHODS))
def test_one_trial_per_task_is_mcnemar(broken, fixed, method):
    assume(broken + fixed > 0)
    base, cand = [1] * broken + [0] * fixed + [1, 0], [0] * broken + [1] * fixed + [1, 0]
    ones = [1] * len(base)
    found = cmh_test(base, ones, cand, ones, method=method)
    reference = mcnemar(broken=broken, fixed=fixed, method=method, alternative="worse")
    assert found.pvalue == pytest.approx(reference.pvalue, abs=1e-12)
    assert found.method.startswith("McNemar")


@pytest.mark.parametrize(("broken", "fixed"), [(8, 40), (25, 12), (1, 9), (5, 5), (0, 3)])
def test_mcnemar_agrees_with_statsmodels(broken, fixed):
    table = [[20, broken], [fixed, 12]]
    for method, options in (("exact", {"exact": True}), ("z", {"exact": False, "correction": False})):
        reference = reference_mcnemar(table, **options).pvalue
        found = mcnemar(broken=broken, fixed=fixed, method=method).pvalue
        assert found == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize(
    ("broken", "fixed", "expected"),
    [(82, 28, 2.519e-07), (46, 27, 0.03442), (1, 17, 0.00014), (1, 19, 4e-05), (7, 1, 0.0703)],
)
def test_published_mcnemar_p_values(broken, fixed, expected):
    found = mcnemar(broken=broken, fixed=fixed, method="exact").pvalue
    assert found == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("n", range(1, 31))
def test_exact_mcnemar_never_exceeds_its_level(n):
    chance = [math.comb(n, k) / 2**n for k in range(n + 1)]
    for alternative in ("worse", "better", "two-sided"):
        p = [mcnemar(broken=k, fixed=n - k, method="exact", alternative=alternative).pvalue for k in range(n + 1)]
        for alpha in (0.01, 0.05, 0.10):
            assert sum(c for c, one in zip(chance, p, strict=True) if one <= alpha + 1e-12) <= alpha


def test_exact_cmh_never_exceeds_its_level_for_any_suite_of_three_tasks():
    k_base, k_cand = 3, 2
    for totals in itertools.combinations_with_replacement(range(1, 5), 3):
        splits = [
            [
                (m - x, x, math.comb(k_base, m - x) * math.comb(k_cand, x))
                for x in range(max(0, m - k_base), min(k_cand, m) + 1)
            ]
            for m in totals
        ]
        ways = alarms = 0
        for rows in itertools.product(*splits):
            weight = math.prod(w for _, _, w in rows)
            ways += weight
            arms = [a for a, _, _ in rows], [k_base] * 3, [b for _, b, _ in rows], [k_cand] * 3
            alarms += weight * (cmh_test(*arms, method="exact").pvalue <= 0.05 + 1e-12)
        assert alarms / ways <= 0.05


@pytest.mark.parametrize(
    "arms",
    [([], [], [], []), ([5, 0], [5, 5], [5, 0], [5, 5]), ([5], [5], [0], [0])],
)
def test_nothing_to_go_by_is_p_1(arms):
    for method in METHODS:
        found = cmh_test(*arms, method=method)
        assert (found.pvalue, found.n) == (1.0, 0)


def test_ragged_and_missing_trials_are_fine():
    found = cmh_test([9, 4, 5], [10, 6, 5], [2, 0, 0], [3, 2, 0])
    assert 0 < found.pvalue < 0.2
    assert "1 task without measured trials left out" in found.note


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_sign_flips_are_enumerated_symmetric_and_in_any_order(steps):
    d = [one / 5 for one in steps]
    worse = sign_flip_test(d).pvalue
    assert worse == pytest.approx(sign_flip_test([-one for one in d], alternative="better").pvalue)
    assert worse == pytest.approx(sign_flip_test(d[::-1]).pvalue)
    signs = itertools.product((-1, 1), repeat=len(steps))
    extreme = [sum(s * abs(x) for s, x in zip(row, steps, strict=True)) <= sum(steps) for row in signs]
    assert worse == pytest.approx(np.mean(extreme))


def test_many_differences_need_a_generator():
    d = np.linspace(-1, 0.4, 30)
    with pytest.raises(ValueError, match="rng must be given for more than 20 differences, but there are 30"):
        sign_flip_test(d)
    found = sign_flip_test(d, rng=np.random.default_rng(1))
    assert found.pvalue == pytest.approx(float(ndtr(d.sum() / np.sqrt((d**2).sum()))), abs=0.01)
    assert found == sign_flip_test(d, rng=np.random.default_rng(1))
    assert sign_flip_test([0, 0]).pvalue == 1


@pytest.mark.parametrize("option", [{"method": "chi2"}, {"alternative": "less"}])
def test_unknown_options_are_named(option):
    with pytest.raises(ValueError, match=f"{next(iter(option))} must be one of"):
        cmh_test([1], [2], [1], [2], **option)
