"""Power by simulation, to stand beside the formula: draw both arms many times, run the gate's test, count alarms."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri, stdtrit

from evalharness.stats.counts import fraction, one_of
from evalharness.stats.estimate import proportion
from evalharness.stats.results import Estimate

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scenario:
    """True pass rates of the same tasks in both arms, and how often each task is tried in (baseline, candidate)."""

    baseline: Vector
    candidate: Vector
    trials: tuple[int, int]


def plausible_rates(tasks: int, *, pass_rate: float, within: float) -> Vector:
    """Spread a suite's rates as a beta distribution does that has this mean and this mean of p(1-p).

    Deterministic: the rates are quantiles. `within` must lie between 0 and pass_rate * (1 - pass_rate); near the
    upper end all tasks are alike, near 0 every task always passes or always fails.
    """
    fraction(pass_rate, name="pass_rate")
    most = pass_rate * (1 - pass_rate)
    if not 0 < within <= most + 1e-12:
        raise ValueError(f"within must lie between 0 and {most:.4g}, but got {within}")
    if within > most * (1 - 1e-6):
        return np.full(tasks, pass_rate)
    size = 1 / (1 - within / most) - 1
    ranks = (np.arange(tasks) + 0.5) / tasks
    rates: Vector = betaincinv(pass_rate * size, (1 - pass_rate) * size, ranks)
    return rates


def slipped(rates: ArrayLike, effect: float) -> Vector:
    """Lower every task by the same share, so that the mean falls by `effect`: a small slip everywhere."""
    p = np.asarray(rates, dtype=np.float64)
    if not 0 <= effect <= p.mean():
        raise ValueError(f"effect must lie between 0 and the mean rate {p.mean():.4g}, but got {effect}")
    lowered: Vector = p * (1 - effect / p.mean())
    return lowered


def simulated_power(
    scenario: Scenario, *, rng: np.random.Generator, alpha: float = 0.05, estimand: str = "suite", draws: int = 4000
) -> Estimate:
    """Estimate the chance of a one-sided alarm, with its Monte Carlo interval.

    For the suite the alarm is the task-stratified test (CMH z) on these rates; for the population it is the paired t
    test of task means, on tasks drawn from these.
    """
    suite = one_of(estimand, ("suite", "population"), name="estimand") == "suite"
    fraction(alpha, name="alpha")
    alarms = _stratified if suite else _paired
    return proportion(int(alarms(*_drawn(scenario, rng, draws, suite), scenario.trials, alpha).sum()), draws)


def simulated_certification(
    scenario: Scenario,
    *,
    margin: float,
    rng: np.random.Generator,
    alpha: float = 0.05,
    estimand: str = "suite",
    draws: int = 4000,
) -> Estimate:
    """Estimate the chance that the one-sided lower bound of delta lies above -margin, with its Monte Carlo interval.

    For the suite the bound has the variance pooled over arms and a floor, for the population it is Bonett and Price's.
    """
    suite = one_of(estimand, ("suite", "population"), name="estimand") == "suite"
    z = float(-ndtri(fraction(alpha, name="alpha")))
    base, cand = _drawn(scenario, rng, draws, suite)
    k_a, k_b = scenario.trials
    d, n = cand / k_b - base / k_a, base.shape[1]
    if suite and max(k_a, k_b) > 1:
        total, both = base + cand, k_a + k_b
        variance = (total * (both - total) / (both * (both - 1))).sum(axis=1) + 1 / both
        value, error = d.mean(axis=1), np.sqrt(variance * (1 / k_a + 1 / k_b)) / n
    else:
        value = d.sum(axis=1) / (n + 2)
        error = np.sqrt(((d**2).sum(axis=1) + 2) / (n + 2) - value**2) / math.sqrt(n + 2)
    return proportion(int((value - z * error > -margin).sum()), draws)


def _drawn(
    scenario: Scenario, rng: np.random.Generator, draws: int, suite: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Passed trials per draw and task in both arms; for the population each draw has tasks of its own."""
    size = scenario.baseline.size
    tasks = np.arange(size) if suite else rng.integers(size, size=(draws, size))
    arms = zip(scenario.trials, (scenario.baseline, scenario.candidate), strict=True)
    base, cand = (rng.binomial(k, rates[tasks], (draws, size)) for k, rates in arms)
    return base, cand


def _stratified(
    base: NDArray[np.int64], cand: NDArray[np.int64], trials: tuple[int, int], alpha: float
) -> NDArray[np.bool_]:
    k_a, k_b = trials
    total, n = base + cand, k_a + k_b
    shift = (cand - total * k_b / n).sum(axis=1)
    variance = (k_a * k_b * total * (n - total) / (n**2 * (n - 1))).sum(axis=1)
    alarm: NDArray[np.bool_] = (variance > 0) & (shift <= ndtri(alpha) * np.sqrt(variance))
    return alarm


def _paired(
    base: NDArray[np.int64], cand: NDArray[np.int64], trials: tuple[int, int], alpha: float
) -> NDArray[np.bool_]:
    d = cand / trials[1] - base / trials[0]
    n = d.shape[1]
    se = d.std(axis=1, ddof=1) / math.sqrt(n)
    alarm: NDArray[np.bool_] = (se > 0) & (d.mean(axis=1) <= stdtrit(n - 1, alpha) * se)
    return alarm
