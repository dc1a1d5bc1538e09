"""Non-inferiority on the whole suite: the candidate may lose at most the margin."""

from dataclasses import dataclass
from typing import Literal

from evalharness.model import Check, Comparison, Decision
from evalharness.rules import ErrorBudget, Need
from evalharness.rules.wording import above, below, fraction, points, three_way, undefined
from evalharness.stats.results import Estimate

WORDS = {"pass_rate": "pass rate", "pass_at_k": "pass@{k}", "pass_hat_k": "pass^{k}"}


@dataclass(frozen=True)
class NoWorse:
    """Promote when the one-sided 95 % lower bound of delta is above minus the margin; block on harm that is shown.

    Harm is shown when the upper bound, at the error that the budget leaves to this rule, is below zero and delta is at
    most minus half the margin. `margin` and `estimand` replace the policy's; `pass_at_k` and `pass_hat_k` need `k`, and
    are judged for tasks like these.
    """

    margin: float | None = None
    estimand: Literal["suite", "population"] | None = None
    metric: Literal["pass_rate", "pass_at_k", "pass_hat_k"] = "pass_rate"
    k: int | None = None

    def __post_init__(self) -> None:
        if self.margin is not None:
            fraction(self.margin, name="margin")
        if (self.metric == "pass_rate") != (self.k is None):
            raise ValueError(f"k belongs to pass_at_k and pass_hat_k, but metric is {self.metric} and k is {self.k}")
        if self.k is not None and self.k < 1:
            raise ValueError(f"k must be at least 1, but got {self.k}")

    @property
    def family(self) -> str:
        """The aggregate's share; another quantity or estimand is evidence of its own and has a share of its own."""
        return " ".join(("aggregate", *(need.key for need in self.needs())))

    def needs(self) -> tuple[Need, ...]:
        """Ask for what the comparison does not always hold."""
        if self.metric != "pass_rate":
            return (Need(quantity=self.metric, k=self.k or 1),)
        return (Need(quantity="delta", names=(self.estimand,)),) if self.estimand else ()

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Compare the bounds of delta with the margin."""
        margin = budget.margin if self.margin is None else self.margin
        needs, missing = self.needs(), comparison.missing
        if needs and missing.decides:
            because = f"{self._named()} is not judged while so much is missing: {missing.decides}"
            return Check(rule="no_worse", decision=Decision.INCONCLUSIVE, because=because)
        if missing.decides:
            return _worst_case(comparison, margin)
        found = comparison.measures[needs[0].key] if needs else None
        delta = found.change if found else comparison.delta[comparison.estimand]
        harm = found.harm if found else comparison.harm
        if delta.value is None:
            return undefined("no_worse", delta)
        because = f"{self._named()} {_said(delta)} (margin {100 * margin:.1f})"
        return three_way("no_worse", because, promote=above(delta.low, -margin), block=_harmful(harm, margin=margin))

    def _named(self) -> str:
        return WORDS[self.metric].format(k=self.k)


def _worst_case(comparison: Comparison, margin: float) -> Check:
    """Promote on the worst case over everything missing, block on the best: what is missing shows no harm."""
    missing = comparison.missing
    worst, best = missing.worst_case, missing.best_case
    block = _harmful(best, margin=margin)
    said = f"pass rate {_said(worst)} (margin {100 * margin:.1f})"
    because = f"{said}; the worst case over missing trials decides: {missing.decides}"
    because += f"; even in the best case it is {points(best.value)} points" if block else ""
    return three_way("no_worse", because, promote=above(worst.low, -margin), block=block)


def _harmful(harm: Estimate, *, margin: float) -> bool:
    return below(harm.high, 0.0) and harm.value is not None and harm.value <= -margin / 2


def _said(delta: Estimate) -> str:
    return f"{points(delta.value)} points, at worst {points(delta.low)}"
