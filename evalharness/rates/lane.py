"""A lane to one provider: calls wait here until there is room, the oldest first."""

import heapq
import threading
import time
from enum import StrEnum
from itertools import count

from msgspec import Struct

from evalharness.rates.throttle import Throttle
from evalharness.running import underway

PATIENCE_SECONDS = 300.0
_AGES = 60.0  # a waiting call is woken when there is room; this is only in case
_CATCH_UP = 0.1  # seconds of lateness that are made good


class Ceiling(Struct, frozen=True, kw_only=True):
    """What a user allows at most, whatever the provider takes; `patience_seconds` bounds what one call waits for it."""

    max_concurrency: int | None = None
    requests_per_minute: float | None = None
    patience_seconds: float = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        for name, least in (("max_concurrency", 1), ("requests_per_minute", 0.01), ("patience_seconds", 0)):
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise ValueError(f"{name}: {value:g} is less than {least:g}")


class Answer(StrEnum):
    """What a call says about the provider."""

    GOOD = "good"  # it was heard, whatever came of it
    REJECTED = "rejected"  # too early
    FAILED = "failed"  # lost to a fault of the provider or the way there
    NOTHING = "nothing"


class Ticket:
    """A call's place: it keeps it while it waits to ask again, so that the oldest call goes first."""

    def __init__(self, number: int, ceiling: Ceiling) -> None:
        self.number = number
        self.ceiling = ceiling
        self.woken = threading.Event()
        self.paced = False  # whether the rate makes it wait
        self.begun = 0.0

    def __lt__(self, other: "Ticket") -> bool:
        return self.number < other.number


class Lane:
    """Lets as many calls through at once as the provider takes; used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._throttle = Throttle()
        self._queue: list[Ticket] = []
        self._numbers = count()
        self._under_way = 0
        self._last = self._next = float("-inf")
        self._held = 0

    @property
    def held_back(self) -> int:
        """Count the calls that the provider makes wait."""
        return self._held + (len(self._queue) if self._throttle.narrowed else 0)

    def ticket(self, ceiling: Ceiling) -> Ticket:
        """Take the next place."""
        return Ticket(next(self._numbers), ceiling)

    def enter(self, ticket: Ticket) -> None:
        """Wait for room; what is waited is no working time of a trial."""
        with self._lock:
            heapq.heappush(self._queue, ticket)
            pause = self._admit(ticket)
        if pause is None:
            return
        try:
            with underway.waiting():
                self._wait(ticket, pause)
        except BaseException:
            self._give_up(ticket)
            raise

    def _wait(self, ticket: Ticket, first: float) -> None:
        pause: float | None = first
        while pause is not None:
            ticket.woken.wait(pause)
            ticket.woken.clear()
            with self._lock:
                pause = self._admit(ticket)

    def _admit(self, ticket: Ticket) -> float | None:
        """Let the oldest call through if there is room; else say when to look again."""
        ceiling, throttle = ticket.ceiling, self._throttle
        room = min(throttle.room, ceiling.max_concurrency or throttle.room)
        if self._queue[0] is not ticket or self._under_way >= room:
            return _AGES
        now = time.monotonic()
        gap = 60.0 / ceiling.requests_per_minute if ceiling.requests_per_minute else 0.0
        if now < self._next or now < self._last + gap:
            ticket.paced = ticket.paced or now < self._next
            return max(self._next, self._last + gap) - now
        heapq.heappop(self._queue)
        self._under_way += 1
        self._last = now
        ticket.begun = throttle.began(now, waited=ticket.paced)
        self._next = max(self._next, now - _CATCH_UP) + 1 / throttle.rate
        self._wake()
        return None

    def _wake(self) -> None:
        if self._queue:
            self._queue[0].woken.set()

    def _give_up(self, ticket: Ticket) -> None:
        with self._lock:
            if ticket in self._queue:
                self._queue.remove(ticket)
                heapq.heapify(self._queue)
            self._wake()

    def leave(self, ticket: Ticket, answer: Answer) -> None:
        """Make room, and learn from the answer."""
        with self._lock:
            self._learn(ticket, answer)
            self._under_way -= 1
            self._wake()

    def hold(self, ticket: Ticket, pause: float) -> None:
        """Wait after a rejection, then for a turn to ask again; calls that came later go after it."""
        self.leave(ticket, Answer.REJECTED)
        ticket.paced = False
        with self._lock:
            self._held += 1
        try:
            with underway.waiting():
                time.sleep(pause)
        finally:
            with self._lock:
                self._held -= 1
        self.enter(ticket)

    def _learn(self, ticket: Ticket, answer: Answer) -> None:
        if answer is Answer.GOOD:
            self._throttle.answered(full=self._under_way >= self._throttle.room)
        elif answer is Answer.REJECTED:
            self._throttle.rejected(ticket.begun)
        elif answer is Answer.FAILED:
            self._throttle.failed()
