"""Evidence that stays valid whenever one looks or stops: e-processes and a confidence sequence.

An e-process is the capital of a bettor against "nothing got worse"; if that is true it ever reaches 1/alpha with chance
at most alpha (Ville 1939), whatever decides when to stop. The p-value is 1 over its highest point. Bets are placed
before their outcome is seen. Known problem: on a handful of round averages betting has next to no power; bet on single
paired trials (see also `evidence`, which confirms one task).
"""

import math
from collections.abc import Iterable, Sequence

from scipy.special import log_ndtr

from evalharness.stats.counts import fraction
from evalharness.stats.results import Estimate, Significance


def sign_process(broken: Iterable[bool], *, bet: float = 0.5) -> Significance:
    """Bet on breaks among flips: True is a pass that became a fail, False a fail that became a pass.

    For the sharp null that no task got worse; valid under any choice of tasks made before their trials.
    """
    fraction(bet, name="bet")
    return _process([1 + bet if flip else 1 - bet for flip in broken], "sign e-process")


def breaks_needed(*, alpha: float, bet: float = 0.5) -> int:
    """Give how many breaks in a row reach 1/alpha."""
    fraction(alpha, name="alpha")
    return math.ceil(-math.log(alpha) / math.log1p(fraction(bet, name="bet")) - 1e-9)


def betting_process(values: Sequence[float], *, mean: float, bet: float) -> Significance:
    """Bet against a mean of numbers in [0, 1] (Waudby-Smith & Ramdas 2024).

    A positive bet gains where the true mean is above `mean`, a negative one where it is below.
    """
    fraction(mean, name="mean")
    if not -1 / (1 - mean) <= bet <= 1 / mean:
        raise ValueError(f"bet must lie between {-1 / (1 - mean):.4g} and {1 / mean:.4g}, but got {bet}")
    outside = [x for x in values if not 0 <= x <= 1]
    if outside:
        raise ValueError(f"values must lie between 0 and 1, but got {outside[0]}")
    return _process([1 + bet * (x - mean) for x in values], "betting")


def mixture_boundary(information: float, *, planned: float, alpha: float, sides: int = 1) -> float:
    """Give the z value that a score process ever exceeds with chance at most alpha (Robbins 1970; Howard et al. 2021).

    Information is 1 over the squared standard error; the boundary is tightest near `planned`. Wider at the end than a
    group-sequential boundary, but needs no schedule of looks and no largest size.
    """
    fraction(alpha, name="alpha")
    if not (information > 0 and planned > 0):
        raise ValueError(f"information and planned must be positive, but got {information} and {planned}")
    if sides not in {1, 2}:
        raise ValueError(f"sides must be 1 or 2, but got {sides}")
    log_odds = -2 * math.log(alpha)
    scale = planned / (log_odds + math.log1p(log_odds))
    total = information + scale
    if sides == 2:
        return math.sqrt(total / information * (math.log(total / scale) + log_odds))
    return _half_normal_root(math.log(total / scale) / 2 - math.log(alpha)) * math.sqrt(total / information)


def confidence_sequence(value: float, se: float, *, planned_se: float, level: float = 0.95, n: int) -> Estimate:
    """Give an interval that holds at every moment at once, however often one looks (normal mixture)."""
    alpha = 1 - fraction(level, name="level")
    if not (se > 0 and planned_se > 0):
        raise ValueError(f"se and planned_se must be positive, but got {se} and {planned_se}")
    half = mixture_boundary(se**-2, planned=planned_se**-2, alpha=alpha, sides=2) * se
    method = "normal mixture confidence sequence"
    return Estimate(value=value, low=value - half, high=value + half, level=level, n=n, method=method)


def _process(factors: Sequence[float], method: str) -> Significance:
    capital = peak = 1.0
    for factor in factors:
        capital *= factor
        peak = max(peak, capital)
    return Significance(pvalue=1 / peak, statistic=capital, n=len(factors), method=method)


def _half_normal_root(goal: float) -> float:
    """Solve log(2 Phi(x)) + x²/2 = goal, which is increasing, by bisection."""
    low, high = 0.0, math.sqrt(2 * max(goal, 0.0)) + 1
    while high - low > 1e-12:
        middle = (low + high) / 2
        too_low = math.log(2) + float(log_ndtr(middle)) + middle**2 / 2 < goal
        low, high = (middle, high) if too_low else (low, middle)
    return high
