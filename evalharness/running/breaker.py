"""The breaker: when attempts keep failing for one cause, stop, probe, and spend nothing until it is over."""

from collections import Counter, deque
from collections.abc import Hashable

WINDOW = 10
THRESHOLD = 8
FIRST_PROBE_SECONDS = 1.0
LONGEST_PROBE_SECONDS = 5.0  # one call in five seconds hurts nobody, and a run goes on soon after the outage


class Breaker:
    """Opens when 8 of the last 10 attempts fail for one cause, and closes with the first probe that does not.

    A trial that fails again although others were measured since it first did says nothing about an outage: it is left
    out, so that a few inputs that a provider never takes cannot stop a run.
    """

    def __init__(self) -> None:
        self._recent: deque[str | None] = deque(maxlen=WINDOW)
        self._delay = FIRST_PROBE_SECONDS
        self._measured = 0
        self._first_failed: dict[Hashable, int] = {}
        self.cause: str | None = None
        self.since = 0.0
        self.probe_at = 0.0

    def note(self, cause: str | None, *, trial: Hashable, now: float) -> None:
        """Take in how an attempt at a trial ended; None is an attempt that measured something."""
        if cause is None:
            self._measured += 1
            self._first_failed.pop(trial, None)
            if self.cause is not None:
                self.cause = None
                self._recent.clear()
            else:
                self._recent.append(None)
            return
        if self._first_failed.setdefault(trial, self._measured) != self._measured:
            return
        self._recent.append(cause)
        if Counter(self._recent)[cause] >= THRESHOLD:
            self.cause, self.since = cause, now
            self._delay = FIRST_PROBE_SECONDS
            self.probe_at = now + self._delay

    def swallows(self, cause: str | None) -> bool:
        """Say whether an error belongs to the outage, and so spends no attempt; an outage may change its face."""
        return self.cause is not None and cause is not None

    def probed(self, cause: str, *, now: float, retry_after: float | None = None) -> None:
        """Take in that a probe failed like the others; the next one waits longer."""
        if now < self.probe_at:
            return  # it was on its way before the breaker opened
        self.cause = cause
        self._delay = min(self._delay * 2, LONGEST_PROBE_SECONDS)
        self.probe_at = now + max(self._delay, retry_after or 0.0)
