import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from evalharness.stats.budgeting import (
    best_split,
    optimal_trials,
    runs_needed,
    runs_resolve,
)
from evalharness.stats.detection import (
    fisher_power,
    paired_t_power,
    trials_to_confirm,
    two_rates_needed,
    two_stage_power,
)
from evalharness.stats.power import (
    Goal,
    Noise,
    achieved_power,
    detectable_effect,
    pilot_noise,
    tasks_needed,
    tasks_to_certify,
    trials_needed,
)
from evalharness.stats.power_simulation import Scenario, plausible_rates, simulated_power, slipped

HUMP = Noise(within_baseline=0.2, within_candidate=0.2)
SPREAD = Noise(within_baseline=0.2, within_candidate=0.2, between=0.05)
variances = st.floats(0.001, 0.25)


@pytest.mark.parametrize(
    ("within", "tasks", "row"),
    [
        # smallest visible drop in points at k = 1, 3, 5, 10, 20 per arm; published planning table, fixed suite
        (0.2, 20, [35.2, 20.3, 15.7, 11.1, 7.9]),
        (0.2, 500, [7.0, 4.1, 3.1, 2.2, 1.6]),
    ],
)
def test_planning_table_of_a_fixed_suite(within, tasks, row):
    noise = Noise(within_baseline=within, within_candidate=within)
    effects = [detectable_effect(tasks, (k, k), noise=noise).value for k in (1, 3, 5, 10, 20)]
    assert [100 * e for e in effects] == pytest.approx(row, abs=0.051)


@given(st.integers(1, 5000), st.integers(1, 50), variances, st.floats(0, 0.3))
def test_needed_tasks_see_exactly_the_effect_they_are_needed_for(tasks, trials, within, between):
    noise = Noise(within_baseline=within, within_candidate=within / 2, between=between)
    effect = detectable_effect(tasks, (trials, 2 * trials), noise=noise).value
    assert tasks_needed(effect, (trials, 2 * trials), noise=noise).value == pytest.approx(tasks)
    assert achieved_power(effect, tasks, (trials, 2 * trials), noise=noise).value == pytest.approx(0.8)


@given(st.integers(5, 2000), st.integers(1, 50), variances)
def test_needed_trials_invert_the_detectable_effect(tasks, trials, within):
    noise = Noise(within_baseline=within, within_candidate=within)
    effect = detectable_effect(tasks, (trials, trials), noise=noise).value
    assert trials_needed(effect, tasks, noise=noise).value == pytest.approx(trials)
    stored = detectable_effect(tasks, (10, trials), noise=noise).value
    assert trials_needed(stored, tasks, noise=noise, baseline_trials=10).value == pytest.approx(trials)


@given(st.integers(2, 1000), st.integers(1, 20), variances, st.floats(0, 0.2))
def test_more_tasks_and_more_trials_never_see_less(tasks, trials, within, between):
    noise = Noise(within_baseline=within, within_candidate=within, between=between)
    here = detectable_effect(tasks, (trials, trials), noise=noise).value
    assert detectable_effect(tasks + 1, (trials, trials), noise=noise).value <= here
    assert detectable_effect(tasks, (trials + 1, trials), noise=noise).value <= here


def test_trials_cannot_remove_the_spread_of_effects():
    planned = trials_needed(0.03, 100, noise=SPREAD)
    assert planned.value is None
    assert planned.count is None
    assert "spread of effects" in planned.note


def test_a_noisy_stored_baseline_is_named():
    planned = trials_needed(0.03, 100, noise=HUMP, baseline_trials=1)
    assert planned.value is None
    assert "stored baseline" in planned.note


@pytest.mark.parametrize("tasks", [0])
def test_no_tasks_see_nothing(tasks):
    assert detectable_effect(tasks, (5, 5), noise=HUMP).value is None
    assert achieved_power(0.05, tasks, (5, 5), noise=HUMP).value is None
    assert trials_needed(0.05, tasks, noise=HUMP).value is None


def test_no_noise_is_no_promise_of_perfect_sight():
    silent = Noise(within_baseline=0, within_candidate=0)
    assert detectable_effect(100, (5, 5), noise=silent).value is None
    assert tasks_needed(0.05, (5, 5), noise=silent).value is None
    assert achieved_power(0.05, 100, (5, 5), noise=silent).value is None


