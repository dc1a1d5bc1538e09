"""Group-sequential boundaries: where to stop at each look so that all looks together err no more than once planned.

The error budget is spent on the information fraction (Lan & DeMets 1983), so neither the number nor the timing of later
looks need be known, and a boundary depends on the past only. Boundaries come from recursive numerical integration
(Armitage, McPherson & Rowe 1969; Jennison & Turnbull 2000, chapter 19). Holds when estimates are asymptotically normal
with independent increments, as means over growing rounds of the same tasks are.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Vector = NDArray[np.float64]

SMALLEST_GAP = 1e-4  # below it the quadrature would need thousands of points, and a look would learn nothing
_EDGE = 8.0  # standard deviations beyond which a path is never
POWER = 2.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


class Spending(StrEnum):
    """How fast an error budget is spent."""

    OBRIEN_FLEMING = "obrien_fleming"  # hardly anything early: a full run loses almost no power
    POCOCK = "pocock"  # about evenly: stops sooner, and costs power at the end
    POWER = "power"  # alpha t^2 (Kim & DeMets 1987): between the two


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look: the z value to reach, and the error spent up to and including it.

    `boundary` is infinite where the budget had nothing left to spend.
    """

    fraction: float
    spent: float
    boundary: float


@dataclass(frozen=True)
class _Paths:
    """Where the score of paths that have not stopped lies at one look, as weighted points."""

    fraction: float
    points: Vector
    mass: Vector

    def beyond(self, score: float, gap: float, drift: float = 0.0) -> float:
        """The chance to lie above `score` after `gap` more information."""
        return float(self.mass @ ndtr((self.points + drift * gap - score) / math.sqrt(gap)))

    def density(self, at: Vector, gap: float, drift: float = 0.0) -> Vector:
        """The density of scores after `gap` more information."""
        distance = (at[:, None] - self.points - drift * gap) / math.sqrt(gap)
        kernel = np.exp(-0.5 * distance**2) / math.sqrt(2 * math.pi * gap)
        density: Vector = kernel @ self.mass
        return density


_START = _Paths(0.0, np.zeros(1), np.ones(1))


def spent(fraction: float, *, alpha: float, spending: Spending = Spending.OBRIEN_FLEMING) -> float:
    """Tell how much of the one-sided budget `alpha` is spent at an information fraction.

    Lan & DeMets 1983; Kim & DeMets 1987.
    """
    _check_alpha(alpha)
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must be between 0 and 1, but got {fraction}")
    if fraction == 0:
        return 0.0
    if Spending(spending) is Spending.POCOCK:
        return alpha * math.log1p((math.e - 1) * fraction)
    if Spending(spending) is Spending.POWER:
        return float(alpha * fraction**POWER)
    return float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(fraction)))


def boundaries(
    fractions: Sequence[float],
    *,
    alpha: float,
    spending: Spending = Spending.OBRIEN_FLEMING,
    sides: int = 1,
) -> tuple[Look, ...]:
    """Give the boundary of every look so far; those of earlier looks never change when a look is added.

    With two sides both tails stop a path and each may spend alpha/2 (symmetric bounds, as in the published tables).
    """
    fractions = _checked(fractions)
    budget = alpha / _checked_sides(sides)
    paths = _START
    looks: list[Look] = []
    for fraction, later in zip(fractions, [*fractions[1:], None], strict=True):
        total = spent(fraction, alpha=budget, spending=spending)
        boundary = _boundary(paths, fraction, total - (looks[-1].spent if looks else 0.0))
        looks.append(Look(fraction=fraction, spent=total, boundary=boundary))
        if later is not None:
            paths = _continued(paths, (fraction, later), _region(boundary, sides))
    return tuple(looks)


