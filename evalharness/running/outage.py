"""Which failed attempts count, and which are swallowed by an outage.

All times are of the clock that nobody sets (`time.monotonic`) of the process that leads the run.
"""

import math

from msgspec import Struct

from evalharness.executors import Finished
from evalharness.model import Outcome, Record, TrialKey
from evalharness.running.breaker import Breaker

SUSPENDED_SECONDS = 5.0
RESOLUTION = 0.001  # seconds, of the durations in records


class Taken(Struct, frozen=True, kw_only=True):
    """What became of a trial that came back: attempts that count, and those that spent none: their trials are owed."""

    kept: tuple[Finished, ...] = ()
    owed: tuple[Finished, ...] = ()


class Outages:
    """Decides whether an attempt that failed was one, or an outage's doing.

    A failed attempt is in suspense until a trial is measured that went to work after the failure: then it failed on its
    own, and counts. If the breaker opens first, the outage swallowed the attempts in suspense, and none is spent.
    """

    def __init__(self) -> None:
        self.breaker = Breaker()
        self._suspended: list[_Suspended] = []
        self._over = -math.inf
        self._spared: set[TrialKey] = set()  # by an outage that is over

    def take(self, finished: Finished, *, now: float) -> Taken:
        """Take in how a trial came back."""
        record, trial, breaker = finished.record, finished.trial, self.breaker
        if record is None:
            return Taken(owed=(finished,))
        began = _went_to_work(finished, record)
        if record.outcome is not Outcome.ERROR:
            return Taken(kept=self._measured(finished, began=began, now=now))
        cause = record.cause or "unknown"
        if breaker.swallows(cause):
            breaker.probed(cause, now=now, retry_after=finished.retry_after)
            return Taken(owed=(finished,))
        if began < self._over and trial.key not in self._spared:
            self._spared.add(trial.key)  # once: it comes back from after the outage
            return Taken(owed=(finished,))
        breaker.note(cause, trial=trial.key, now=now)
        ended = _ended(finished, record)
        self._suspended.append(_Suspended(failed=ended, until=now + SUSPENDED_SECONDS, finished=finished))
        if breaker.cause is None:
            return Taken()
        return Taken(owed=tuple(each.finished for each in self._suspended))

    def _measured(self, finished: Finished, *, began: float, now: float) -> tuple[Finished, ...]:
        later = [each for each in self._suspended if each.failed > began + RESOLUTION]
        if self.breaker.cause is None:
            cleared = self._leaving(later)
        elif later:
            return (finished,)  # it was at work before the outage, and says nothing about its end
        else:
            self._suspended, cleared, self._over, self._spared = [], (), began, set()
        self.breaker.note(None, trial=finished.trial.key, now=now)
        return (*cleared, finished)

    def settled(self, *, now: float, idle: bool) -> tuple[Finished, ...]:
        """Return the attempts that have been in suspense for long enough; all, when nothing is left to wait for."""
        if self.breaker.cause is not None:
            return ()
        return self._leaving([] if idle else [each for each in self._suspended if now < each.until])

    def _leaving(self, rest: list["_Suspended"]) -> tuple[Finished, ...]:
        gone = tuple(each.finished for each in self._suspended if each not in rest)
        self._suspended = rest
        return gone

    def evidence(self) -> tuple[Finished, ...]:
        """Return what an outage that did not end has swallowed first: whoever reads the run should see it."""
        return tuple(each.finished for each in self._suspended) if self.breaker.cause is not None else ()


def _went_to_work(finished: Finished, record: Record) -> float:
    """Say when the agent of an attempt began to be at work without being held back."""
    usage = record.usage
    if finished.began is None:
        return math.inf if record.outcome is not Outcome.ERROR else -math.inf
    return finished.began + (usage.seconds or 0.0) - (usage.working_seconds or 0.0)


def _ended(finished: Finished, record: Record) -> float:
    return -math.inf if finished.began is None else finished.began + (record.usage.seconds or 0.0)


class _Suspended(Struct, frozen=True, kw_only=True, eq=False):
    """A failed attempt: when it failed, and until when it is not counted."""

    failed: float
    until: float
    finished: Finished
