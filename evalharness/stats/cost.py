"""What a success costs, whether it got dearer, and which agents are worth their price.

A cost per success is all cost over all successes, failures included; the mean cost of successful trials is another
number and far too low. Give one mean cost and one pass rate per task: tasks are the units.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from evalharness.stats.counts import fraction, one_of
from evalharness.stats.results import Estimate

METHODS = ("log_delta", "fieller")
Vector = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Fieller:
    """Fieller's set for a ratio of means (1954); unbounded where `g` is 1 or more.

    `g` is None where the denominator is 0; a bound is None where the set is open.
    """

    low: float | None
    high: float | None
    g: float | None

    @property
    def unbounded(self) -> bool:
        """Whether the denominator could be 0."""
        return self.g is None or self.g >= 1


class Dominance(StrEnum):
    """Which of two agents is surely cheaper and surely better."""

    CANDIDATE = "candidate"
    BASELINE = "baseline"
    NEITHER = "neither"


def cost_per_success(
    costs: ArrayLike, pass_rates: ArrayLike, *, level: float = 0.95, method: str = "log_delta"
) -> Estimate:
    """Estimate the cost of one success from each task's mean cost and pass rate.

    `log_delta` covers 92 to 96 % from 20 tasks on. `fieller` tells when successes are too few for an upper bound. Both
    give none then, and without any success the value is undefined.
    """
    one_of(method, METHODS, name="method")
    x, y = _pair(costs, pass_rates, ("costs", "pass_rates"))
    _check_range(x, y)
    n = x.size
    if n == 0 or y.sum() == 0:
        why = "no success" if n else "no tasks"
        return Estimate(value=None, low=None, high=None, level=level, n=n, method=method, note=why)
    ratio = float(x.mean() / y.mean())
    if n == 1:
        why = "one task says nothing about others"
        return Estimate(value=ratio, low=None, high=None, level=level, n=n, method=method, note=why)
    region = fieller(x, y, level=level)
    if region.unbounded:
        why = "successes are too few for an upper bound"
        low = None if region.low is None else max(0.0, region.low)
        return Estimate(value=ratio, low=low, high=None, level=level, n=n, method="fieller", note=why)
    if method == "fieller":
        return _estimate(ratio, (region.low, region.high), level, n, method)
    return _estimate(ratio, _log_bounds(ratio, _influence(x, y), level), level, n, method)


def fieller(numerators: ArrayLike, denominators: ArrayLike, *, level: float = 0.95) -> Fieller:
    """Solve for the ratios of means that the data do not rule out (Fieller 1954), for positive ratios."""
    fraction(level, name="level")
    x, y = _pair(numerators, denominators, ("numerators", "denominators"))
    if x.size < 2 or y.mean() == 0:
        return Fieller(low=None, high=None, g=None)
    t2 = float(stdtrit(x.size - 1, 0.5 + level / 2)) ** 2 / x.size
    (vx, cxy), (_, vy) = np.cov(x, y, ddof=1).tolist()
    mx, my = float(x.mean()), float(y.mean())
    a, b, c = my**2 - t2 * vy, mx * my - t2 * cxy, mx**2 - t2 * vx
    g = t2 * vy / my**2
    inside = b**2 - a * c
    if g < 1:
        root = math.sqrt(max(0.0, inside))
        return Fieller(low=(b - root) / a, high=(b + root) / a, g=g)
    # The set is two rays, or everything. Positive ratios begin at the larger root only if the smaller is negative.
    low = (b - math.sqrt(inside)) / a if a < 0 and c > 0 and inside > 0 else None
    return Fieller(low=low, high=None, g=g)


def mean_ratio(baseline: ArrayLike, candidate: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Estimate how many times the baseline's mean the candidate's is, over the same tasks; above 1 is dearer or slower.

    Log-delta interval of the paired task means. Undefined where an arm's mean is 0.
    """
    x, y = _pair(candidate, baseline, ("candidate", "baseline"))
    _check_range(x, y, rates=False)
    return _ratio(x.sum(), y.sum(), lambda: _influence(x, y), level, x.size)


