import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import bdtr
from statsmodels.stats.proportion import proportion_confint

from evalharness.stats.estimate import bounded_mean, mean_score, pass_rate, proportion, repeatability

STATSMODELS = {"wilson": "wilson", "clopper_pearson": "beta", "jeffreys": "jeffreys"}


@pytest.mark.parametrize("method", STATSMODELS)
@pytest.mark.parametrize(("passed", "total"), [(1, 7), (13, 20), (3, 1000)])
def test_proportions_agree_with_statsmodels(method, passed, total):
    estimate = proportion(passed, total, level=0.9, method=method)
    low, high = proportion_confint(passed, total, alpha=0.1, method=STATSMODELS[method])
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("total", range(1, 31))
def test_clopper_pearson_never_covers_less_than_its_level(total):
    p = np.linspace(0.001, 0.999, 499)
    bounds = [proportion(c, total, method="clopper_pearson") for c in range(total + 1)]
    cumulative = np.array([bdtr(c, total, p) for c in range(total + 1)])
    chance = np.diff(cumulative, axis=0, prepend=np.zeros((1, p.size)))
    covered = sum(chance[c] * ((e.low <= p) & (p <= e.high)) for c, e in enumerate(bounds))
    assert (covered >= 0.95 - 1e-9).all()


@given(st.integers(1, 200), st.sampled_from(sorted(STATSMODELS)))
def test_bounds_rise_with_passes_and_mirror(total, method):
    passed = total // 2
    one, more = (proportion(c, total, method=method) for c in (passed, passed + 1 if passed < total else passed))
    assert one.low <= more.low + 1e-12
    assert one.high <= more.high + 1e-12
    mirror = proportion(total - passed, total, method=method)
    assert (mirror.low, mirror.high) == pytest.approx((1 - one.high, 1 - one.low), abs=1e-9)


@pytest.mark.parametrize("method", STATSMODELS)
def test_everything_or_nothing_closes_one_side(method):
    assert proportion(0, 9, method=method).low == 0
    assert proportion(9, 9, method=method).high == 1
    assert proportion(9, 9, method=method).low < 1


def test_published_wilson_interval():
    found = proportion(47, 52)
    assert (found.low, found.high) == pytest.approx((0.7939, 0.9582), abs=5e-5)


def test_no_outcomes_exclude_nothing():
    estimate = proportion(0, 0)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, 0, 1, 0)


def test_all_passing_counts_tasks_and_not_trials():
    assert pass_rate([10] * 20, [10] * 20).low == pytest.approx(0.8203193196, abs=1e-9)
    assert pass_rate([0] * 20, [10] * 20).high == pytest.approx(1 - 0.8203193196, abs=1e-9)


def test_equal_rates_without_variance_still_have_width():
    estimate = pass_rate([5] * 10, [10] * 10)
    assert estimate.low < 0.4
    assert estimate.high > 0.6


def test_one_task_says_nothing_about_others():
    estimate = pass_rate([7], [10])
    assert (estimate.value, estimate.low, estimate.high) == (0.7, None, None)
    assert "one task" in estimate.note
    own = repeatability([7], [10])
    assert (own.low, own.high) == pytest.approx((0.34754715, 0.93326049), abs=1e-8)


def test_zero_tasks_have_no_pass_rate():
    for ask in (pass_rate, repeatability):
        estimate = ask([], [])
        assert (estimate.value, estimate.low, estimate.n) == (None, None, 0)
        assert estimate.note == "no tasks"


def test_a_task_counts_once_however_often_it_was_tried():
    assert pass_rate([9, 0], [10, 2]).value == pytest.approx(0.45)
    assert proportion(9, 12).value == 0.75


def test_unmeasured_tasks_are_left_out_and_named():
    estimate = pass_rate([5, 0, 4], [5, 0, 5])
    assert (estimate.value, estimate.n) == (0.9, 2)
    assert estimate.note == "1 task without measured trials left out"


@given(st.lists(st.integers(0, 5), min_size=2, max_size=30), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_failing_mirrors_passing(passed, random):
    trials = [5] * len(passed)
    estimate = pass_rate(passed, trials)
    shuffled = pass_rate(random.sample(passed, len(passed)), trials)
    mirror = pass_rate([5 - c for c in passed], trials)
    assert (shuffled.low, shuffled.high) == pytest.approx((estimate.low, estimate.high), abs=1e-9)
    assert (mirror.low, mirror.high) == pytest.approx((1 - estimate.high, 1 - estimate.low), abs=1e-9)
    assert estimate.low - 1e-12 <= estimate.value <= estimate.high + 1e-12


def test_scores_of_0_and_1_are_pass_rates():
    scores = [[1, 0, 1], [0, 0], [1, 1, 1, 1], []]
    rate = pass_rate([2, 0, 4, 0], [3, 2, 4, 0])
    score = mean_score(scores)
    assert (score.value, score.low, score.high, score.note) == (rate.value, rate.low, rate.high, rate.note)


def test_clusters_of_one_task_change_little_and_big_clusters_widen():
    rng = np.random.default_rng(5)
    passed, trials = rng.binomial(4, np.repeat(rng.random(20), 5)), np.full(100, 4)
    plain = pass_rate(passed, trials)
    alone = pass_rate(passed, trials, clusters=np.arange(100))
    grouped = pass_rate(passed, trials, clusters=np.repeat(np.arange(20), 5))
    assert (alone.low, alone.high) == pytest.approx((plain.low, plain.high), abs=1e-9)
    assert grouped.high - grouped.low > 1.5 * (plain.high - plain.low)
    assert bounded_mean([0.2, 0.4], clusters=["a", "a"]).low is None


def test_cluster_labels_must_fit_the_tasks():
    with pytest.raises(ValueError, match=r"clusters must hold one label per task \(2\)"):
        pass_rate([1, 1], [2, 2], clusters=["a"])


def test_repeatability_is_narrower_than_the_population_interval():
    rng = np.random.default_rng(2)
    trials = np.full(200, 10)
    passed = rng.binomial(10, rng.beta(0.5, 0.5, 200))
    own, population = repeatability(passed, trials), pass_rate(passed, trials)
    assert own.high - own.low < 0.6 * (population.high - population.low)


def test_a_suite_that_never_varied_may_vary_yet():
    estimate = repeatability([10] * 20 + [0] * 20, [10] * 40)
    assert estimate.low < 0.5 < estimate.high
    assert repeatability([10] * 20, [10] * 20).low == pytest.approx(proportion(200, 200).low, abs=1e-12)


def test_one_trial_per_task_shows_no_trial_noise():
    estimate = repeatability([1, 0], [1, 1])
    assert (estimate.value, estimate.low) == (0.5, None)
    assert repeatability([1, 0, 3], [1, 1, 5]).low is not None


def test_wilson_is_the_score_test_turned_round():
    estimate = proportion(3, 40)
    z = (3 / 40 - estimate.low) / np.sqrt(estimate.low * (1 - estimate.low) / 40)
    assert z == pytest.approx(1.959963985, abs=1e-8)
