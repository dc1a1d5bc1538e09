"""What re-running by outcome does to a rate, and the estimate that stays unbiased.

"Retry until it passes" and "look again where something failed" inflate c/n. For any rule that stops at fixed points
of (passed, failed) the paths can be counted: the share of paths to an end point that start with a pass is unbiased
(Girshick, Mosteller & Savage 1946). Its variance is larger than that of equally many fixed trials, so such rules are
for finding tasks, not for estimating their rate.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Stop = Callable[[int, int], bool]
"""Whether a rule stops after (passed, failed) trials."""


@dataclass(frozen=True, kw_only=True)
class EndPoint:
    """Where a rule may stop: how many orders of outcomes lead there, how many of them start with a pass."""

    passed: int
    failed: int
    paths: int
    first_passed: int

    @property
    def pooled(self) -> float:
        """The biased rate that one would report."""
        return self.passed / (self.passed + self.failed)

    @property
    def unbiased(self) -> float:
        """The unbiased estimate of the rate."""
        return self.first_passed / self.paths

    def chance(self, rate: float) -> float:
        """How probable it is to stop here."""
        return self.paths * rate**self.passed * (1 - rate) ** self.failed


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a rule yields on average at a true rate."""

    pooled: float
    unbiased: float
    trials: float
    any_passed: float


def end_points(stop: Stop, *, most: int) -> tuple[EndPoint, ...]:
    """List every point where the rule stops; it must stop within `most` trials, and not before the first."""
    return tuple(_walk(stop, most))


def expected(stop: Stop, *, rate: float, most: int) -> Expected:
    """Give the exact expectation of both estimates, of the trials spent, and of "passed at least once"."""
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must lie between 0 and 1, but got {rate}")
    points = [(point, point.chance(rate)) for point in end_points(stop, most=most)]
    return Expected(
        pooled=math.fsum(point.pooled * chance for point, chance in points),
        unbiased=math.fsum(point.unbiased * chance for point, chance in points),
        trials=math.fsum((point.passed + point.failed) * chance for point, chance in points),
        any_passed=math.fsum(chance for point, chance in points if point.passed),
    )


def _walk(stop: Stop, most: int) -> Iterator[EndPoint]:
    if most < 1:
        raise ValueError(f"most must be at least 1, but got {most}")
    alive = {(1, 0): (1, 1), (0, 1): (1, 0)}
    for n in range(1, most + 1):
        following: dict[tuple[int, int], tuple[int, int]] = {}
        for (passed, failed), (paths, first) in alive.items():
            if stop(passed, failed):
                yield EndPoint(passed=passed, failed=failed, paths=paths, first_passed=first)
                continue
            for after in ((passed + 1, failed), (passed, failed + 1)):
                old = following.get(after, (0, 0))
                following[after] = (old[0] + paths, old[1] + first)
        alive = following
        if alive and n == most:
            raise ValueError(f"stop must end every path within most={most} trials, but {next(iter(alive))} goes on")
