"""How much did the pass rate change? Two estimands, candidate minus baseline.

*Suite*: the change on exactly these tasks; only trial noise counts, and more trials sharpen it. *Population*: the
change on tasks like these; it also carries how differently tasks react, which more trials cannot remove.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from evalharness.stats.clusters import cluster_mean
from evalharness.stats.counts import BoolArray, FloatArray, fraction, left_out_note, one_of, pairs, task_labels
from evalharness.stats.differences import (
    bonett_price,
    interval,
    nothing,
    paired_t,
    paired_t_interval,
    skewed_t_interval,
    tost,
)
from evalharness.stats.moments import Moments, Scores, count_moments, score_pairs
from evalharness.stats.results import Estimate
from evalharness.stats.stratified import cmh_test, mcnemar, sign_flip_test
from evalharness.stats.tango import tango

__all__ = [
    "bonett_price",
    "cmh_test",
    "fixed_suite_delta",
    "fixed_suite_error",
    "fixed_suite_score_delta",
    "mcnemar",
    "paired_delta",
    "paired_t",
    "paired_t_interval",
    "population_delta",
    "population_score_delta",
    "sign_flip_test",
    "tango",
    "tost",
]

FIXED_SUITE = "fixed-suite z with floor"
PAIRED_T_TASKS = 500
"""From how many tasks on the t interval holds for skewed differences as well."""


def paired_delta(
    base_passed: ArrayLike,
    base_trials: ArrayLike,
    cand_passed: ArrayLike,
    cand_trials: ArrayLike,
    *,
    estimand: str = "suite",
    level: float = 0.95,
) -> Estimate:
    """The change in pass rate for the named estimand, `suite` or `population`."""
    one_of(estimand, ("suite", "population"), name="estimand")
    delta = fixed_suite_delta if estimand == "suite" else population_delta
    return delta(base_passed, base_trials, cand_passed, cand_trials, level=level)


def fixed_suite_delta(
    base_passed: ArrayLike,
    base_trials: ArrayLike,
    cand_passed: ArrayLike,
    cand_trials: ArrayLike,
    *,
    level: float = 0.95,
) -> Estimate:
    """The change in pass rate on exactly these tasks, with a two-sided interval.

    Normal interval from within-task noise, plus a floor of about one discordant trial per arm, so that it never has
    zero width. Tasks tried once in an arm borrow the variance pooled over both arms, or the spread of their differences
    where that is larger. One trial per task in both arms
    leaves nothing but the differences, and Bonett and Price's interval (2012) is used. One-sided bounds: ask for
    `level=1 - 2 * alpha`. Tasks unmeasured in an arm are left out, and the note counts them.
    """
    fraction(level, name="level")
    both = pairs(base_passed, base_trials, cand_passed, cand_trials)
    if both.single_trial and both.differences.size:
        return bonett_price(both.differences, level=level, note=both.note)
    return _suite(count_moments(both.base), count_moments(both.cand), level=level, note=both.note)


def fixed_suite_error(
    base_passed: ArrayLike, base_trials: ArrayLike, cand_passed: ArrayLike, cand_trials: ArrayLike
) -> float | None:
    """The standard error of the change on exactly these tasks, floor included; None without a common task.

    What group-sequential looks need; it is the error inside `fixed_suite_delta`, except at one trial per task in both
    arms, where that uses Bonett and Price's.
    """
    both = pairs(base_passed, base_trials, cand_passed, cand_trials)
    if both.base.trials.size == 0:
        return None
    return _suite_error(count_moments(both.base), count_moments(both.cand))


def fixed_suite_score_delta(base_scores: Scores, cand_scores: Scores, *, level: float = 0.95) -> Estimate:
    """The change in mean score on exactly these tasks; scores in [0, 1], one sequence per task and arm.

    As `fixed_suite_delta`, which it equals for scores of 0 and 1; the floor is scaled by the widest range of scores
    seen within one task.
    """
    fraction(level, name="level")
    both = score_pairs(base_scores, cand_scores)
    a, b, note = both.base, both.cand, left_out_note(both.left_out)
    if a.n and (a.trials == 1).all() and (b.trials == 1).all():
        return bonett_price(b.mean - a.mean, level=level, note=note)
    return _suite(a, b, level=level, note=note)


def population_delta(
    base_passed: ArrayLike,
    base_trials: ArrayLike,
    cand_passed: ArrayLike,
    cand_trials: ArrayLike,
    *,
    level: float = 0.95,
    clusters: ArrayLike | None = None,
) -> Estimate:
    """The change in pass rate on tasks like these, with a two-sided interval.

    Bonett and Price's pseudo-tasks below 500 tasks: where few tasks break, a t bound misses up to 30 % of the time at
    20 tasks, 10 % at 100. From 500 tasks on, paired t widened for skewness. With `clusters` (a label per task) CR2 over
    the tasks and, below 500 clusters, the two pseudo-tasks. Tasks unmeasured in an arm are left out, and the note
    counts them.
    """
    fraction(level, name="level")
    both = pairs(base_passed, base_trials, cand_passed, cand_trials)
    labels = None if clusters is None else task_labels(clusters, both.measured)
    return _population(both.differences, level=level, clusters=labels, note=both.note)


def population_score_delta(
    base_scores: Scores,
    cand_scores: Scores,
    *,
    level: float = 0.95,
    clusters: ArrayLike | None = None,
) -> Estimate:
    """The change in mean score on tasks like these; scores in [0, 1], see `population_delta`."""
    fraction(level, name="level")
    both = score_pairs(base_scores, cand_scores)
    labels = None if clusters is None else task_labels(clusters, both.measured)
    note = left_out_note(both.left_out)
    return _population(both.cand.mean - both.base.mean, level=level, clusters=labels, note=note)


def _suite(base: Moments, cand: Moments, *, level: float, note: str) -> Estimate:
    if base.n == 0:
        return nothing(level, FIXED_SUITE, note)
    delta = float((cand.mean - base.mean).mean())
    half = float(ndtri(0.5 + level / 2)) * _suite_error(base, cand)
    return interval(delta, delta, half, level=level, n=base.n, method=FIXED_SUITE, note=note)


def _suite_error(base: Moments, cand: Moments) -> float:
    """Standard error from trials alone, with a floor of about one discordant trial per arm."""
    a, b = base.trials.astype(np.float64), cand.trials.astype(np.float64)
    once = (a == 1) | (b == 1)
    widest = float((np.maximum(base.high, cand.high) - np.minimum(base.low, cand.low)).max()) or 1.0
    floor = 1 / float(a.mean()) ** 2 + 1 / float(b.mean()) ** 2
    repeated = (base.variance / a + cand.variance / b)[~once]
    noise = float(repeated.sum()) + _single_noise(base, cand, once)
    return math.sqrt(noise + widest**2 * floor) / base.n


def _single_noise(base: Moments, cand: Moments, once: BoolArray) -> float:
    """Noise of the tasks tried once in an arm, whose own variance there cannot be seen.

    The variance pooled over both arms is mostly the better-tried arm's, and too small where the other arm's is larger;
    the spread of the differences is never too small on average. The larger of the two counts.
    """
    a, b = base.trials[once].astype(np.float64), cand.trials[once].astype(np.float64)
    shift = (cand.mean - base.mean)[once]
    within = (a - 1) * base.variance[once] + (b - 1) * cand.variance[once]
    pooled = (within + a * b / (a + b) * shift**2) / (a + b - 1) * (1 / a + 1 / b)
    spread = shift.size * float(shift.var(ddof=1)) if shift.size > 1 else 0.0
    return max(float(pooled.sum()), spread)


def _population(d: FloatArray, *, level: float, note: str, clusters: np.ndarray | None = None) -> Estimate:
    if clusters is not None and d.size:
        return _clustered(d, clusters, level=level, note=note)
    if d.size >= PAIRED_T_TASKS and float(np.ptp(d)) > 0:
        return skewed_t_interval(d, level=level, note=note)
    return bonett_price(d, level=level, note=note)


def _clustered(d: FloatArray, clusters: np.ndarray, *, level: float, note: str) -> Estimate:
    _, labels = np.unique(clusters, return_inverse=True)
    groups, method, mean = int(labels.max()) + 1, "CR2 over clusters", float(d.mean())
    if groups < PAIRED_T_TASKS:
        method += " with pseudo-tasks"
        d, labels = np.append(d, (1.0, -1.0)), np.append(labels, (groups, groups + 1))
    fit = cluster_mean(d, labels)
    half = float(stdtrit(fit.df, 0.5 + level / 2)) * fit.error
    return interval(mean, fit.value, half, level=level, n=groups, method=method, note=note)
