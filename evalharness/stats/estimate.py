"""One run: pass rate, mean score and repeatability, each with an interval that holds at small n.

The population interval treats the tasks as a draw from all tasks like them; repeatability treats them as given and
asks what their pass rate would be if they were tried for ever.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri, stdtrit

from evalharness.stats.clusters import cluster_mean
from evalharness.stats.counts import FloatArray, counts, fraction, left_out_note, one_of, task_labels
from evalharness.stats.moments import Scores, score_moments
from evalharness.stats.results import Estimate

INTERVALS = ("wilson", "clopper_pearson", "jeffreys")


def proportion(passed: int, total: int, *, level: float = 0.95, method: str = "wilson") -> Estimate:
    """Estimate the rate of independent yes/no outcomes, each its own unit.

    `wilson` (1927) covers best on average; `clopper_pearson` (1934) never covers less than `level`; `jeffreys` is the
    equal-tailed Beta(1/2, 1/2) posterior, closed at 0 and 1 when nothing or everything passed (Brown, Cai, DasGupta
    2001). Not for trials pooled over tasks: those are not independent. No outcomes: undefined, between 0 and 1.
    """
    fraction(level, name="level")
    one_of(method, INTERVALS, name="method")
    checked = counts([passed], [total])
    x, n = int(checked.passed[0]), int(checked.trials[0])
    if n == 0:
        return Estimate(value=None, low=0.0, high=1.0, level=level, n=0, method=method, note="no outcomes")
    if method == "wilson":
        return wilson(x / n, effective_n=n, quantile=ndtri(0.5 + level / 2), level=level, n=n)
    prior = 0.5 if method == "jeffreys" else 0.0
    tail = (1 - level) / 2
    low = 0.0 if x == 0 else float(betaincinv(x + prior, n - x + (prior or 1), tail))
    high = 1.0 if x == n else float(betaincinv(x + (prior or 1), n - x + prior, 1 - tail))
    return Estimate(value=x / n, low=low, high=high, level=level, n=n, method=method)


def wilson(  # noqa: PLR0913 - the numbers that define the interval
    value: float,
    *,
    effective_n: float,
    quantile: float,
    level: float,
    n: int,
    method: str = "wilson",
    note: str = "",
) -> Estimate:
    """Wilson's score interval for a mean in [0, 1] that is worth `effective_n` independent outcomes."""
    shrink = quantile**2 / effective_n
    centre = (value + shrink / 2) / (1 + shrink)
    spread = value * (1 - value) / effective_n + shrink / (4 * effective_n)
    half = quantile * math.sqrt(spread) / (1 + shrink)
    low = 0.0 if value == 0 else max(0.0, centre - half)
    high = 1.0 if value == 1 else min(1.0, centre + half)
    return Estimate(value=value, low=float(low), high=float(high), level=level, n=n, method=method, note=note)


def bounded_mean(
    values: ArrayLike, *, level: float = 0.95, clusters: ArrayLike | None = None, note: str = ""
) -> Estimate:
    """Estimate the mean over all tasks like these from one number in [0, 1] per task.

    Wilson's interval with the effective number of tasks m(1-m)/SE² and a t quantile (Korn and Graubard 1998): at
    least 92 % coverage for pass rates from 20 tasks up, where t and bootstrap fall to 77 %. Where all values are
    equal, the effective number is the number of tasks, never of trials. One task alone has no interval. With
    `clusters` (a label per task) SE is CR2 with Satterthwaite degrees of freedom.
    """
    fraction(level, name="level")
    u = np.asarray(values, dtype=np.float64)
    n = u.size
    method = "wilson n-effective t" if clusters is None else "wilson n-effective t, clusters CR2"
    if n == 0:
        return _undefined(None, level, 0, method, "no tasks")
    mean = min(1.0, max(0.0, float(u.mean())))
    if clusters is None:
        units, df, error = n, n - 1.0, (float(u.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0)
    else:
        clustered = cluster_mean(u, clusters)
        units, df, error = clustered.clusters, clustered.df, clustered.error
    if units < 2:
        return _undefined(mean, level, n, method, "one task or cluster says nothing about others")
    varies = error > 1e-12 and 0 < mean < 1
    effective = mean * (1 - mean) / error**2 if varies else float(units)
    quantile = float(stdtrit(df, 0.5 + level / 2))
    return wilson(mean, effective_n=effective, quantile=quantile, level=level, n=n, method=method, note=note)


def pass_rate(
    passed: ArrayLike,
    trials: ArrayLike,
    *,
    level: float = 0.95,
    clusters: ArrayLike | None = None,
) -> Estimate:
    """Estimate the pass rate of tasks like these: the mean of task rates, the task being the unit.

    Tasks without measured trials are left out, and the note counts them. Holds for any, also unequal, numbers of
    trials; a task counts once however often it was tried (Miller 2024 for the variance; see `bounded_mean`).
    """
    tasks = counts(passed, trials)
    measured = tasks.measured
    labels = None if clusters is None else task_labels(clusters, measured)
    left_out = int(measured.size - measured.sum())
    rates = tasks.keep(measured).rates
    return bounded_mean(rates, level=level, clusters=labels, note=left_out_note(left_out))


def mean_score(scores: Scores, *, level: float = 0.95, clusters: ArrayLike | None = None) -> Estimate:
    """Estimate the mean score of tasks like these from the scores in [0, 1] of each task's trials.

    `scores` holds one sequence per task; an empty one is left out and counted in the note.
    """
    moments = score_moments(scores)
    measured = np.array([np.size(one) > 0 for one in scores], dtype=np.bool_)
    labels = None if clusters is None else task_labels(clusters, measured)
    return bounded_mean(moments.mean, level=level, clusters=labels, note=left_out_note(len(scores) - moments.n))


def repeatability(passed: ArrayLike, trials: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Estimate the pass rate of exactly these tasks: only trial noise counts.

    Wilson's interval with the effective number of trials m(1-m)/SE², where SE² is the mean within-task noise plus a
    floor of one discordant trial, so that a suite that never varied still has width. A single task gets
    Clopper-Pearson. Tasks tried once borrow the noise of the others; if all were, the noise cannot be told apart from
    the tasks and there is no interval.
    """
    fraction(level, name="level")
    tasks = counts(passed, trials)
    left_out = int((~tasks.measured).sum())
    tasks = tasks.keep(tasks.measured)
    c, k, n, method = tasks.passed, tasks.trials, tasks.trials.size, "fixed-suite wilson"
    if n == 0:
        return _undefined(None, level, 0, method, "no tasks")
    if n == 1:
        return proportion(int(c[0]), int(k[0]), level=level, method="clopper_pearson")
    mean = float(tasks.rates.mean())
    repeated = k > 1
    if not repeated.any():
        return _undefined(mean, level, n, method, "one trial per task shows no trial noise")
    within = c[repeated] * (k[repeated] - c[repeated]) / (k[repeated] * (k[repeated] - 1.0))
    noise: FloatArray = np.full(n, within.mean())
    noise[repeated] = within
    error2 = (float((noise / k).sum()) + 1 / float(k.mean()) ** 2) / n**2
    effective = mean * (1 - mean) / error2 if 0 < mean < 1 else n**2 / float((1 / k).sum())
    quantile = float(ndtri(0.5 + level / 2))
    note = left_out_note(left_out)
    return wilson(mean, effective_n=effective, quantile=quantile, level=level, n=n, method=method, note=note)


def _undefined(value: float | None, level: float, n: int, method: str, note: str) -> Estimate:
    return Estimate(value=value, low=None, high=None, level=level, n=n, method=method, note=note)