def cost_per_success_ratio(
    baseline: tuple[ArrayLike, ArrayLike], candidate: tuple[ArrayLike, ArrayLike], *, level: float = 0.95
) -> Estimate:
    """Estimate how many times dearer a success got, from (costs, pass rates) per task of both arms, paired.

    Undefined where an arm never succeeds.
    """
    (xa, ya), (xb, yb) = (_pair(*arm, ("costs", "pass_rates")) for arm in (baseline, candidate))
    for x, y in ((xa, ya), (xb, yb)):
        _check_range(x, y)
    if xa.size != xb.size:
        raise ValueError(f"baseline and candidate must list the same tasks, but got {xa.size} and {xb.size}")
    top, bottom = xb.sum() * ya.sum(), xa.sum() * yb.sum()
    return _ratio(top, bottom, lambda: _influence(xb, yb) - _influence(xa, ya), level, xa.size)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """List which (cost, success) points no other beats: none is as cheap and as good, and better in one."""
    return [
        i
        for i, (cost, success) in enumerate(points)
        if not any(c <= cost and s >= success and (c, s) != (cost, success) for c, s in points)
    ]


def dominance(cost: Estimate, success: Estimate) -> Dominance:
    """Call a winner only where both differences, candidate minus baseline, exclude 0 on the same side."""
    cheaper, better = _surely(cost, below=True), _surely(success, below=False)
    dearer, worse = _surely(cost, below=False), _surely(success, below=True)
    if cheaper and better:
        return Dominance.CANDIDATE
    return Dominance.BASELINE if dearer and worse else Dominance.NEITHER


def _surely(difference: Estimate, *, below: bool) -> bool:
    bound = difference.high if below else difference.low
    return bound is not None and (bound < 0 if below else bound > 0)


def _ratio(top: float, bottom: float, influence: Callable[[], Vector], level: float, n: int) -> Estimate:
    fraction(level, name="level")
    why = "" if n > 1 else "one task says nothing about others" if n else "no tasks"
    if n == 0 or not (top > 0 and bottom > 0):
        why = why if n == 0 else "a mean is 0"
        return Estimate(value=None, low=None, high=None, level=level, n=n, method="log_delta", note=why)
    ratio = float(top / bottom)
    if n == 1:
        return Estimate(value=ratio, low=None, high=None, level=level, n=n, method="log_delta", note=why)
    return _estimate(ratio, _log_bounds(ratio, influence(), level), level, n, "log_delta")


def _influence(x: Vector, y: Vector) -> Vector:
    """How much each task moves the logarithm of mean(x) / mean(y), times the number of tasks."""
    return x / x.mean() - y / y.mean() if x.mean() > 0 else np.zeros(x.size)


def _log_bounds(ratio: float, influence: Vector, level: float) -> tuple[float | None, float | None]:
    n = influence.size
    half = float(stdtrit(n - 1, 0.5 + fraction(level, name="level") / 2) * influence.std(ddof=1)) / math.sqrt(n)
    return ratio * math.exp(-half), ratio * math.exp(half)


def _estimate(ratio: float, bounds: tuple[float | None, float | None], level: float, n: int, method: str) -> Estimate:
    low, high = bounds
    if low is not None and high is not None and high - low <= 1e-12 * abs(ratio):
        why = "tasks do not vary: nothing to estimate an interval from"
        return Estimate(value=ratio, low=None, high=None, level=level, n=n, method=method, note=why)
    return Estimate(value=ratio, low=low, high=high, level=level, n=n, method=method)


def _pair(first: ArrayLike, second: ArrayLike, names: tuple[str, str]) -> tuple[Vector, Vector]:
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    for name, array in zip(names, (x, y), strict=True):
        if array.ndim != 1 or not np.isfinite(array).all():
            raise ValueError(f"{name} must be a list of finite numbers, one per task, but got {array}")
    if x.size != y.size:
        raise ValueError(f"{names[0]} and {names[1]} must list the same tasks, but got {x.size} and {y.size}")
    return x, y


def _check_range(x: Vector, y: Vector, *, rates: bool = True) -> None:
    if (x < 0).any() or (y < 0).any():
        raise ValueError(f"costs and rates must not be negative, but got {min(x.min(), y.min())}")
    if rates and (y > 1).any():
        raise ValueError(f"pass_rates must be at most 1, but got {y.max()}")
