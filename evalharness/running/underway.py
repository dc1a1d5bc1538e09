"""What the calling thread is at: the trial that it carries out, for whoever works on its behalf further down."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from evalharness.executors import Watch
from evalharness.running.response_cache import Memory


class Clock:
    """How long an agent was at work, for `limit` seconds at most.

    Graders and workspace take time of their own; waiting for a provider's limits is no work either.
    """

    def __init__(self, watch: Watch, limit: float) -> None:
        self._watch, self._limit = watch, limit
        self._from = self._to = time.perf_counter()
        self._held = 0.0
        self._running = False

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return self._to - self._from

    @property
    def working_seconds(self) -> float:
        """Return how much of it was work."""
        return self.seconds - self._held

    def start(self) -> None:
        """The agent starts."""
        self._watch.begin(self._limit)
        self._running = True
        self._from = self._to = time.perf_counter()

    def stop(self) -> None:
        """The agent is back."""
        self._to = time.perf_counter()
        self._running = False
        self._watch.end()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stand still for a while."""
        if not self._running:
            yield
            return
        self._watch.end()
        began = time.perf_counter()
        try:
            yield
        finally:
            now = time.perf_counter()
            self._held += now - began
            self._watch.begin(self._limit - (now - self._from - self._held))


class _Thread(threading.local):
    clock: Clock | None = None
    memory: Memory | None = None


_THREAD = _Thread()


@contextmanager
def trial(clock: Clock, memory: Memory | None) -> Iterator[None]:
    """Let the calls of this thread know what they are part of."""
    _THREAD.clock, _THREAD.memory = clock, memory
    try:
        yield
    finally:
        _THREAD.clock = _THREAD.memory = None


@contextmanager
def waiting() -> Iterator[None]:
    """Wait for a provider: the clock of the trial stands still."""
    clock = _THREAD.clock
    if clock is None:
        yield
    else:
        with clock.held():
            yield


def memory() -> Memory | None:
    """Return the answers that may be used again in this trial; None where every call is to be made."""
    return _THREAD.memory
