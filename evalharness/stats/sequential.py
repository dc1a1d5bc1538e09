"""Look early without erring more often: how much of the plan is known at a look, and a test of one threshold."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class SprtDecision(StrEnum):
    """What a sequential probability ratio test says."""

    ACCEPT = "accept"  # the rate is the good one
    REJECT = "reject"  # the rate is the bad one
    CONTINUE = "continue"
    UNDECIDED = "undecided"  # out of trials


@dataclass(frozen=True, kw_only=True)
class Sprt:
    """A sequential probability ratio test after `n` trials; stops where `llr` leaves (lower, upper)."""

    decision: SprtDecision
    n: int
    llr: float
    lower: float
    upper: float


def information_fraction(*, trials: tuple[float, float], planned: tuple[float, float]) -> float:
    """Tell the share of the planned information held, from (baseline, candidate) trials per task now and at the end.

    A stored baseline keeps its number: `trials=(10, r), planned=(10, 10)`.
    """
    for name, pair in (("trials", trials), ("planned", planned)):
        if min(pair) <= 0:
            raise ValueError(f"{name} must be positive, but got {pair}")
    return sum(1 / k for k in planned) / sum(1 / k for k in trials)


def sprt(
    outcomes: Iterable[bool],
    *,
    good: float,
    bad: float,
    alpha: float = 0.05,
    beta: float = 0.2,
    most: int | None = None,
) -> Sprt:
    """Test one pass rate as trials come in: is it `good`, or as low as `bad` (Wald 1947)?

    `alpha` bounds the chance to reject a good rate, `beta` to accept a bad one. Trials after the decision are ignored.
    Trials must be independent: those of one task, or one trial per task. Known problem: between the two rates it may
    run longer than a fixed plan, so give `most`; undecided there is an answer.
    """
    if not 0 < bad < good < 1:
        raise ValueError(f"bad must lie below good, both between 0 and 1, but got {bad} and {good}")
    lower, upper = sprt_limits(alpha=alpha, beta=beta)
    step = {True: math.log(bad / good), False: math.log((1 - bad) / (1 - good))}
    n, llr = 0, 0.0
    for passed in outcomes:
        if n == most or not lower < llr < upper:
            break
        n, llr = n + 1, llr + step[bool(passed)]
    if lower < llr < upper:
        decision = SprtDecision.UNDECIDED if n == most else SprtDecision.CONTINUE
    else:
        decision = SprtDecision.ACCEPT if llr <= lower else SprtDecision.REJECT
    return Sprt(decision=decision, n=n, llr=llr, lower=lower, upper=upper)


def sprt_limits(*, alpha: float, beta: float) -> tuple[float, float]:
    """Give the log likelihood ratios at which Wald's test accepts and rejects (Wald 1947)."""
    if not (0 < alpha < 1 and 0 < beta < 1 and alpha + beta < 1):
        raise ValueError(f"alpha and beta must be positive and sum to less than 1, but got {alpha} and {beta}")
    return math.log(beta / (1 - alpha)), math.log((1 - beta) / alpha)
