"""Threads of this process: the place for everything that waits for something else."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from evalharness.executors import Finished, Job, RunTrial
from evalharness.model import Outcome, Record, Trial, TrialKey, Usage

SCAN_SECONDS = 0.2


class _Slot:
    """One worker thread and what it is doing; also the watch that its trial reports to."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.trial: Trial | None = None
        self.began = 0.0
        self.until: float | None = None
        self.abandoned = False

    def begin(self, seconds: float) -> None:
        """Start the clock of an agent."""
        self.until = time.monotonic() + seconds

    def end(self) -> None:
        """Stop the clock."""
        self.until = None

    def overdue(self, now: float) -> bool:
        """Say whether the agent should long be back."""
        return self.until is not None and self.until < now


class ThreadExecutor:
    """Carries trials out in worker threads.

    A thread cannot be killed: when an agent neither returns nor respects its limit, its thread is given up (it ends
    with the process) and another takes its place, so that a run never waits for a hanging agent.
    """

    def open(self, job: Job, *, workers: int) -> None:
        """Open the job once, for all threads."""
        self._stack = ExitStack()
        self._run_trial: RunTrial = self._stack.enter_context(job.open(workers=workers))
        self._inbox: SimpleQueue[Trial | None] = SimpleQueue()
        self._outbox: SimpleQueue[Finished | BaseException] = SimpleQueue()
        self._queued: dict[TrialKey, Trial] = {}
        self._scanned = time.monotonic()
        self._slots: dict[_Slot, Thread] = {}
        self.given_up = 0  # threads that did not come back
        for _ in range(workers):
            self._start()

    def _start(self) -> None:
        slot = _Slot()
        thread = Thread(target=self._work, args=(slot,), daemon=True, name="evalh-trial")
        self._slots[slot] = thread
        thread.start()

    def _work(self, slot: _Slot) -> None:
        """Carry out one trial after the other until there is nothing more to do."""
        while (trial := self._inbox.get()) is not None:
            if self._queued.pop(trial.key, None) is None:
                continue  # cancelled
            slot.trial, slot.began = trial, time.monotonic()
            try:
                finished: Finished | BaseException = self._run_trial(trial, slot)
            except BaseException as exc:  # noqa: BLE001 - a bug of ours, raised where the run is led
                finished = exc
            with slot.lock:
                if slot.abandoned:
                    return
                slot.trial = None
            self._outbox.put(finished)

    def submit(self, trial: Trial) -> None:
        """Queue a trial."""
        self._queued[trial.key] = trial
        self._inbox.put(trial)

    def next(self, timeout: float) -> Finished | None:
        """Wait for a trial to finish, looking for overdue ones meanwhile."""
        deadline = time.monotonic() + timeout
        while True:
            self._scan()
            try:
                wait = min(deadline - time.monotonic(), SCAN_SECONDS)
                finished = self._outbox.get(timeout=wait) if wait > 0 else self._outbox.get_nowait()
            except Empty:
                if time.monotonic() >= deadline:
                    return None
                continue
            if isinstance(finished, BaseException):
                raise finished
            return finished

    def _scan(self) -> None:
        now = time.monotonic()
        if now - self._scanned < SCAN_SECONDS:
            return
        self._scanned = now
        for slot in [slot for slot in self._slots if slot.overdue(now)]:
            with slot.lock:
                if slot.trial is None or not slot.overdue(now):
                    continue
                slot.abandoned = True
            del self._slots[slot]
            self.given_up += 1
            self._start()
            self._outbox.put(_overdue(slot.trial, slot.began))

    def cancel(self, key: TrialKey) -> bool:
        """Drop a trial that no thread has taken yet."""
        return self._queued.pop(key, None) is not None

    def close(self, *, abandon: bool = False) -> None:
        """End the threads, then the job."""
        for _ in self._slots:
            self._inbox.put(None)
        if not abandon:
            for thread in self._slots.values():
                thread.join()
        self._stack.close()


def _overdue(trial: Trial, began: float) -> Finished:
    limit = trial.task.limits.seconds
    record = Record(
        task_id=trial.task.id,
        trial=trial.number,
        attempt=trial.attempt,
        outcome=Outcome.FAIL,
        score=0.0,
        cause="limit:seconds",
        detail=f"no answer within {limit:g} s; its thread was given up",
        usage=Usage(seconds=limit, working_seconds=limit),
        seed=trial.seed,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
    return Finished(trial=trial, record=record, began=began)
