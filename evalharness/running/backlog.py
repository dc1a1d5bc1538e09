"""What a run is still to start, in which order."""

from collections import deque
from collections.abc import Iterable, Iterator

from evalharness.model import Trial


class Backlog:
    """What is still to be started: trials that came back first, then those that were never tried."""

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._fresh = iter(trials)
        self._next = next(self._fresh, None)
        self._again: deque[Trial] = deque()

    def __bool__(self) -> bool:
        return bool(self._again) or self._next is not None

    def __iter__(self) -> Iterator[Trial]:
        yield from self._again
        while self._next is not None:
            yield self._fresh_one(self._next)

    def add(self, trial: Trial) -> None:
        """Take a trial back."""
        self._again.append(trial)

    def pop(self) -> Trial:
        """Give the next trial."""
        return self._again.popleft() if self._again or self._next is None else self._fresh_one(self._next)

    def probe(self) -> Trial:
        """Give a trial that was not tried yet where there is one, so that no single trial decides about an outage."""
        return self.pop() if self._next is None else self._fresh_one(self._next)

    def _fresh_one(self, trial: Trial) -> Trial:
        self._next = next(self._fresh, None)
        return trial
