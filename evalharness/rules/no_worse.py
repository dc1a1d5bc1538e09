"""Non-inferiority on the whole suite: the candidate may lose at most the margin."""

from dataclasses import dataclass
from typing import ClassVar

from evalharness.model import Check, Comparison, Decision
from evalharness.rules import ErrorBudget
from evalharness.stats.results import Estimate


@dataclass(frozen=True)
class NoWorse:
    """Promote when the one-sided 95 % lower bound of delta is above minus the margin; block on harm that is shown.

    Harm is shown when the upper bound, at the error that the budget leaves to this rule, is below zero and delta is at
    most minus half the margin. `margin` replaces the policy's.
    """

    family: ClassVar[str] = "aggregate"
    margin: float | None = None

    def __post_init__(self) -> None:
        if self.margin is not None and not 0 < self.margin < 1:
            raise ValueError(f"margin must be between 0 and 1, but got {self.margin}")

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Compare the bounds of delta with the margin."""
        margin = budget.margin if self.margin is None else self.margin
        worst = comparison.missing.worst_case if comparison.missing.decides else None
        delta = worst or comparison.delta[comparison.estimand]
        decision = _decision(delta, comparison.harm, margin, missing_decides=worst is not None)
        because = f"{_said(delta)} (margin {100 * margin:.1f})"
        if worst is not None:
            because += f"; the worst case over missing trials decides: {comparison.missing.decides}"
        return Check(rule="no_worse", decision=decision, because=because)


def _decision(delta: Estimate, harm: Estimate, margin: float, *, missing_decides: bool) -> Decision:
    if delta.value is None:
        return Decision.INCONCLUSIVE
    if delta.low is not None and delta.low > -margin:
        return Decision.PROMOTE
    if missing_decides:  # what is missing was never measured, so it shows no harm
        return Decision.INCONCLUSIVE
    shown = harm.high is not None and harm.high < 0 and delta.value <= -margin / 2
    return Decision.BLOCK if shown else Decision.INCONCLUSIVE


def _said(delta: Estimate) -> str:
    if delta.value is None:
        return f"no change measured: {delta.note}"
    low = "unbounded" if delta.low is None else f"{100 * delta.low:+.1f}"
    return f"pass rate {100 * delta.value:+.1f} points, at worst {low}"
