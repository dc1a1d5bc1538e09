"""Rules about how many tasks broke and how many were fixed, taken together.

`evidence: confirmed` counts tasks that fresh trials confirmed. Where nothing was run again, as with stored logs, it
counts tasks that the screen names beyond what noise alone would name, and says so. `evidence: raw` counts every flip,
as published gates of single runs do: right only for an agent that gives the same answer every time, and outside the
error budget.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from msgspec import Struct

from evalharness.model import Check, Comparison, Decision, Flip, Screened, TaskClass
from evalharness.rules import ErrorBudget, Need
from evalharness.rules.wording import fraction, names, percent, three_way

Evidence = Literal["confirmed", "raw"]


class Counted(Struct, frozen=True, kw_only=True):
    """How many tasks broke and were fixed by some standard of evidence, and in words which.

    `shown` says whether that any broke is beyond doubt: stored trials raise suspicions, and no more.
    """

    broken: float
    fixed: float
    shown: bool
    said: str


SCREEN = Need(quantity="screen")


def counted(comparison: Comparison, evidence: Evidence) -> Counted:
    """Count by the best evidence there is of this kind."""
    if evidence == "raw":
        flips = comparison.flips
        said = f"{flips.broken} broken, {flips.fixed} fixed (every flip counts, noise included)"
        return Counted(broken=flips.broken, fixed=flips.fixed, shown=flips.broken > 0, said=said)
    return _confirmed(comparison) if comparison.rerun else _stored(comparison)


def _stored(comparison: Comparison) -> Counted:
    """Weigh stored trials; they raise suspicions, and only fresh ones show that a task broke."""
    broken, fixed = (_beyond_noise(comparison, flip) for flip in Flip)
    seen = comparison.screen[Flip.BROKEN]
    suspected = comparison.of(TaskClass.SUSPECTED_BROKEN)
    if not seen.seen and not comparison.screen[Flip.FIXED].seen:
        said = "no task looks broken or fixed, so there was none to run again"
        return Counted(broken=broken, fixed=fixed, shown=False, said=said)
    said = (
        f"nothing was run again, so screened tasks are weighed against the noise floor: {seen.seen} suspected broken, "
        f"{_against_noise(seen)}{': ' * bool(suspected)}{names(suspected)}; "
        f"{comparison.screen[Flip.FIXED].seen} suspected fixed, {_against_noise(comparison.screen[Flip.FIXED])}"
    )
    return Counted(broken=broken, fixed=fixed, shown=False, said=said)


def _beyond_noise(comparison: Comparison, flip: Flip) -> float:
    found = comparison.screen[flip]
    return max(float(found.certain), found.seen - found.expected, 0.0)


def _against_noise(found: Screened) -> str:
    certain = f", {found.certain} beyond doubt" if found.certain else ""
    return f"{found.expected:.1f} expected from noise alone{certain}"


def _confirmed(comparison: Comparison) -> Counted:
    broken, fixed = comparison.of(TaskClass.CONFIRMED_BROKEN), comparison.of(TaskClass.CONFIRMED_FIXED)
    retried = any(task.fresh_candidate and not task.suspected for task in comparison.tasks)
    said = f"{len(broken)} confirmed broken{': ' * bool(broken)}{names(broken)}"
    if retried:
        also = f", {len(fixed)} confirmed fixed{': ' * bool(fixed)}{names(fixed)}"
        return Counted(broken=len(broken), fixed=len(fixed), shown=bool(broken), said=said + also)
    found = comparison.screen[Flip.FIXED]
    if not found.seen:
        said += "; no task looks fixed, so there was none to run again"
        return Counted(broken=len(broken), fixed=0.0, shown=bool(broken), said=said)
    also = f"; fixes were not run again: {found.seen} suspected, {_against_noise(found)}"
    beyond = _beyond_noise(comparison, Flip.FIXED)
    return Counted(broken=len(broken), fixed=beyond, shown=bool(broken), said=said + also)


@dataclass(frozen=True)
class _Counting:
    """A rule that counts flips by one kind of evidence."""

    evidence: Evidence = "confirmed"

    def needs(self) -> tuple[Need, ...]:
        """Ask for the screen beside its noise floor."""
        return (SCREEN,)


@dataclass(frozen=True)
class _Blocking(_Counting):
    """One that can block."""

    @property
    def family(self) -> str:
        """The flips' share; raw flips are outside the budget."""
        return "" if self.evidence == "raw" else "flips"


@dataclass(frozen=True)
class Trade(_Blocking):
    """Promote when at most `max_share` of the passing tasks broke, and fewer broke than were fixed (or none broke).

    The trade is named for whoever reviews it. Blocks where fresh trials show that more broke.
    """

    max_share: float = 0.02

    def __post_init__(self) -> None:
        fraction(self.max_share, name="max_share", zero=True)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - spent on fresh trials
        """Weigh what broke against what passes and what was fixed."""
        found, passing = counted(comparison, self.evidence), comparison.flips.passing
        share = found.broken / passing if passing else 0.0
        paid = found.broken == 0 or found.broken < found.fixed
        because = (
            f"{found.said}; that is {percent(share)} of {passing} passing tasks ({percent(self.max_share)} allowed)"
            f"{'' if paid else ', and not fewer than were fixed'}"
        )
        kept = share <= self.max_share and paid
        return three_way("trade", because, promote=kept, block=not kept and found.shown)


@dataclass(frozen=True)
class NetFixes(_Blocking):
    """Promote when at least `min` more tasks were fixed than broke; blocks only where fresh trials show more broken."""

    min: int = 1

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - spent on fresh trials
        """Subtract the broken from the fixed."""
        found = counted(comparison, self.evidence)
        net = found.fixed - found.broken
        because = f"{found.said}; net {net:+.3g} ({self.min:+d} asked for)"
        return three_way("net_fixes", because, promote=net >= self.min, block=net < 0 and found.shown)


@dataclass(frozen=True)
class MinFixes(_Counting):
    """Promote when at least `min` tasks were fixed; too few fixes are no harm, and keep back."""

    family: ClassVar[str] = ""
    min: int = 1

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - spent on fresh trials
        """Count the fixed."""
        found = counted(comparison, self.evidence)
        decision = Decision.PROMOTE if found.fixed >= self.min else Decision.INCONCLUSIVE
        return Check(rule="min_fixes", decision=decision, because=f"{found.said} (at least {self.min} fixed asked for)")
