"""What the candidate may use: money, tokens, steps and time, each relative to the baseline."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from evalharness.model import Check, Comparison, Decision, Measure
from evalharness.rules import ErrorBudget, Need
from evalharness.rules.wording import above, percent, three_way, times, undefined


def _within(rule: str, found: Measure, *, noun: str, increase: float) -> Check:
    """Promote when the ratio is surely within the limit; block when it is surely up, and by half of what is allowed."""
    change, harm = found.change, found.harm
    if change.value is None:
        return undefined(rule, change)
    because = (
        f"{noun} is {times(change.value)} the baseline's, at most {times(change.high)} "
        f"({percent(increase)} more allowed)"
    )
    up = above(harm.low, 1.0) and above(harm.value, 1 + increase / 2)
    within = change.high is not None and change.high <= 1 + increase
    return three_way(rule, because, promote=within, block=up)


def _positive(value: float) -> None:
    if not value > 0:
        raise ValueError(f"max_increase must be above 0, but got {value}")


@dataclass(frozen=True)
class Cost:
    """Promote when cost per success (or per trial) rises by at most `max_increase`, a fraction of the baseline's.

    Cost per success is all cost over all successes. An unknown cost is never 0: where any trial's is unknown, nothing
    is decided.
    """

    max_increase: float = 0.1
    per: Literal["success", "trial"] = "success"
    family: ClassVar[str] = "cost"

    def __post_init__(self) -> None:
        _positive(self.max_increase)

    def needs(self) -> tuple[Need, ...]:
        """Ask for the ratio of costs."""
        return (Need(quantity="ratio", column="cost_usd", names=("per", self.per)),)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - in the measure's bounds
        """Compare the ratio with what is allowed."""
        return _known("cost", comparison, self.needs()[0], noun=f"cost per {self.per}", increase=self.max_increase)


@dataclass(frozen=True)
class _PerTrial:
    """A rule about what trials use on average."""

    max_increase: float = 0.1
    family: ClassVar[str] = "cost"
    rule: ClassVar[str]
    column: ClassVar[str]
    noun: ClassVar[str]

    def __post_init__(self) -> None:
        _positive(self.max_increase)

    def needs(self) -> tuple[Need, ...]:
        """Ask for the ratio of what is used."""
        return (Need(quantity="ratio", column=self.column, names=("per", "trial")),)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - in the measure's bounds
        """Compare the ratio with what is allowed."""
        noun = f"{self.noun} per trial"
        return _known(self.rule, comparison, self.needs()[0], noun=noun, increase=self.max_increase)


@dataclass(frozen=True)
class Tokens(_PerTrial):
    """Promote when tokens per trial rise by at most `max_increase`; unknown in any trial decides nothing."""

    rule = column = noun = "tokens"


@dataclass(frozen=True)
class Steps(_PerTrial):
    """Promote when model calls per trial rise by at most `max_increase`; unknown in any trial decides nothing."""

    rule, column, noun = "steps", "model_calls", "model calls"


def _known(rule: str, comparison: Comparison, need: Need, *, noun: str, increase: float) -> Check:
    found = comparison.measures[need.key]
    if found.note:
        return Check(rule=rule, decision=Decision.INCONCLUSIVE, because=f"{noun}: {found.note}")
    return _within(rule, found, noun=noun, increase=increase)


@dataclass(frozen=True)
class Latency:
    """Promote when a quantile of working seconds rises by at most `max_increase`.

    Where the arms ran with different numbers of workers times are not comparable: that is said, and nothing is tested.
    """

    q: float = 0.95
    max_increase: float = 0.25
    family: ClassVar[str] = "latency"

    def __post_init__(self) -> None:
        _positive(self.max_increase)
        if not 0 < self.q < 1:
            raise ValueError(f"q must be between 0 and 1, but got {self.q}")

    def needs(self) -> tuple[Need, ...]:
        """Ask for the quantile of both arms."""
        return (Need(quantity="quantile", column="working_seconds", q=self.q),)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - in the measure's bounds
        """Compare the ratio with what is allowed."""
        noun = f"the {100 * self.q:g} % quantile of working seconds"
        return _known("latency", comparison, self.needs()[0], noun=noun, increase=self.max_increase)