def test_two_sided_power_at_no_effect_is_alpha():
    power = achieved_power(0.0, 100, (3, 3), noise=HUMP, goal=Goal(sides=2)).value
    assert power == pytest.approx(0.05)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Noise(within_baseline=-0.1, within_candidate=0.1),
        lambda: Noise(within_baseline=math.nan, within_candidate=0.1),
        lambda: Goal(alpha=0.0),
        lambda: Goal(power=1.0),
        lambda: Goal(sides=3),
        lambda: Goal(alpha=0.5, power=0.3),
        lambda: tasks_needed(0.0, (1, 1), noise=HUMP),
        lambda: tasks_needed(-0.05, (1, 1), noise=HUMP),
        lambda: detectable_effect(-1, (1, 1), noise=HUMP),
        lambda: detectable_effect(10, (0, 1), noise=HUMP),
        lambda: tasks_to_certify(0.05, estimand="both"),
        lambda: runs_needed(0, sd=1.5),
        lambda: runs_needed(1, sd=math.nan),
        lambda: best_split(10, noise=HUMP, costs=(1, 0), most_tasks=5),
        lambda: optimal_trials(SPREAD, cost_per_task=-1, cost_per_trial=1),
        lambda: optimal_trials(SPREAD, cost_per_task=1, cost_per_trial=0),
        lambda: fisher_power((3, 3), (1.1, 0.0)),
        lambda: plausible_rates(10, pass_rate=0.9, within=0.2),
        lambda: slipped([0.5, 0.5], 0.6),
        lambda: paired_t_power(0.1, sd=0.0, tasks=10),
    ],
)
def test_wrong_input_is_refused(make):
    with pytest.raises(ValueError, match="must"):
        make()


@pytest.mark.parametrize(
    ("trials", "estimand", "expected"),
    [
        ((1, 1), "population", [22, 45, 115, 231]),  # z sqrt(2) / m - 2
        ((10, 10), "population", [22, 45, 115, 231]),
        ((1, 1), "suite", [22, 45, 115, 231]),
        ((10, 1), "suite", [6, 11, 27, 53]),  # z sqrt((1/10 + 1/1) / 11) / m
        ((5, 5), "suite", [5, 10, 24, 47]),  # z sqrt(1/25 + 1/25) / m
    ],
)
def test_fewest_tasks_that_certify_a_margin(trials, estimand, expected):
    margins = [0.1, 0.05, 0.02, 0.01]
    found = [tasks_to_certify(m, trials=trials, estimand=estimand).count for m in margins]
    assert found == expected


def test_run_level_table_of_on_randomness():
    table = {
        0.7: [31, 8, 4, 2, 1, 1, 1],
        1.0: [63, 16, 7, 4, 2, 1, 1],
        1.2: [91, 23, 11, 6, 3, 2, 1],
        1.5: [142, 36, 16, 9, 4, 3, 2],
        1.8: [204, 51, 23, 13, 6, 4, 3],
    }
    for sd, row in table.items():
        found = [runs_needed(points, sd=sd).count for points in (0.5, 1, 1.5, 2, 3, 4, 5)]
        assert found == row


def test_run_level_resolution_of_on_randomness():
    found = [runs_resolve(n, sd=1.5).value for n in (1, 2, 3, 5, 9, 10, 36)]
    assert found == pytest.approx([5.94, 4.20, 3.43, 2.66, 1.98, 1.88, 0.99], abs=0.006)
    assert runs_resolve(0, sd=1.5).value is None


def test_pilot_of_two_runs_matches_the_variance_formulas():
    base, cand, k = np.array([5, 4, 3, 0]), np.array([4, 4, 1, 1]), np.full(4, 5)
    noise = pilot_noise((base, k), (cand, k), estimand="population")
    s2 = [np.mean(c * (5 - c) / 20) for c in (base, cand)]
    assert noise.within_baseline == pytest.approx(s2[0])
    assert noise.within_candidate == pytest.approx(s2[1])
    explained = sum(s2) / 5
    spread = max(0.0, np.var((cand - base) / 5, ddof=1) - explained)
    assert noise.between == pytest.approx(spread)


def test_pilot_is_unbiased_for_the_between_variance():
    rng = np.random.default_rng(2)
    n, k = 20_000, 4
    p = rng.beta(2, 2, n)
    q = np.clip(p + rng.normal(0, 0.1, n), 0, 1)
    trials = np.full(n, k)
    noise = pilot_noise((rng.binomial(k, p), trials), (rng.binomial(k, q), trials), estimand="population")
    assert noise.between == pytest.approx(np.var(q - p), abs=0.004)
    assert noise.within_baseline == pytest.approx(np.mean(p * (1 - p)), abs=0.003)


def test_pilot_with_one_trial_per_task_says_that_it_bounds():
    noise = pilot_noise(([1, 0, 1, 1], [1, 1, 1, 1]))
    assert noise.within_baseline == pytest.approx(0.1875)
    assert "upper bound" in noise.note


def test_pilot_where_nothing_varied_assumes_one_odd_trial():
    noise = pilot_noise(([5] * 20, [5] * 20))
    assert noise.within_baseline == pytest.approx(0.01)
    assert "odd trial" in noise.note
    assert detectable_effect(20, (5, 5), noise=noise).value > 0


def test_pilot_without_measured_tasks_is_refused():
    with pytest.raises(ValueError, match="at least one measured task"):
        pilot_noise(([0], [0]))


def test_optimal_trials_minimise_the_cost_of_a_given_precision():
    best = optimal_trials(SPREAD, cost_per_task=9.0, cost_per_trial=1.0).value

    def cost(k):
        return tasks_needed(0.02, (k, k), noise=SPREAD).value * (9.0 + 2 * k)

    assert cost(best) <= min(cost(k) for k in np.linspace(1, 30, 500)) + 1e-6
    assert optimal_trials(SPREAD, cost_per_task=0, cost_per_trial=1).value == 1.0
    assert optimal_trials(HUMP, cost_per_task=9, cost_per_trial=1).value is None


