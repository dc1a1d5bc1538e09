"""Quantiles of a duration, with bounds that know when the data are too few and that trials share tasks.

Durations of one task resemble each other, so order statistics over pooled trials cover as little as 54 %. Here trials
count for as many independent ones as the spread between tasks leaves (as Korn & Graubard 1998 do for proportions): 95
to 99 % from 20 tasks on. A trial that ran out of time lasted at least so long: give it as infinity.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri, stdtrit

from evalharness.stats.counts import fraction, one_of
from evalharness.stats.results import Estimate

METHODS = ("order", "woodruff")
Vector = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Which order statistics (from 1) bound a quantile; None where no value of the data does."""

    low: int | None
    high: int | None
    coverage: float


def order_ranks(n: int, q: float, *, level: float = 0.95) -> Ranks:
    """Find the ranks that bound the q-quantile of n independent values, and the exact coverage.

    At 20 values nothing bounds the 95th percentile from above: the largest value does with 64 % confidence only.
    """
    fraction(q, name="q")
    tail = (1 - fraction(level, name="level")) / 2
    if n < 0:
        raise ValueError(f"n must not be negative, but got {n}")
    below = np.concatenate(([0.0], bdtr(np.arange(n), n, q)))  # by rank: the chance that the quantile lies below it
    low = int(np.searchsorted(below, tail + 1e-12, side="right")) - 1
    enough = np.flatnonzero(below >= 1 - tail - 1e-12)
    high = int(enough[0]) if enough.size else None
    reached = 1.0 if high is None else float(below[high])
    return Ranks(low=low or None, high=high, coverage=reached - float(below[low]))


def largest_confidence(n: int, q: float) -> float:
    """Give the confidence with which the largest of n independent values bounds the q-quantile."""
    return float(1 - fraction(q, name="q") ** n)


def quantile(durations: Sequence[Sequence[float]], q: float, *, level: float = 0.95, method: str = "order") -> Estimate:
    """Estimate the q-quantile of durations from one sequence per task; every task weighs the same.

    `order` takes the order statistics of an effective number of trials, `woodruff` (1952) inverts a t interval of the
    share below (narrower; covers 93 to 98 %). A bound is None where no value of the data bounds, the value where it
    lies among trials that ran out of time.
    """
    fraction(level, name="level")
    one_of(method, METHODS, name="method")
    tasks = [np.asarray(task, dtype=np.float64) for task in durations if len(task)]
    if any(np.isnan(task).any() or (task < 0).any() for task in tasks):
        raise ValueError("durations must not be negative or missing: leave unmeasured trials out")
    if not tasks:
        return Estimate(value=None, low=None, high=None, level=level, n=0, method=method, note="no tasks")
    spread = _pooled(tasks)
    value = spread.at(fraction(q, name="q"))
    low, high = _order(tasks, value, q, level) if method == "order" else _woodruff(tasks, value, q, level)
    late = math.isinf(value)
    return Estimate(
        value=None if late else value,
        low=_finite(spread.at(low)) if low > 0 else None,
        high=_finite(spread.at(high)) if high < 1 + 1e-9 else None,
        level=level,
        n=len(tasks),
        method=method,
        note="the quantile lies among trials that ran out of time" if late else "",
    )


@dataclass(frozen=True, eq=False)
class _Spread:
    """Durations in order, and the share of weight up to each."""

    values: Vector
    share: Vector

    def at(self, probability: float) -> float:
        """The smallest duration that this share does not exceed."""
        return float(self.values[min(int(np.searchsorted(self.share, probability - 1e-9)), self.values.size - 1)])


def _pooled(tasks: list[Vector]) -> _Spread:
    values = np.concatenate(tasks)
    weights = np.concatenate([np.full(task.size, 1 / (len(tasks) * task.size)) for task in tasks])
    order = np.argsort(values, kind="stable")
    return _Spread(values[order], np.cumsum(weights[order]))


def _error(tasks: list[Vector], value: float) -> float:
    """Standard error of the share of trials up to `value`, with tasks as units."""
    below = np.array([(task <= value).mean() for task in tasks])
    return float(below.std(ddof=1)) / math.sqrt(below.size) if below.size > 1 else 0.0


def _order(tasks: list[Vector], value: float, q: float, level: float) -> tuple[float, float]:
    """Shares of weight whose durations bound the quantile; 0 and above 1 stand for none."""
    n, trials = len(tasks), sum(task.size for task in tasks)
    error = _error(tasks, value)
    if trials == n or error == 0:
        effective = float(n)
    else:
        narrowing = ndtri(0.5 + level / 2) / stdtrit(n - 1, 0.5 + level / 2)
        effective = min(float(trials), q * (1 - q) / error**2) * float(narrowing) ** 2
    size = max(1, int(effective))
    ranks = order_ranks(size, q, level=level)
    return (ranks.low or 0) / size, 2.0 if ranks.high is None else ranks.high / size


def _woodruff(tasks: list[Vector], value: float, q: float, level: float) -> tuple[float, float]:
    error = _error(tasks, value)
    if error == 0:
        return 0.0, 2.0
    half = float(stdtrit(len(tasks) - 1, 0.5 + level / 2)) * error
    return q - half, q + half if q + half < 1 else 2.0


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None
