"""The breaker: when attempts keep failing for one cause, stop, probe, and spend nothing until it is over."""

from collections import Counter, deque

WINDOW = 10
THRESHOLD = 8
FIRST_PROBE_SECONDS = 1.0
LONGEST_PROBE_SECONDS = 60.0


class Breaker:
    """Opens when 8 of the last 10 attempts fail for one cause, and closes with the first probe that does not."""

    def __init__(self) -> None:
        self._recent: deque[str | None] = deque(maxlen=WINDOW)
        self._delay = FIRST_PROBE_SECONDS
        self.cause: str | None = None
        self.since = 0.0
        self.probe_at = 0.0

    def note(self, cause: str | None, *, now: float) -> None:
        """Take in how an attempt ended; None is an attempt that measured something."""
        if cause is None and self.cause is not None:
            self.cause = None
            self._recent.clear()
            return
        self._recent.append(cause)
        if cause is None or self.cause is not None:
            return
        if Counter(self._recent)[cause] >= THRESHOLD:
            self.cause, self.since = cause, now
            self._delay = FIRST_PROBE_SECONDS
            self.probe_at = now + self._delay

    def swallows(self, cause: str | None) -> bool:
        """Say whether an error belongs to the outage, and so spends no attempt."""
        return self.cause is not None and cause == self.cause

    def probed(self, *, now: float, retry_after: float | None = None) -> None:
        """Take in that a probe failed like the others; the next one waits longer."""
        if now < self.probe_at:
            return  # it was on its way before the breaker opened
        self._delay = min(self._delay * 2, LONGEST_PROBE_SECONDS)
        self.probe_at = now + max(self._delay, retry_after or 0.0)
