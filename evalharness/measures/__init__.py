"""What a rule may ask a comparison to measure beside the pass rate: each in both arms, and its change.

A measure's `change` has one-sided 95 % bounds; its `harm` bounds leave the error that the rule may use.
"""

from collections.abc import Callable

from evalharness.measures.arms import Arms
from evalharness.measures.grades import violations
from evalharness.measures.rates import delta, rate, reliability, score
from evalharness.measures.usage import quantiles, ratio
from evalharness.model import Measure
from evalharness.rules import Need

__all__ = ["QUANTITIES", "Arms", "measure"]

QUANTITIES: dict[str, Callable[[Need, float, Arms], Measure]] = {
    "delta": delta,
    "pass_at_k": reliability,
    "pass_hat_k": reliability,
    "pass_rate": rate,
    "score": score,
    "ratio": ratio,
    "quantile": quantiles,
    "violations": violations,
}


def measure(need: Need, error: float, arms: Arms) -> Measure:
    """Measure what a rule needs; `error` is what its harm bound may use."""
    return QUANTITIES[need.quantity](need, error, arms)
