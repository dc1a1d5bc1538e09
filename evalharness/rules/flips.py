"""Rules about how many tasks broke and how many were fixed, taken together.

`evidence: confirmed` counts tasks that fresh trials confirmed. Where nothing was run again, as with stored logs, it
counts majority flips beyond what noise alone is expected to show, and says so. `evidence: raw` counts every flip, as
published gates of single runs do: right only for an agent that gives the same answer every time.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from msgspec import Struct

from evalharness.model import Check, Comparison, Decision, TaskClass
from evalharness.rules import ErrorBudget
from evalharness.rules.wording import fraction, names, percent, three_way

Evidence = Literal["confirmed", "raw"]


class Counted(Struct, frozen=True, kw_only=True):
    """How many tasks broke and were fixed by some standard of evidence, and in words which.

    `shown` says whether that any broke is beyond chance, at the error that may be used.
    """

    broken: float
    fixed: float
    shown: bool
    said: str


def counted(comparison: Comparison, evidence: Evidence, budget: ErrorBudget) -> Counted:
    """Count by the best evidence there is of this kind."""
    flips = comparison.flips
    if evidence == "raw":
        said = f"{flips.broken} broken, {flips.fixed} fixed (every flip counts, noise included)"
        return Counted(broken=flips.broken, fixed=flips.fixed, shown=flips.broken > 0, said=said)
    if comparison.rerun:
        return _confirmed(comparison)
    return Counted(
        broken=max(0.0, flips.broken - flips.expected_broken),
        fixed=max(0.0, flips.fixed - flips.expected_fixed),
        shown=flips.pvalue_broken <= budget.share,
        said=(
            f"{flips.broken} broken, {flips.expected_broken:.1f} expected from noise alone, "
            f"{flips.fixed} fixed, {flips.expected_fixed:.1f} expected (nothing was run again, so flips are weighed "
            "against the noise floor)"
        ),
    )


def _confirmed(comparison: Comparison) -> Counted:
    broken, fixed = comparison.of(TaskClass.CONFIRMED_BROKEN), comparison.of(TaskClass.CONFIRMED_FIXED)
    retried = any(task.fresh_candidate and not task.suspected for task in comparison.tasks)
    said = f"{len(broken)} confirmed broken{': ' * bool(broken)}{names(broken)}"
    if retried:
        also = f", {len(fixed)} confirmed fixed{': ' * bool(fixed)}{names(fixed)}"
        return Counted(broken=len(broken), fixed=len(fixed), shown=bool(broken), said=said + also)
    flips = comparison.flips
    also = f", {flips.fixed} fixed of which {flips.expected_fixed:.1f} expected from noise (fixes were not run again)"
    beyond = max(0.0, flips.fixed - flips.expected_fixed)
    return Counted(broken=len(broken), fixed=beyond, shown=bool(broken), said=said + also)


@dataclass(frozen=True)
class Trade:
    """Promote when at most `max_share` of the passing tasks broke, and fewer broke than were fixed (or none broke).

    The trade is named for whoever reviews it. Blocks where more broke, beyond chance.
    """

    family: ClassVar[str] = "flips"
    max_share: float = 0.02
    evidence: Evidence = "confirmed"

    def __post_init__(self) -> None:
        fraction(self.max_share, name="max_share", zero=True)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Weigh what broke against what passes and what was fixed."""
        found, passing = counted(comparison, self.evidence, budget), comparison.flips.passing
        share = found.broken / passing if passing else 0.0
        paid = found.broken == 0 or found.broken < found.fixed
        because = (
            f"{found.said}; that is {percent(share)} of {passing} passing tasks ({percent(self.max_share)} allowed)"
            f"{'' if paid else ', and not fewer than were fixed'}"
        )
        kept = share <= self.max_share and paid
        return three_way("trade", because, promote=kept, block=not kept and found.shown)


@dataclass(frozen=True)
class NetFixes:
    """Promote when at least `min` more tasks were fixed than broke; blocks only where more broke, beyond chance."""

    family: ClassVar[str] = "flips"
    min: int = 1
    evidence: Evidence = "confirmed"

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Subtract the broken from the fixed."""
        found = counted(comparison, self.evidence, budget)
        net = found.fixed - found.broken
        because = f"{found.said}; net {net:+.3g} ({self.min:+d} asked for)"
        return three_way("net_fixes", because, promote=net >= self.min, block=net < 0 and found.shown)


@dataclass(frozen=True)
class MinFixes:
    """Promote when at least `min` tasks were fixed; too few fixes are no harm, and keep back."""

    family: ClassVar[str] = ""
    min: int = 1
    evidence: Evidence = "confirmed"

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Count the fixed."""
        found = counted(comparison, self.evidence, budget)
        decision = Decision.PROMOTE if found.fixed >= self.min else Decision.INCONCLUSIVE
        return Check(rule="min_fixes", decision=decision, because=f"{found.said} (at least {self.min} fixed asked for)")
