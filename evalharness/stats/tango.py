"""Tango's score interval for the difference of two rates measured on the same tasks, once per arm."""

import math

from scipy.special import ndtri

from evalharness.stats.counts import fraction, whole_numbers
from evalharness.stats.results import Estimate


def tango(*, broken: int, fixed: int, n: int, level: float = 0.95) -> Estimate:
    """The change in pass rate over `n` tasks of one trial per arm, `broken` and `fixed` among them (Tango 1998).

    Inverts the score test, so that it agrees with McNemar's z and has width where nothing flipped. About as good as
    Bonett and Price's interval, and only for one trial per task.
    """
    fraction(level, name="level")
    for name, value in (("broken", broken), ("fixed", fixed), ("n", n)):
        whole_numbers([value], name=name)
    if broken + fixed > n:
        raise ValueError(f"n must be at least broken + fixed = {broken + fixed}, but got {n}")
    if n == 0:
        return Estimate(value=None, low=-1.0, high=1.0, level=level, n=0, method="Tango", note="no tasks in common")
    z, delta = float(ndtri(0.5 + level / 2)), (fixed - broken) / n
    low = _crossing(broken=broken, fixed=fixed, n=n, between=(-1.0, delta), score=z)
    high = _crossing(broken=broken, fixed=fixed, n=n, between=(delta, 1.0), score=-z)
    return Estimate(value=delta, low=low, high=high, level=level, n=n, method="Tango")


def _score(shift: float, *, broken: int, fixed: int, n: int) -> float:
    """Standardised distance of the data from a true difference `shift`; it falls as `shift` rises."""
    middle = (2 * n + broken - fixed) * shift - broken - fixed
    constant = -broken * shift * (1 - shift)
    likely_broken = (math.sqrt(max(0.0, middle**2 - 8 * n * constant)) - middle) / (4 * n)
    variance = n * (2 * likely_broken + shift * (1 - shift))
    excess = fixed - broken - n * shift
    return excess / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, excess)


def _crossing(*, broken: int, fixed: int, n: int, between: tuple[float, float], score: float) -> float:
    """Where the score crosses the given value, by bisection."""
    low, high = between
    for _ in range(80):
        middle = (low + high) / 2
        if _score(middle, broken=broken, fixed=fixed, n=n) > score:
            low = middle
        else:
            high = middle
    return (low + high) / 2
