"""Where things stand in a picture: values to places along an axis, in percent of its width.

Pictures are SVG drawn by templates; places in percent let them shrink with the page while their text keeps its size.
"""

import math
from collections.abc import Iterable

from msgspec import Struct

from evalharness.stats.results import Estimate

EDGE = 3.0  # percent left free at both ends
STEPS = (1, 2, 2.5, 5, 10)


class Axis(Struct, frozen=True):
    """A stretch of numbers laid along a line."""

    low: float
    high: float

    def at(self, value: float | None, *, missing: float = 0.0) -> float:
        """Return the place of a value in percent; what lies outside stands at the edge, unknown at `missing`."""
        if value is None:
            return missing
        share = (value - self.low) / (self.high - self.low)
        return round(EDGE + (100 - 2 * EDGE) * min(max(share, 0.0), 1.0), 2)

    @property
    def ticks(self) -> list[float]:
        """Return about five round numbers along the axis."""
        rough = (self.high - self.low) / 4
        scale: float = 10.0 ** math.floor(math.log10(rough))
        step = next(scale * each for each in STEPS if scale * each >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [round(step * each, 10) for each in range(first, math.floor(self.high / step + 1e-9) + 1)]


def around(values: Iterable[float | None], *, least: float) -> Axis:
    """Lay an axis around zero and all known values, `least` wide on both sides at least, and no wider than needed."""
    known = [value for value in values if value is not None]
    low, high = min([-least, *known]), max([least, *known])
    room = 0.05 * (high - low)
    return Axis(max(low - room, -1.05), min(high + room, 1.05))


def around_changes(changes: Iterable[Estimate], margin: float) -> Axis:
    """Lay an axis that shows changes with their intervals beside the margin."""
    return around([bound for each in changes for bound in (each.value, each.low, each.high)], least=1.6 * margin)


class Point(Struct, frozen=True):
    """One point of a curve, with its interval; places in percent, y from the top."""

    x: float
    y: float
    low: float
    high: float
    k: int
    estimate: Estimate


def curve(estimates: Iterable[Estimate], x: Axis, y: Axis) -> list[Point]:
    """Place the known points of a curve over k = 1, 2, ..."""
    return [
        Point(
            x=x.at(k),
            y=100 - y.at(each.value),
            low=100 - y.at(each.low, missing=EDGE),
            high=100 - y.at(each.high, missing=100 - EDGE),
            k=k,
            estimate=each,
        )
        for k, each in enumerate(estimates, start=1)
        if each.value is not None
    ]


def curve_axes(curves: Iterable[Iterable[Estimate]]) -> tuple[Axis, Axis]:
    """Lay the axes of some curves over k: as high as they reach, in steps of a tenth."""
    every = [list(each) for each in curves]
    bounds = [bound for each in every for point in each for bound in (point.low, point.high) if bound is not None]
    low = math.floor(10 * min(bounds, default=0.0)) / 10
    high = math.ceil(10 * max(bounds, default=1.0)) / 10
    longest = max((len(each) for each in every), default=1)
    return Axis(0.5, max(longest, 2) + 0.5), Axis(max(min(low, high - 0.2), 0.0), max(high, 0.2))
