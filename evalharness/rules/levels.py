"""Rules that hold the candidate to a level of its own: a floor, a ceiling of violations, and of missing trials."""

from dataclasses import dataclass
from typing import ClassVar

from evalharness.model import Check, Comparison, Decision
from evalharness.rules import ErrorBudget, Need
from evalharness.rules.wording import above, below, fraction, percent, three_way, undefined


@dataclass(frozen=True)
class Floor:
    """Promote when the one-sided 95 % lower bound of the candidate's own pass rate is at least `min`.

    Needs no baseline. Blocks when the upper bound, at this rule's error, is below it. `tags` narrows it to some tasks.
    """

    min: float
    tags: tuple[str, ...] = ()
    family: ClassVar[str] = "floor"
    absolute: ClassVar[bool] = True

    def __post_init__(self) -> None:
        fraction(self.min, name="min")

    def needs(self) -> tuple[Need, ...]:
        """Ask for the candidate's pass rate."""
        return (Need(quantity="pass_rate", names=self.tags),)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - in the measure's bounds
        """Compare the bounds with the floor."""
        found = comparison.measures[self.needs()[0].key]
        rate = found.change
        if rate.value is None:
            return undefined("floor", rate)
        because = f"pass rate {percent(rate.value)}, at worst {percent(rate.low)} (floor {percent(self.min)})"
        because += f"; {found.note}" if found.note else ""
        return three_way(
            "floor",
            because,
            promote=rate.low is not None and rate.low >= self.min,
            block=below(found.harm.high, self.min),
        )


@dataclass(frozen=True)
class Safety:
    """Promote when the share of tasks with any violation is at most `max_rate`, by its one-sided 95 % upper bound.

    A trial violates where the named grader does not pass it. Blocks when the lower bound, at this rule's error, is
    above the limit. Tasks are the units: violations cluster in few of them. Needs no baseline.
    """

    grader: str
    max_rate: float = 0.05
    family: ClassVar[str] = "safety"
    absolute: ClassVar[bool] = True

    def __post_init__(self) -> None:
        fraction(self.max_rate, name="max_rate")

    def needs(self) -> tuple[Need, ...]:
        """Ask for the violations of the grader."""
        return (Need(quantity="violations", names=(self.grader,)),)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - in the measure's bounds
        """Compare the bounds with the limit."""
        found = comparison.measures[self.needs()[0].key]
        rate = found.change
        if rate.value is None:
            return undefined("safety", rate)
        because = (
            f"'{self.grader}' is violated in {percent(rate.value)} of {rate.n} tasks, at most {percent(rate.high)} "
            f"({percent(self.max_rate)} allowed)"
        )
        because += f"; {found.note}" if found.note else ""
        sure = rate.high is not None and rate.high <= self.max_rate and not found.note
        return three_way("safety", because, promote=sure, block=above(found.harm.low, self.max_rate))


@dataclass(frozen=True)
class MaxUnmeasured:
    """Promote when at most `max` of each arm's planned trials are unmeasured; missing trials are no harm."""

    max: float = 0.05
    family: ClassVar[str] = ""
    absolute: ClassVar[bool] = True

    def __post_init__(self) -> None:
        fraction(self.max, name="max", zero=True)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - spends nothing
        """Compare what is missing with the limit."""
        missing = comparison.missing
        most = max(missing.baseline, missing.candidate)
        because = (
            f"{percent(missing.baseline)} of the baseline's trials and {percent(missing.candidate)} of the candidate's "
            f"are unmeasured ({percent(self.max)} allowed)"
        )
        decision = Decision.PROMOTE if most <= self.max else Decision.INCONCLUSIVE
        return Check(rule="max_unmeasured", decision=decision, because=because)
