"""Is a harm, cost or delay below its limit for sure? One-sided bounds, and a verdict that fails safe.

Pass where the upper bound is at most the limit, fail where the lower bound is above it, else inconclusive: too little
data never passes (Thomas et al. 2019; Chittepu et al. 2025). One value per task; use fresh tasks once, since a limit
that was tuned against is no test.
"""

import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from evalharness.stats.counts import counts, fraction, one_of
from evalharness.stats.estimate import proportion
from evalharness.stats.results import Estimate

BOUNDS = ("t", "hoeffding", "bootstrap")


class Safety(StrEnum):
    """What bounds say about a limit."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


def verdict(estimate: Estimate, *, limit: float) -> Safety:
    """Compare an estimate of something unwanted with its limit; a missing bound proves nothing."""
    if estimate.n > 0 and estimate.high is not None and estimate.high <= limit:
        return Safety.PASS
    if estimate.n > 0 and estimate.low is not None and estimate.low > limit:
        return Safety.FAIL
    return Safety.INCONCLUSIVE


def violation_rate(violated: int, tasks: int, *, alpha: float = 0.05) -> Estimate:
    """Bound the share of tasks with any violation, each side at `alpha` (Clopper & Pearson 1934).

    Count tasks, not trials: violations cluster in few tasks, and bounds on pooled trials then hold in 77 % only. With
    k trials it bounds the chance of any violation in k, which is no smaller than that of one.
    """
    _check(alpha)
    return proportion(violated, tasks, level=1 - 2 * alpha, method="clopper_pearson")


def tasks_violated(violations: ArrayLike, trials: ArrayLike) -> tuple[int, int]:
    """Count the tasks with any violation, of those that were measured."""
    tasks = counts(violations, trials)
    return int((tasks.passed > 0).sum()), int(tasks.measured.sum())


def zero_event_bound(n: int, *, alpha: float = 0.05) -> float:
    """Give the upper bound of a rate after n independent units without an event: 1 where there are none."""
    if n < 0:
        raise ValueError(f"n must not be negative, but got {n}")
    fraction(alpha, name="alpha")
    return -math.expm1(math.log(alpha) / n) if n else 1.0


def rule_of_three(n: int) -> float:
    """Give the rule of thumb for that bound at alpha .05, 3/n; close from 30 units on."""
    if n < 0:
        raise ValueError(f"n must not be negative, but got {n}")
    return min(1.0, 3 / n) if n else 1.0


def clean_needed(rate: float, *, alpha: float = 0.05) -> int:
    """Give how many units without an event show that the rate is below `rate`."""
    fraction(rate, name="rate")
    fraction(alpha, name="alpha")
    return math.ceil(math.log(alpha) / math.log1p(-rate) - 1e-9)


def mean_bound(
    values: ArrayLike,
    *,
    alpha: float = 0.05,
    method: str = "t",
    value_range: tuple[float, float] | None = None,
    rng: np.random.Generator | None = None,
    draws: int = 9999,
) -> Estimate:
    """Bound a mean over tasks, each side at `alpha`; one value per task.

    `t` is asymptotic: where violations sit in few tasks it passes an unsafe agent in up to 14 %. `hoeffding` (1963)
    holds always, for values in the given range. `bootstrap` needs `rng`; percentiles. Without spread t and bootstrap
    have no bound, not a point.
    """
    _check(alpha)
    one_of(method, BOUNDS, name="method")
    x = _numbers(values)
    if x.size == 0:
        return _open(None, alpha, 0, method, "no tasks")
    mean = float(x.mean())
    if method == "hoeffding":
        return _hoeffding(x, mean, alpha, value_range)
    if x.size < 2 or x.min() == x.max():
        return _open(mean, alpha, x.size, method, "values do not vary: no bound without a range (hoeffding)")
    if method == "bootstrap":
        if rng is None:
            raise ValueError("rng must be given for a bootstrap, but got None")
        means = x[rng.integers(x.size, size=(draws, x.size))].mean(axis=1)
        low, high = (float(q) for q in np.quantile(means, [alpha, 1 - alpha]))
    else:
        upper = t_upper(mean, sd=float(x.std(ddof=1)), n=x.size, alpha=alpha)
        low, high = 2 * mean - upper, upper
    return Estimate(value=mean, low=low, high=high, level=1 - 2 * alpha, n=x.size, method=method)


def t_upper(mean: float, *, sd: float, n: int, alpha: float) -> float:
    """Give the one-sided upper bound of a mean from its summary (Student); needs two values that differ."""
    fraction(alpha, name="alpha")
    if n < 2 or not sd > 0:
        raise ValueError(f"n must be at least 2 and sd positive, but got {n} and {sd}")
    return mean + float(stdtrit(n - 1, 1 - alpha)) * sd / math.sqrt(n)


def _hoeffding(x: NDArray[np.float64], mean: float, alpha: float, value_range: Sequence[float] | None) -> Estimate:
    if value_range is None or not value_range[0] < value_range[1]:
        raise ValueError(f"value_range must be given as (low, high) for hoeffding, but got {value_range}")
    low, high = value_range
    if x.min() < low or x.max() > high:
        raise ValueError(f"values must lie within value_range={value_range}, but got {x.min()} to {x.max()}")
    half = (high - low) * math.sqrt(-math.log(alpha) / (2 * x.size))
    return Estimate(
        value=mean,
        low=max(low, mean - half),
        high=min(high, mean + half),
        level=1 - 2 * alpha,
        n=x.size,
        method="hoeffding",
    )


def _check(alpha: float) -> None:
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha must lie strictly between 0 and 0.5, but got {alpha}")


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError(f"values must be a list of finite numbers, but got {values!r}")
    return x


def _open(value: float | None, alpha: float, n: int, method: str, why: str) -> Estimate:
    return Estimate(value=value, low=None, high=None, level=1 - 2 * alpha, n=n, method=method, note=why)
