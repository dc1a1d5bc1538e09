import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.estimate import pass_rate, repeatability
from evalharness.stats.flips import noise_floor, suspects, task_pvalues
from evalharness.stats.paired import (
    bonett_price,
    cmh_test,
    fixed_suite_delta,
    fixed_suite_error,
    fixed_suite_score_delta,
    paired_delta,
    paired_t_interval,
    population_delta,
    population_score_delta,
)
from evalharness.stats.reliability import curve
from evalharness.stats.variance import components
from tests.counting import calls

CELL = st.integers(1, 6).flatmap(lambda k: st.tuples(st.integers(0, k), st.just(k)))
SUITE = st.lists(st.tuples(CELL, CELL), min_size=1, max_size=10)
DELTAS = (fixed_suite_delta, population_delta)


def columns(suite):
    return [list(column) for column in zip(*((*base, *cand) for base, cand in suite), strict=True)]


def test_fixed_suite_formula_by_hand():
    found = fixed_suite_delta([5, 4, 0], [5, 5, 5], [3, 4, 1], [5, 5, 5], level=0.9)
    within = sum(c * (5 - c) / (5 * 4) / 5 for c in (5, 4, 0, 3, 4, 1))
    half = 1.6448536269514722 * np.sqrt(within + 2 / 25) / 3
    assert found.value == pytest.approx(-1 / 15)
    assert (found.low, found.high) == pytest.approx((-1 / 15 - half, -1 / 15 + half), abs=1e-12)


@pytest.mark.parametrize(
    ("base", "cand", "spread"),
    [
        ([5, 5], [1, 1], 0),  # equal differences: the pooled variance is the larger one
        ([9, 5], [0, 1], 2 * ((-0.9 - 0.5) / 2) ** 2 * 2),
    ],
)
def test_a_single_trial_in_one_arm_takes_the_larger_of_pooled_variance_and_spread(base, cand, spread):
    found = fixed_suite_error(base, [10, 10], cand, [1, 1])
    totals = [a + b for a, b in zip(base, cand, strict=True)]
    pooled = sum(11 / 10 * m / 11 * (1 - m / 11) for m in totals) * (1 / 10 + 1)
    assert found == pytest.approx(np.sqrt(max(pooled, spread) + 1 / 10**2 + 1) / 2)


def test_one_trial_each_uses_bonett_price():
    found = fixed_suite_delta([1, 1, 0], [1] * 3, [1, 0, 0], [1] * 3)
    assert found == bonett_price([0, -1, 0])


@given(SUITE)
def test_both_deltas_mirror_have_width_and_hold_their_value(suite):
    base_passed, base_trials, cand_passed, cand_trials = columns(suite)
    for ask in DELTAS:
        found = ask(*columns(suite))
        mirror = ask(cand_passed, cand_trials, base_passed, base_trials)
        assert found.low < found.high
        assert found.low - 1e-12 <= found.value <= found.high + 1e-12
        assert (mirror.low, mirror.high) == pytest.approx((-found.high, -found.low), abs=1e-12)


@given(SUITE, st.randoms(use_true_random=False))
def test_order_of_tasks_does_not_matter(suite, random):
    shuffled = random.sample(suite, len(suite))
    for ask in DELTAS:
        one, other = ask(*columns(suite)), ask(*columns(shuffled))
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-9)


@given(SUITE, st.randoms(use_true_random=False))
def test_scores_of_0_and_1_give_what_counts_give_in_any_order_of_trials(suite, random):
    def scores(arm):
        return [random.sample([1.0] * c + [0.0] * (k - c), k) for c, k in arm]

    base, cand = (scores([row[arm] for row in suite]) for arm in (0, 1))
    for by_score, by_count in (
        (fixed_suite_score_delta, fixed_suite_delta),
        (population_score_delta, population_delta),
    ):
        one, other = by_score(base, cand), by_count(*columns(suite))
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-9)


@given(SUITE, st.sampled_from(DELTAS))
def test_more_confidence_is_wider(suite, ask):
    narrow, wide = ask(*columns(suite), level=0.8), ask(*columns(suite), level=0.99)
    assert wide.low <= narrow.low
    assert wide.high >= narrow.high


def test_population_switches_to_t_at_500_tasks():
    rng = np.random.default_rng(1)
    for tasks, method in ((499, "Bonett-Price"), (500, "paired t, widened for skewness")):
        base, cand, trials = rng.integers(0, 6, tasks), rng.integers(0, 6, tasks), [5] * tasks
        assert population_delta(base, trials, cand, trials).method == method
    assert population_delta([5] * 600, [5] * 600, [5] * 600, [5] * 600).method == "Bonett-Price"