def test_best_split_is_the_best_of_all_affordable_plans():
    split = best_split(300.0, noise=SPREAD, costs=(1.0, 0.25), most_tasks=80)
    assert split is not None
    assert split.cost <= 300
    every = [
        detectable_effect(n, (k, k), noise=SPREAD).value
        for n in range(1, 81)
        for k in range(1, 101)
        if n * (1 + 0.5 * k) <= 300
    ]
    assert split.effect == pytest.approx(min(every))
    assert best_split(1.0, noise=SPREAD, costs=(1.0, 0.25), most_tasks=80) is None


@pytest.mark.parametrize(
    ("trials", "rates", "alpha", "expected"),
    [
        ((3, 3), (1.0, 0.0), 0.05, 1.0),  # p is 1/20 exactly: a tie with alpha
        ((2, 2), (1.0, 0.0), 0.05, 0.0),  # smallest p is 1/6
        ((10, 10), (0.9, 0.5), 0.05, 0.471343),  # summed over scipy.stats.fisher_exact, 121 tables
        ((0, 0), (1.0, 0.0), 0.05, 0.0),
    ],
)
def test_exact_power_for_one_task(trials, rates, alpha, expected):
    assert fisher_power(trials, rates, alpha=alpha) == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 12), st.integers(0, 12), st.floats(0, 1), st.sampled_from([0.01, 0.05, 0.25]))
def test_an_unchanged_task_is_called_worse_at_most_as_often_as_alpha(k_a, k_b, p, alpha):
    assert fisher_power((k_a, k_b), (p, p), alpha=alpha) <= alpha + 1e-9


def test_trials_to_confirm_a_total_break():
    assert trials_to_confirm((1.0, 0.0)).count == 3
    assert trials_to_confirm((1.0, 0.0), alpha=0.001).count == 7
    assert trials_to_confirm((0.5, 0.5)).value is None


def test_two_stages_see_less_than_either():
    both = two_stage_power((5, 5), (10, 10), (0.9, 0.2))
    assert both < fisher_power((5, 5), (0.9, 0.2), alpha=0.25)
    assert both < fisher_power((10, 10), (0.9, 0.2))
    assert two_stage_power((1, 1), (10, 10), (1.0, 0.0)) == pytest.approx(1.0)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("tasks", [2, 10, 100])
def test_paired_t_power_agrees_with_statsmodels(tasks, sides):
    alternative = "two-sided" if sides == 2 else "larger"
    expected = TTestPower().power(0.2 / 0.4, tasks, 0.05, alternative=alternative)
    assert paired_t_power(0.2, sd=0.4, tasks=tasks, sides=sides).value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("tasks", [2, 17, 75, 300, 1000, 40_000])
def test_paired_t_power_is_a_probability_for_any_effect(tasks):
    """Used to be NaN where the noncentral t distribution of the far tail is."""
    powers = [paired_t_power(effect, sd=0.4, tasks=tasks).value for effect in (0.0, 0.01, 0.2, 0.5, 2.0, 30.0)]
    assert powers == sorted(powers)
    assert powers[0] == pytest.approx(0.05, abs=1e-6)
    assert powers[-1] <= 1


def test_paired_t_and_two_rates_refuse_to_promise():
    assert paired_t_power(0.1, sd=0.2, tasks=1).value is None
    assert two_rates_needed((0.5, 0.5)).value is None


def test_plausible_rates_have_the_asked_mean_and_noise():
    rates = plausible_rates(500, pass_rate=0.8, within=0.08)
    assert rates.mean() == pytest.approx(0.8, abs=0.002)
    assert (rates * (1 - rates)).mean() == pytest.approx(0.08, abs=0.002)
    assert plausible_rates(5, pass_rate=0.8, within=0.16) == pytest.approx([0.8] * 5)


def test_formula_agrees_with_simulation_for_the_suite():
    rng = np.random.default_rng(8)
    base = plausible_rates(100, pass_rate=0.7, within=0.12)
    cand = slipped(base, 0.05)
    noise = Noise(
        within_baseline=float(np.mean(base * (1 - base))),
        within_candidate=float(np.mean(cand * (1 - cand))),
    )
    for trials in ((3, 3), (10, 5)):
        formula = achieved_power(0.05, 100, trials, noise=noise).value
        scenario = Scenario(baseline=base, candidate=cand, trials=trials)
        simulated = simulated_power(scenario, rng=rng, draws=2000)
        assert formula == pytest.approx(simulated.value, abs=0.04)


@pytest.mark.parametrize("estimand", ["suite", "population"])
def test_simulated_alarms_without_a_change_are_as_rare_as_alpha(estimand):
    rates = plausible_rates(80, pass_rate=0.6, within=0.15)
    scenario = Scenario(baseline=rates, candidate=rates, trials=(3, 3))
    rng = np.random.default_rng(3)
    assert simulated_power(scenario, rng=rng, estimand=estimand, draws=3000).value <= 0.065
