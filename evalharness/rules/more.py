"""Rules about parts and other numbers of the suite: slices, onsets of flakiness, scores, and held-out tasks."""

from dataclasses import dataclass, field
from typing import ClassVar

from evalharness.model import Check, Comparison, Decision, Slice
from evalharness.rules import ErrorBudget, Need
from evalharness.rules.wording import above, below, fraction, points, three_way, undefined

NAMED = 3
UNREAD = "held-out tasks were not read: a gate asks them last, and not where the rest blocks or its time or money ended"


@dataclass(frozen=True)
class Slices:
    """Block when the slice of any tag is shown worse; Holm's correction covers all of them together.

    `tags` names the slices, by default every tag of at least five tasks. Only tags in `margins` must be shown not
    inferior for a promotion: small slices seldom can.
    """

    tags: tuple[str, ...] = ()
    margins: dict[str, float] = field(default_factory=dict)
    family: ClassVar[str] = "slices"

    def __post_init__(self) -> None:
        for tag, margin in self.margins.items():
            fraction(margin, name=f"the margin of '{tag}'")

    def needs(self) -> tuple[Need, ...]:
        """Ask for the slices, those with a margin included."""
        named = dict.fromkeys((*self.tags, *self.margins)) if self.tags else ()
        return (Need(quantity="slices", names=tuple(named)),)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Look for slices that are shown worse, and at those with a margin."""
        found = {each.tag: each for each in comparison.slices}
        worse = [each for each in found.values() if each.adjusted <= budget.share]
        if worse:
            because = f"shown worse: {_listed(worse)}, of {len(found)} slices tested"
            return Check(rule="slices", decision=Decision.BLOCK, because=because)
        open_ones = [tag for tag, margin in self.margins.items() if not _not_inferior(found.get(tag), margin)]
        if open_ones:
            said = ", ".join(
                f"{tag} ({_bounds(found.get(tag))}, margin {100 * self.margins[tag]:.1f})" for tag in open_ones
            )
            because = f"not shown to be within the margin: {said}"
            return Check(rule="slices", decision=Decision.INCONCLUSIVE, because=because)
        because = f"none of {len(found)} slices is shown worse"
        return Check(rule="slices", decision=Decision.PROMOTE, because=because)


def _not_inferior(found: Slice | None, margin: float) -> bool:
    return found is not None and above(found.delta.low, -margin)


def _bounds(found: Slice | None) -> str:
    if found is None:
        return "no task measured"
    return f"{points(found.delta.value)} points, at worst {points(found.delta.low)}"


def _listed(worse: list[Slice]) -> str:
    first = sorted(worse, key=lambda each: each.adjusted)
    more = f" and {len(first) - NAMED} more" if len(first) > NAMED else ""
    return (
        ", ".join(f"{each.tag} ({points(each.delta.value)} points, p = {each.adjusted:.4f})" for each in first[:NAMED])
        + more
    )


@dataclass(frozen=True)
class NewFlakes:
    """Promote when at most `max` tasks that always passed pass only sometimes now, or no more than noise explains.

    Blocks when there are more, and more than an unchanged agent would show at this rule's error.
    """

    max: int = 0
    family: ClassVar[str] = "flakes"

    def needs(self) -> tuple[Need, ...]:
        """Ask for the onsets."""
        return (Need(quantity="onsets"),)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Compare the onsets with what noise shows."""
        found = comparison.onsets
        if found is None:
            return Check(rule="new_flakes", decision=Decision.INCONCLUSIVE, because="onsets were not measured")
        because = (
            f"{found.seen} tasks always passed and now pass sometimes, {found.expected:.1f} expected from noise alone "
            f"(p = {found.pvalue:.3f}; {self.max} allowed)"
        )
        allowed = found.seen <= self.max or found.seen <= found.expected
        return three_way("new_flakes", because, promote=allowed, block=found.pvalue <= budget.share)


@dataclass(frozen=True)
class Score:
    """Promote when the mean score loses at most `margin`; scores lie between 0 and 1. Works as `no_worse` does."""

    margin: float | None = None
    family: ClassVar[str] = "score"

    def __post_init__(self) -> None:
        if self.margin is not None:
            fraction(self.margin, name="margin")

    def needs(self) -> tuple[Need, ...]:
        """Ask for the change of the mean score."""
        return (Need(quantity="score"),)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Compare the bounds with the margin."""
        found = comparison.measures[self.needs()[0].key]
        margin = budget.margin if self.margin is None else self.margin
        change, harm = found.change, found.harm
        if change.value is None or harm.value is None:
            return undefined("score", change)
        because = (
            f"mean score {100 * change.value:+.1f} points, at worst {points(change.low)} (margin {100 * margin:.1f})"
        )
        shown = below(harm.high, 0.0) and harm.value <= -margin / 2
        return three_way("score", because, promote=above(change.low, -margin), block=shown)


@dataclass(frozen=True)
class Holdout:
    """Promote when tasks that were held out lose at most `margin`; they may be looked at `budget` times.

    Held out are tasks with one of `tags`; they are left out of every other number. Each reading is recorded beside the
    runs, and one beyond the budget is refused: what is looked at again and again is held out no longer.
    """

    tags: tuple[str, ...] = ("holdout",)
    margin: float | None = None
    budget: int = 1
    family: ClassVar[str] = "holdout"

    def __post_init__(self) -> None:
        if self.margin is not None:
            fraction(self.margin, name="margin")
        if self.budget < 1 or not self.tags:
            raise ValueError(f"holdout must name tags and a budget of at least 1, but got {self.tags}, {self.budget}")

    def needs(self) -> tuple[Need, ...]:
        """Ask for the change on the held-out tasks."""
        return (Need(quantity="held_out", names=self.tags),)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Compare the bounds with the margin."""
        found = comparison.measures[self.needs()[0].key]
        margin = budget.margin if self.margin is None else self.margin
        change, harm = found.change, found.harm
        reading = comparison.holdout
        if change.value is None or harm.value is None:
            if reading is None and comparison.left_out.held_out:
                return Check(rule="holdout", decision=Decision.INCONCLUSIVE, because=UNREAD)
            return undefined("holdout", change)
        often = f", reading {reading.reading} of {reading.budget}" if reading else ""
        because = (
            f"{change.n} held-out tasks: {points(change.value)} points, at worst {points(change.low)} "
            f"(margin {100 * margin:.1f}){often}"
        )
        shown = below(harm.high, 0.0) and harm.value <= -margin / 2
        return three_way("holdout", because, promote=above(change.low, -margin), block=shown)