def test_more_trials_sharpen_the_suite_and_not_the_population():
    rng = np.random.default_rng(4)
    before, after = rng.random(600), rng.random(600)
    widths = {}
    for k in (2, 50):
        trials = [k] * 600
        arms = rng.binomial(k, before), trials, rng.binomial(k, after), trials
        widths[k] = [ask(*arms).high - ask(*arms).low for ask in DELTAS]
    assert widths[50][0] < 0.3 * widths[2][0]
    assert widths[50][1] > 0.6 * widths[2][1]


def test_the_interval_agrees_with_the_z_test_for_many_tasks():
    rng = np.random.default_rng(7)
    p = rng.beta(2, 1, 800)
    trials = [8] * 800
    arms = rng.binomial(8, p), trials, rng.binomial(8, p * 0.98), trials
    z = fixed_suite_delta(*arms).value / fixed_suite_error(*arms)
    assert z == pytest.approx(cmh_test(*arms, method="z").statistic, rel=0.05)


def test_estimands_are_named():
    arms = [5, 3], [5, 5], [4, 3], [5, 5]
    assert paired_delta(*arms) == fixed_suite_delta(*arms)
    assert paired_delta(*arms, estimand="population", level=0.9) == population_delta(*arms, level=0.9)
    with pytest.raises(ValueError, match="estimand must be one of suite, population, but got 'task'"):
        paired_delta(*arms, estimand="task")


def test_nothing_in_common_excludes_nothing():
    for ask in DELTAS:
        found = ask([5], [5], [0], [0])
        assert (found.value, found.low, found.high, found.n) == (None, -1, 1, 0)
        assert found.note == "no tasks in common; 1 task without measured trials left out"
    assert fixed_suite_error([], [], [], []) is None
    assert fixed_suite_score_delta([[]], [[0.5]]).n == 0


def test_scores_without_any_noise_keep_a_width():
    found = fixed_suite_score_delta([[0.5, 0.5]] * 4, [[0.5, 0.5]] * 4)
    assert found.low < 0 < found.high


def test_clusters_widen_a_shared_change():
    rng = np.random.default_rng(3)
    shift = np.repeat(rng.normal(0, 0.25, 20), 10)
    trials = np.full(200, 10)
    p = np.full(200, 0.5)
    arms = rng.binomial(10, p), trials, rng.binomial(10, np.clip(p + shift, 0, 1)), trials
    plain = population_delta(*arms)
    grouped = population_delta(*arms, clusters=np.repeat([f"repo{i}" for i in range(20)], 10))
    alone = population_delta(*arms, clusters=np.arange(200))
    assert grouped.high - grouped.low > 1.8 * (plain.high - plain.low)
    assert alone.high - alone.low == pytest.approx(plain.high - plain.low, rel=0.03)
    assert grouped.n == 20
    with pytest.raises(ValueError, match=r"clusters must hold one label per task \(200\)"):
        population_delta(*arms, clusters=["a"])


def test_clusters_of_scores_are_those_of_counts():
    labels = ["a", "a", "b", "c"]
    by_count = population_delta([2, 1, 0, 0], [2, 2, 2, 0], [1, 1, 2, 1], [2, 2, 2, 1], clusters=labels)
    base, cand = [[1, 1], [1, 0], [0, 0], []], [[1, 0], [0, 1], [1, 1], [1]]
    assert population_score_delta(base, cand, clusters=labels) == by_count


def test_t_needs_two_tasks():
    assert paired_t_interval([0.2]).low is None
    assert population_delta([3], [5], [4], [5]).low < 0


def summarise(n, k):
    rng = np.random.default_rng(1)
    p = rng.beta(0.3, 0.3, n)
    base, cand, trials = rng.binomial(k, p), rng.binomial(k, p), np.full(n, k)
    arms = base, trials, cand, trials
    pass_rate(base, trials)
    repeatability(cand, trials)
    curve(base, trials)
    curve(cand, trials, kind="pass_hat_k")
    components(base, trials)
    fixed_suite_delta(*arms)
    population_delta(*arms)
    cmh_test(*arms)
    cmh_test(*arms, method="exact")
    noise_floor(*arms)
    suspects(*arms)
    task_pvalues(*arms, method="boschloo")


def test_a_whole_comparison_is_summarised_without_a_call_per_task():
    assert calls(lambda: summarise(50_000, 10)) < 2 * calls(lambda: summarise(5_000, 10))
