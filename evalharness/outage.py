"""Which failed attempts count, and which are swallowed by an outage."""

from msgspec import Struct

from evalharness.breaker import Breaker
from evalharness.executors import Finished
from evalharness.model import Outcome, Trial

SUSPENDED_SECONDS = 5.0


class Taken(Struct, frozen=True, kw_only=True):
    """What became of a trial that came back: attempts that count, and trials that are owed as before."""

    kept: tuple[Finished, ...] = ()
    owed: tuple[Trial, ...] = ()


class Outages:
    """Decides whether an attempt that failed was one, or an outage's doing.

    A failed attempt is in suspense until a trial that began no earlier is measured: then it failed on its own, and
    counts. If the breaker opens first, the attempts in suspense were swallowed by the outage, and none is spent.
    """

    def __init__(self) -> None:
        self.breaker = Breaker()
        self._suspended: list[tuple[float, Finished]] = []
        self._since = ""

    def take(self, finished: Finished, *, now: float) -> Taken:
        """Take in how a trial came back."""
        record, trial, breaker = finished.record, finished.trial, self.breaker
        if record is None:
            return Taken(owed=(trial,))
        if record.outcome is not Outcome.ERROR:
            return Taken(kept=self._measured(finished, began=record.started_at or "", now=now))
        cause = record.cause or "unknown"
        if breaker.swallows(cause):
            breaker.probed(cause, now=now, retry_after=finished.retry_after)
            return Taken(owed=(trial,))
        breaker.note(cause, trial=trial.key, now=now)
        self._suspended.append((now, finished))
        if breaker.cause is None:
            return Taken()
        self._since = max(_began(each) for _, each in self._suspended)
        return Taken(owed=tuple(each.trial for _, each in self._suspended))

    def _measured(self, finished: Finished, *, began: str, now: float) -> tuple[Finished, ...]:
        if self.breaker.cause is not None and began and began < self._since:
            return (finished,)  # it was under way before the outage, and says nothing about its end
        over = self.breaker.cause is not None
        self.breaker.note(None, trial=finished.trial.key, now=now)
        before = self._suspended
        self._suspended = [] if over else [each for each in before if began and _began(each[1]) > began]
        cleared = [] if over else [each for each in before if each not in self._suspended]
        return (*(each for _, each in cleared), finished)

    def settled(self, *, now: float, idle: bool) -> tuple[Finished, ...]:
        """Return the attempts that have been in suspense for long enough; all, when nothing is left to wait for."""
        if self.breaker.cause is not None:
            return ()
        due = [each for each in self._suspended if idle or now - each[0] >= SUSPENDED_SECONDS]
        self._suspended = [each for each in self._suspended if each not in due]
        return tuple(each for _, each in due)

    def evidence(self) -> tuple[Finished, ...]:
        """Return what an outage that did not end has swallowed first: whoever reads the run should see it."""
        return tuple(each for _, each in self._suspended) if self.breaker.cause is not None else ()


def _began(finished: Finished) -> str:
    return (finished.record.started_at if finished.record else None) or ""
