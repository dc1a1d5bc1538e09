"""What a run may spend, and when it has to stop for it."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Self, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from evalharness.model import Outcome, Record, Usage

Number = TypeVar("Number", int, float)
ROUNDING = 1 + 1e-9  # sums of cents are not exact


class Spent(Struct, frozen=True, kw_only=True):
    """The part of a record that says what an attempt used."""

    outcome: Outcome
    usage: Usage = field(default_factory=Usage)
    judging: Usage | None = None


class Dearest(Struct, frozen=True, kw_only=True):
    """The most that any one attempt has taken so far, its judges included; None where none has shown it."""

    cost_usd: float | None = None
    tokens: int | None = None

    @classmethod
    def of(cls, attempts: Iterable["Spent | Record"]) -> Self:
        """Find it among attempts; an error that used nothing that is known shows nothing."""
        found = cls()
        for attempt in attempts:
            found = found.joined(_shown(attempt))
        return found

    def joined(self, other: "Dearest") -> Self:
        """Return the most of both."""
        return type(self)(cost_usd=_most(self.cost_usd, other.cost_usd), tokens=_most(self.tokens, other.tokens))

    def otherwise(self, other: "Dearest") -> "Dearest":
        """Return this, and what it does not say as the other one does."""
        return Dearest(
            cost_usd=other.cost_usd if self.cost_usd is None else self.cost_usd,
            tokens=other.tokens if self.tokens is None else self.tokens,
        )


class Budget(Struct, frozen=True, kw_only=True):
    """Limits of a whole run; None means no limit.

    `known` is what attempts of the same agent took before; `guessed` what those of another one did, which stands until
    this agent has shown its own.
    """

    cost_usd: float | None = None
    tokens: int | None = None
    minutes: float | None = None
    known: Dearest = Dearest()
    guessed: Dearest = Dearest()

    def less(self, cost_usd: float = 0.0, tokens: int = 0, seconds: float = 0.0) -> "Budget":
        """Return what is left after that much."""
        return replace(
            self,
            cost_usd=None if self.cost_usd is None else max(self.cost_usd - cost_usd, 0.0),
            tokens=None if self.tokens is None else max(self.tokens - tokens, 0),
            minutes=None if self.minutes is None else max(self.minutes - seconds / 60, 0.0),
        )

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return 0 in (self.cost_usd, self.tokens, self.minutes)

    @property
    def spends(self) -> bool:
        """Whether there is a limit to what may be used up."""
        return self.cost_usd is not None or self.tokens is not None


class Tally(Struct, kw_only=True):
    """How far a run has come; the one thing in a run that changes while it goes on.

    `unknown` counts trials that were begun, and of which nobody knows what they used.
    """

    owed: int
    passed: int = 0
    failed: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    cost_usd: float = 0.0
    tokens: int = 0
    unknown: int = 0
    dearest: Dearest = Dearest()
    priced: bool = False
    metered: bool = False
    started: float = field(default_factory=time.monotonic)
    waiting: str = ""
    outage: str = ""

    @property
    def measured(self) -> int:
        """Count the trials with an outcome."""
        return self.passed + self.failed

    @property
    def attempts(self) -> int:
        """Count everything that was tried."""
        return self.measured + self.errors.total()

    @property
    def seconds(self) -> float:
        """Return how long this has been going on."""
        return time.monotonic() - self.started

    def add(self, record: Record) -> None:
        """Count an attempt and what it cost, its judges included."""
        if record.outcome is Outcome.ERROR:
            self.errors[record.cause or "unknown"] += 1
        elif record.outcome is Outcome.PASS:
            self.passed += 1
        else:
            self.failed += 1
        self._use(record)
        self.unknown += record.outcome is not Outcome.ERROR and not _told(record)
        self.priced = self.priced or record.usage.cost_usd is not None
        self.metered = self.metered or record.usage.output_tokens is not None

    def lose(self, record: Record | None) -> None:
        """Count what was begun and came to nothing: what it used is known where it left a record, else it is not."""
        if record is None:
            self.unknown += 1
        else:
            self._use(record)

    def _use(self, record: Record) -> None:
        self.cost_usd += record_cost(record)
        self.tokens += record_tokens(record)
        shown = _shown(record)
        if shown != self.dearest:
            self.dearest = self.dearest.joined(shown)

    def booked(self, most: Dearest) -> tuple[float, int]:
        """Return dollars and tokens; what is unknown is taken to be as much as this."""
        return self.cost_usd + self.unknown * (most.cost_usd or 0.0), self.tokens + self.unknown * (most.tokens or 0)


def record_cost(record: Record | Spent) -> float:
    """Return what an attempt is known to have cost, its judges included."""
    return sum(usage.cost_usd or 0.0 for usage in (record.usage, record.judging) if usage)


def record_tokens(record: Record | Spent) -> int:
    """Return the tokens that an attempt is known to have used, its judges included."""
    used = [usage for usage in (record.usage, record.judging) if usage and not _replayed(usage)]
    return sum((usage.input_tokens or 0) + (usage.output_tokens or 0) for usage in used)


def _replayed(usage: Usage) -> bool:
    """Whether all of it was answered from a cache, and so used up nothing."""
    return bool(usage.cached_calls) and usage.cached_calls == usage.model_calls


def _told(record: Record) -> bool:
    usage = record.usage
    return any(each is not None for each in (usage.cost_usd, usage.input_tokens, usage.output_tokens))


def _shown(record: Record | Spent) -> Dearest:
    """Say what an attempt shows of the price of one like it; one from a cache shows what its calls cost once."""
    usage, judging = record.usage, record.judging
    cost, tokens = _known(usage.cost_usd, usage.saved_usd), _known(usage.input_tokens, usage.output_tokens)
    if judging:
        cost = _known(cost, _known(judging.cost_usd, judging.saved_usd))
        tokens = _known(tokens, _known(judging.input_tokens, judging.output_tokens))
    if record.outcome is Outcome.ERROR:
        cost, tokens = cost or None, tokens or None
    return Dearest(cost_usd=cost, tokens=tokens)


def _known(one: Number | None, other: Number | None) -> Number | None:
    """Add up what is known."""
    return other if one is None else one if other is None else one + other


def _most(one: Number | None, other: Number | None) -> Number | None:
    return other if one is None else one if other is None else max(one, other)


def exhausted(budget: Budget, tally: Tally, *, in_flight: int = 0) -> str | None:
    """Name the limit that has no room for another trial beside those in flight, each as dear as the dearest so far."""
    if budget.spends and (said := _spent_out(budget, tally, more=in_flight + 1)):
        return said
    if budget.minutes is not None and tally.seconds >= budget.minutes * 60:
        return f"--budget-minutes {budget.minutes:g}"
    return None


def _spent_out(budget: Budget, tally: Tally, *, more: int) -> str | None:
    """Name the limit that has no room for so many trials more."""
    most = tally.dearest.joined(budget.known).otherwise(budget.guessed)
    dollars, tokens = tally.booked(most)
    if budget.cost_usd is not None and _full(dollars, more * (most.cost_usd or 0.0), budget.cost_usd):
        return f"--budget-usd {budget.cost_usd:g}" + _remaining(budget.cost_usd - dollars, most.cost_usd, "${:.4g}")
    if budget.tokens is not None and _full(tokens, more * (most.tokens or 0), budget.tokens):
        return f"--budget-tokens {budget.tokens}" + _remaining(budget.tokens - tokens, most.tokens, "{:.0f}")
    return None


def _remaining(left: float, most: float | None, unit: str) -> str:
    """Say what is left where it has no room for a trial."""
    if not most or left < most / 1e6:
        return ""
    return f" ({unit.format(left)} left, and a trial has taken {unit.format(most)})"


def _full(spent: float, more: float, limit: float) -> bool:
    return spent >= limit or spent + more > limit * ROUNDING


def unproven(budget: Budget, tally: Tally, *, in_flight: int) -> bool:
    """Say whether a budget has to wait for the trial under way, the first that shows what one of this agent takes."""
    known = tally.dearest.joined(budget.known)
    asked = (budget.cost_usd, known.cost_usd), (budget.tokens, known.tokens)
    unknown = any(limit is not None and shown is None for limit, shown in asked)
    return unknown and not tally.measured and in_flight > 0
