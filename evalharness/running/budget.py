"""What a run may spend, and when it has to stop for it."""

import time
from collections import Counter

from msgspec import Struct, field

from evalharness.model import Outcome, Record, Usage

AT_FIRST = 8  # trials that may be under way before the first has shown what one costs
ROUNDING = 1 + 1e-9  # sums of cents are not exact


class Budget(Struct, frozen=True, kw_only=True):
    """Limits of a whole run; None means no limit."""

    cost_usd: float | None = None
    tokens: int | None = None
    minutes: float | None = None


class Tally(Struct, kw_only=True):
    """How far a run has come; the one thing in a run that changes while it goes on."""

    owed: int
    passed: int = 0
    failed: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    cost_usd: float = 0.0
    tokens: int = 0
    priced: bool = False
    metered: bool = False
    started: float = field(default_factory=time.monotonic)
    waiting: str = ""

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
        self.cost_usd += record_cost(record)
        self.tokens += record_tokens(record)
        self.priced = self.priced or record.usage.cost_usd is not None
        self.metered = self.metered or record.usage.output_tokens is not None


def record_cost(record: Record) -> float:
    """Return what an attempt is known to have cost, its judges included."""
    return sum(usage.cost_usd or 0.0 for usage in (record.usage, record.judging) if usage)


def record_tokens(record: Record) -> int:
    """Return the tokens that an attempt is known to have used, its judges included."""
    used = [usage for usage in (record.usage, record.judging) if usage and not _replayed(usage)]
    return sum((usage.input_tokens or 0) + (usage.output_tokens or 0) for usage in used)


def _replayed(usage: Usage) -> bool:
    """Whether all of it was answered from a cache, and so used up nothing."""
    return bool(usage.cached_calls) and usage.cached_calls == usage.model_calls


def exhausted(budget: Budget, tally: Tally, *, in_flight: int = 0) -> str | None:
    """Name the limit that has no room for another trial beside those in flight, all at the average so far."""
    share = 1 + (in_flight + 1) / max(tally.attempts, 1)
    if budget.cost_usd is not None and tally.cost_usd * share > budget.cost_usd * ROUNDING:
        return f"--budget-usd {budget.cost_usd:g}"
    if budget.tokens is not None and tally.tokens * share > budget.tokens * ROUNDING:
        return f"--budget-tokens {budget.tokens}"
    if budget.minutes is not None and tally.seconds >= budget.minutes * 60:
        return f"--budget-minutes {budget.minutes:g}"
    return None


def unproven(budget: Budget, tally: Tally, *, in_flight: int) -> bool:
    """Say whether a budget has to wait for a first trial, which shows what one costs, before more are begun."""
    spends = budget.cost_usd is not None or budget.tokens is not None
    return spends and not tally.attempts and in_flight >= AT_FIRST