def crossing(
    fractions: Sequence[float], bounds: Sequence[float], *, drift: float = 0.0, sides: int = 1
) -> tuple[float, ...]:
    """Give the chance to cross first at each look, when the expected z at full information is `drift`.

    With drift 0 the sum is the type I error, else the power; with two sides either boundary counts.
    """
    fractions = _checked(fractions)
    if len(bounds) != len(fractions):
        raise ValueError(f"bounds must have one value per look, {len(fractions)}, but got {len(bounds)}")
    two_sided = _checked_sides(sides) == 2
    paths, chances = _START, []
    for fraction, later, bound in zip(fractions, [*fractions[1:], None], bounds, strict=True):
        gap, score = fraction - paths.fraction, bound * math.sqrt(fraction)
        below = float(paths.mass.sum()) - paths.beyond(-score, gap, drift) if two_sided else 0.0
        chances.append(paths.beyond(score, gap, drift) + below)
        if later is not None:
            region = _region(bound, sides, drift * math.sqrt(fraction))
            paths = _continued(paths, (fraction, later), region, drift)
    return tuple(chances)


def classic_constant(looks: int, *, alpha: float = 0.05, spending: Spending, sides: int = 2) -> float:
    """Give the constant of the original Pocock (1977) or O'Brien-Fleming (1979) design of equally spaced looks.

    Pocock stops at |z| >= C; O'Brien-Fleming at |z| >= C / sqrt(fraction).
    """
    if looks < 1:
        raise ValueError(f"looks must be at least 1, but got {looks}")
    if spending is Spending.POWER:
        raise ValueError("the power family is a way of spending; it has no constant")
    _check_alpha(alpha)
    fractions = [(i + 1) / looks for i in range(looks)]
    shape = [1.0 if spending is Spending.POCOCK else 1 / math.sqrt(t) for t in fractions]
    low, high = 0.0, _EDGE
    while high - low > 1e-9:
        middle = (low + high) / 2
        error = sum(crossing(fractions, [middle * s for s in shape], sides=sides))
        low, high = (middle, high) if error > alpha else (low, middle)
    return high


def _boundary(paths: _Paths, fraction: float, increment: float) -> float:
    """Find the z that paths cross first at this look with chance `increment`.

    Newton on the logarithm, which is concave: from the right of the root it never overshoots.
    """
    if increment <= 1e-300:
        return math.inf
    gap, root = fraction - paths.fraction, math.sqrt(fraction)
    boundary, goal = float(-ndtri(increment)), math.log(increment)
    for _ in range(50):
        chance = paths.beyond(boundary * root, gap)
        slope = float(paths.density(np.array([boundary * root]), gap)[0]) * root
        if min(chance, slope) > 0:
            step = (math.log(chance) - goal) * chance / slope
        else:  # underflow, far beyond the highest path
            step = (float(paths.points.max()) / root - boundary) / 2
        boundary += step
        if abs(step) < 1e-10:
            break
    return boundary


def _continued(
    paths: _Paths, now_and_later: tuple[float, float], region: tuple[float, float], drift: float = 0.0
) -> _Paths:
    """Follow the paths that stay inside `region` (in z) at this look, on a grid fine enough for the next."""
    fraction, later = now_and_later
    gap = fraction - paths.fraction
    low, high = (z * math.sqrt(fraction) for z in region)
    finest = 2.5 * math.sqrt(min(gap, later - fraction))
    edges = np.linspace(low, high, max(2, math.ceil((high - low) / finest)) + 1)
    half = np.diff(edges) / 2
    points = ((edges[:-1] + half)[:, None] + half[:, None] * _NODES).ravel()
    weights = (half[:, None] * _WEIGHTS).ravel()
    return _Paths(fraction, points, weights * paths.density(points, gap, drift))


def _region(boundary: float, sides: int, centre: float = 0.0) -> tuple[float, float]:
    """Where a path goes on, in z; infinity is cut where no path ever comes."""
    high = min(boundary, centre + _EDGE)
    low = max(-boundary, centre - _EDGE) if sides == 2 else min(centre, high) - _EDGE
    return low, high


def _checked(fractions: Sequence[float]) -> list[float]:
    known = [float(t) for t in fractions]
    if not known or not known[-1] <= 1 + 1e-12:
        raise ValueError(f"fractions must hold values up to 1, but got {known}")
    if not all(b - a >= SMALLEST_GAP for a, b in itertools.pairwise([0.0, *known])):
        raise ValueError(f"fractions must grow by at least {SMALLEST_GAP}, but got {known}")
    return [min(t, 1.0) for t in known]


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, but got {alpha}")


def _checked_sides(sides: int) -> int:
    if sides not in {1, 2}:
        raise ValueError(f"sides must be 1 or 2, but got {sides}")
    return sides
