"""Look early without erring more often: two one-sided questions after each round, and a test of one threshold.

After each round of trials the gate asks whether the candidate is certainly not worse than the margin (delta > -margin)
and whether it is certainly worse (delta < 0). Each question spends an error budget of its own. Known problem: the
estimate at an early stop leans away from the boundary by up to a point; the repeated confidence interval (Jennison &
Turnbull 1989) holds at every look.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from evalharness.stats.boundaries import Spending, boundaries
from evalharness.stats.results import Estimate


@dataclass(frozen=True, kw_only=True)
class Question:
    """How far one one-sided question is from its answer at one look."""

    z: float
    boundary: float
    spent: float

    @property
    def answered(self) -> bool:
        """Whether the boundary is reached."""
        return self.z >= self.boundary


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Both questions at one look (from 1), with the repeated confidence interval of delta."""

    look: int
    fraction: float
    not_worse: Question
    worse: Question
    interval: Estimate


class Decision(StrEnum):
    """What a sequential probability ratio test says."""

    ACCEPT = "accept"  # the rate is the good one
    REJECT = "reject"  # the rate is the bad one
    CONTINUE = "continue"
    UNDECIDED = "undecided"  # out of trials


@dataclass(frozen=True, kw_only=True)
class Sprt:
    """A sequential probability ratio test after `n` trials; stops where `llr` leaves (lower, upper)."""

    decision: Decision
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


def standing(
    delta: float,
    se: float,
    *,
    fractions: Sequence[float],
    margin: float,
    budgets: tuple[float, float] = (0.05, 0.05),
    spending: Spending = Spending.OBRIEN_FLEMING,
) -> Standing:
    """Ask both questions at the last of `fractions`; `budgets` are those of (not worse, worse).

    Delta is candidate minus baseline with its standard error at this look. The interval holds at every look at once.
    """
    if not (math.isfinite(delta) and math.isfinite(se) and se > 0):
        raise ValueError(f"delta must be finite and se positive, but got {delta} and {se}")
    if not margin >= 0:
        raise ValueError(f"margin must not be negative, but got {margin}")
    safe, harm = (boundaries(fractions, alpha=a, spending=spending)[-1] for a in budgets)
    interval = Estimate(
        value=delta,
        low=delta - safe.boundary * se if math.isfinite(safe.boundary) else None,
        high=delta + harm.boundary * se if math.isfinite(harm.boundary) else None,
        level=1 - sum(budgets),
        n=len(fractions),
        method=f"repeated confidence interval, {Spending(spending)} spending",
        note="n counts looks",
    )
    return Standing(
        look=len(fractions),
        fraction=fractions[-1],
        not_worse=Question(z=(delta + margin) / se, boundary=safe.boundary, spent=safe.spent),
        worse=Question(z=-delta / se, boundary=harm.boundary, spent=harm.spent),
        interval=interval,
    )


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
        decision = Decision.UNDECIDED if n == most else Decision.CONTINUE
    else:
        decision = Decision.ACCEPT if llr <= lower else Decision.REJECT
    return Sprt(decision=decision, n=n, llr=llr, lower=lower, upper=upper)


def sprt_limits(*, alpha: float, beta: float) -> tuple[float, float]:
    """Give the log likelihood ratios at which Wald's test accepts and rejects (Wald 1947)."""
    if not (0 < alpha < 1 and 0 < beta < 1 and alpha + beta < 1):
        raise ValueError(f"alpha and beta must be positive and sum to less than 1, but got {alpha} and {beta}")
    return math.log(beta / (1 - alpha)), math.log((1 - beta) / alpha)
