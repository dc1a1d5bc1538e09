"""Run what is owed: submit, keep what comes back, retry errors by cause, stop cleanly.

Retrying, resuming and adding trials are the same act: run whatever is still owed.
"""

import heapq
import random
import time
from collections.abc import Callable, Collection, Sequence
from itertools import chain, count

import msgspec

from evalharness import rates
from evalharness.errors import BreakerOpen
from evalharness.executors import Batching, Executor, Finished, Job
from evalharness.model import Outcome, Trial, TrialKey
from evalharness.running.attribution import retryable
from evalharness.running.backlog import Backlog
from evalharness.running.budget import Tally, exhausted, unproven
from evalharness.running.losses import Losses
from evalharness.running.outage import Outages
from evalharness.running.pace import THREADS, Pace, Stop
from evalharness.store import RunWriter
from evalharness.text import one_line

__all__ = ["THREADS", "Listener", "Pace", "RunResult", "Stop", "run"]

TICK_SECONDS = 0.25
AHEAD = 2  # trials in flight per worker, so that no worker waits for the next one
LONGEST_BACKOFF_SECONDS = 60.0
SAID = 160  # characters of why

Listener = Callable[[Tally], None]


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: `stopped` says why before its time, `owed` what is left to do."""

    tally: Tally
    stopped: str | None
    owed: tuple[TrialKey, ...]


def run(  # noqa: PLR0913 - the run's parts, each given once
    trials: Collection[Trial],
    *,
    job: Job,
    executor: Executor,
    writer: RunWriter,
    pace: Pace,
    stop: Stop | None = None,
    listener: Listener = lambda _: None,
) -> RunResult:
    """Carry out the trials and keep every record.

    A trial that errors is tried again, by cause, up to `pace.attempts` times in this call; then it is missing. Raises
    BreakerOpen when an outage outlasts `pace.patience_seconds`.
    """
    running = _Running(trials, executor, writer, pace, stop or Stop(), listener)
    executor.open(job, workers=pace.workers)
    abandon = True
    try:
        running.to_the_end()
        abandon = running.in_flight > 0
    finally:
        executor.close(abandon=abandon)
    return running.result()


class _Running:
    """The state of a run while it goes on."""

    def __init__(
        self,
        trials: Collection[Trial],
        executor: Executor,
        writer: RunWriter,
        pace: Pace,
        stop: Stop,
        listener: Listener,
    ) -> None:
        self._executor, self._writer, self._pace = executor, writer, pace
        self._stop, self._listener = stop, listener
        self._stopped: str | None = None
        self._backlog = Backlog(trials)
        self._delayed: list[tuple[float, int, Trial]] = []
        self._in_flight: dict[TrialKey, Trial] = {}
        self._last_attempt: dict[TrialKey, int] = {}
        self._order = count()
        self._jitter = random.Random(0)  # noqa: S311 - spreads retries; decides nothing
        self._outages, self._losses = Outages(), Losses()
        self._breaker = self._outages.breaker
        self._outage: str | None = None
        self._said = ""
        self._tally = Tally(owed=len(trials))
        self._room = pace.workers * AHEAD

    @property
    def in_flight(self) -> int:
        """Count the trials that were submitted and have not come back."""
        return len(self._in_flight)

    def to_the_end(self) -> None:
        """Run until nothing is left to do, or something says stop."""
        if isinstance(self._executor, Batching):
            self._room = self._executor.in_hand()
        while self._goes_on():
            self._submit()
            self._take(self._finished(self._patience()))
            if self._breaker.cause is None:
                self._tally.outage = ""
            self._writer.sync()
            self._listener(self._tally)
        self._take(self._finished(0.0), last=True)
        self._keep(self._outages.evidence())
        if self._outage:
            left = self._tally.owed - self._tally.measured
            said = f" ({self._said})" if self._said else ""
            raise BreakerOpen(f"attempts keep failing with {self._outage}{said}: stopped with {left} trials owed")

    def result(self) -> RunResult:
        """Say how it ended."""
        return RunResult(tally=self._tally, stopped=self._stopped, owed=tuple(self._left()))

    def _left(self) -> list[TrialKey]:
        waiting = (trial for _, _, trial in self._delayed)
        return [*self._in_flight, *(trial.key for trial in chain(self._backlog, waiting))]

    def _goes_on(self) -> bool:
        self._stopped = self._stopped or self._stop.reason
        if self._outage or (self._stopped and self._stop.abandon):
            return False
        if self._stopped is None and (self._backlog or self._delayed):
            self._stopped = exhausted(self._pace.budget, self._tally)
        if self._stopped is None:
            return bool(self._in_flight or self._backlog or self._delayed)
        self._call_back()
        return bool(self._in_flight)

    def _call_back(self) -> None:
        """Take back what has been submitted and not started."""
        for key in [key for key in self._in_flight if self._executor.cancel(key)]:
            self._backlog.add(self._in_flight.pop(key))

    def _submit(self) -> None:
        """Keep every worker busy, or during an outage send one probe at a time."""
        if self._stopped is not None:
            return
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            self._backlog.add(heapq.heappop(self._delayed)[2])
        if self._breaker.cause is not None:
            self._probe(now)
            return
        self._tally.waiting = rates.waiting()
        if self._in_flight and exhausted(self._pace.budget, self._tally, in_flight=len(self._in_flight) - 1):
            self._call_back()  # a trial has turned out to be dearer than those before it
        while self._backlog and len(self._in_flight) < self._room and self._affordable():
            self._start(self._backlog.pop())

    def _affordable(self) -> bool:
        if unproven(self._pace.budget, self._tally, in_flight=len(self._in_flight)):
            return False
        return exhausted(self._pace.budget, self._tally, in_flight=len(self._in_flight)) is None

    def _start(self, trial: Trial) -> None:
        self._in_flight[trial.key] = trial
        self._executor.submit(trial)

    def _probe(self, now: float) -> None:
        cause, pace = self._breaker.cause or "", self._pace
        if not retryable(cause) or now - self._breaker.since > pace.patience_seconds:
            self._outage = cause
            return
        self._call_back()
        self._tally.outage = f"{cause} ({self._said})" if self._said else cause
        if now >= self._breaker.probe_at and not self._in_flight:
            if not self._backlog:
                self._backlog.add(heapq.heappop(self._delayed)[2])
            self._start(self._backlog.probe())

    def _patience(self) -> float:
        """Say how long there is nothing to do but wait for trials to finish."""
        now = time.monotonic()
        due = [self._delayed[0][0]] if self._delayed else []
        if self._breaker.cause is not None:
            due = [self._breaker.probe_at]
        return min([TICK_SECONDS, *(max(0.0, each - now) for each in due if each > now)])

    def _finished(self, timeout: float) -> list[Finished]:
        """Wait for a trial to finish, and take everything else that has."""
        batch = []
        while (finished := self._executor.next(timeout)) is not None:
            batch.append(finished)
            timeout = 0.0
        return batch

    def _take(self, batch: list[Finished], *, last: bool = False) -> None:
        """Keep what was measured or attempted, and queue again what is owed again."""
        kept = [each for finished in batch for each in self._counted(finished)]
        idle = last or (not self._in_flight and (self._stopped is not None or not self._backlog))
        kept += self._outages.settled(now=time.monotonic(), idle=idle)
        self._keep(kept)
        for finished in kept:
            self._retry(finished)

    def _keep(self, finished: Sequence[Finished]) -> None:
        told = [self._losses.told(each) for each in finished]
        for record in self._writer.append(told) if told else ():
            self._tally.add(record)

    def _counted(self, finished: Finished) -> tuple[Finished, ...]:
        """Return the attempts that are known to count now; trials that spent none are owed as before."""
        record = finished.record
        self._in_flight.pop(finished.trial.key)
        if record is not None and record.outcome is Outcome.ERROR:
            self._said = one_line(record.detail, longest=SAID)
        taken = self._outages.take(finished, now=time.monotonic())
        for each in taken.owed:
            self._owe(each)
        return taken.kept

    def _owe(self, finished: Finished) -> None:
        """Queue a trial again that has spent no attempt; what it has used is booked all the same."""
        self._backlog.add(finished.trial)
        self._losses.add(finished)
        if finished.record is not None or finished.began is not None:
            self._tally.lose(finished.record)

    def _retry(self, finished: Finished) -> None:
        record, trial = finished.record, finished.trial
        if record is None or record.outcome is not Outcome.ERROR:
            return
        last = self._last_attempt.setdefault(trial.key, trial.attempt + self._pace.attempts - 1)
        if trial.attempt >= last or not retryable(record.cause or ""):
            self._tally.missing += 1
            return
        spent = trial.attempt - (last - self._pace.attempts)
        backoff = min(self._pace.backoff_seconds * 2 ** (spent - 1), LONGEST_BACKOFF_SECONDS)
        asked = min(finished.retry_after or 0.0, self._pace.patience_seconds)
        delay = max(backoff * self._jitter.uniform(0.5, 1.5), asked)
        again = msgspec.structs.replace(trial, attempt=trial.attempt + 1)
        heapq.heappush(self._delayed, (time.monotonic() + delay, next(self._order), again))
