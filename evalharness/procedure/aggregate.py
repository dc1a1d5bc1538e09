"""Is the suite as a whole worse, or certainly not worse than the margin? One look at a time, inside one budget."""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from scipy.special import ndtr, ndtri

from evalharness.procedure.state import Look, Tally
from evalharness.procedure.suspicion import LARGEST_Z, evidence
from evalharness.stats.boundaries import SMALLEST_GAP, Spending, boundaries
from evalharness.stats.boundaries import Look as Boundary
from evalharness.stats.paired import paired_delta
from evalharness.stats.results import Estimate
from evalharness.stats.sequential import information_fraction
from evalharness.stats.stratified import cmh_test

FAMILY = "aggregate"
BOUND_ERROR = 0.05  # of the lower bound that a promotion looks at
POINTWISE = 1 - 2 * BOUND_ERROR

Trials = tuple[float, float]  # per task, of (baseline, candidate)


class Phase(StrEnum):
    """Where a look stands: before the base trials are complete, at their end, or after rounds that were added."""

    EARLY = "early"
    BASE = "base"
    EXTRA = "extra"


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """The two questions about the suite: `share` of the error budget is spent on "worse", .05 on "not worse".

    "Worse" may be asked in every look up to `most` trials per task, evenly: harm should end a gate soon. "Not worse"
    has its error spent by the end of the `base` trials, little of it early, so that looks cost few promotions;
    rounds are added only where the candidate looks worse, and there it is asked at .05 again.
    """

    share: float
    margin: float
    estimand: str
    base: Trials
    most: Trials

    def look(self, screen: Tally, earlier: tuple[Look, ...], phase: Phase) -> Look | None:
        """Look at all trials of base and rounds; None where there is nothing new to see."""
        both = (screen.base_trials > 0) & (screen.cand_trials > 0)
        if not both.any():
            return None
        trials = float(screen.base_trials[both].mean()), float(screen.cand_trials[both].mean())
        fractions = _shares((*(each.trials for each in earlier), trials), self.most)
        if len(fractions) > 1 and fractions[-1] - fractions[-2] < SMALLEST_GAP:
            return None
        harm = spending(self.share, fractions)
        level = self._bound_level(trials, earlier, phase)
        delta = paired_delta(*screen.columns, estimand=self.estimand, level=level or POINTWISE)
        return Look(
            family=FAMILY,
            trials=trials,
            fraction=fractions[-1],
            z=self._harm(screen, delta),
            boundary=harm.boundary if math.isfinite(harm.boundary) else None,
            spent=harm.spent,
            tasks=delta.n,
            delta=delta.value,
            low=delta.low if level else None,
            low_level=(1 + level) / 2 if level else None,
        )

    def harmful(self, look: Look) -> bool:
        """Whether harm is shown, is large enough to matter, and is not within the margin for sure."""
        large = look.delta is not None and look.delta <= -self.margin / 2
        return look.shown and large and not self.not_worse(look)

    def not_worse(self, look: Look) -> bool:
        """Whether the candidate certainly loses less than the margin."""
        return look.low is not None and look.low > -self.margin

    def _harm(self, screen: Tally, delta: Estimate) -> float:
        """The evidence that the candidate is worse, as a z.

        For the suite from the exact stratified test, which needs no estimate of any task's noise.
        """
        if self.estimand == "suite":
            return evidence(cmh_test(*screen.columns).pvalue)
        if delta.low is None or delta.high is None:
            return -LARGEST_Z
        error = (delta.high - delta.low) / 2 / float(ndtri((1 + delta.level) / 2))
        return -(delta.low + delta.high) / 2 / error

    def _bound_level(self, trials: Trials, earlier: tuple[Look, ...], phase: Phase) -> float | None:
        """The two-sided level whose lower bound may be looked at now; None where nothing may be spent yet."""
        if phase is Phase.EXTRA:
            return POINTWISE
        before = _shares(tuple(each.trials for each in earlier), self.base)
        now = 1.0 if phase is Phase.BASE else _shares((trials,), self.base)[0]
        fractions = (*(each for each in before if now - each >= SMALLEST_GAP), now)
        boundary = spending(BOUND_ERROR, fractions, Spending.POWER).boundary
        return float(1 - 2 * ndtr(-boundary)) if math.isfinite(boundary) else None


def _shares(trials: tuple[Trials, ...], planned: Trials) -> tuple[float, ...]:
    """The share of the planned information at each look, never above 1."""
    return tuple(min(1.0, information_fraction(trials=each, planned=planned)) for each in trials)


@lru_cache(maxsize=4096)
def spending(alpha: float, fractions: tuple[float, ...], how: Spending = Spending.POCOCK) -> Boundary:
    """Return the boundary of the last of these looks; by default the budget is spent evenly over the information."""
    return boundaries(fractions, alpha=alpha, spending=how)[-1]
