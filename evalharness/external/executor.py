"""Trials put together in calls: as many as one call of the command can carry out."""

from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread

from evalharness.executors import Finished, Job
from evalharness.external.call import LAST_WORDS
from evalharness.external.job import ExternalJob, carried_out
from evalharness.model import Trial, TrialKey

LONGEST_IDS = 60_000  # characters: an argument of a command may hold about twice as many
TO_READ = 10.0  # seconds to read what calls left that were told to stop


class ExternalExecutor:
    """Carries trials out in calls of a team's command, each in a thread that waits for it.

    A call takes every task once, or as often as is owed where the command has `{trials}`. What a call left out or could
    not finish is asked for again by itself.
    """

    def open(self, job: Job, *, workers: int) -> None:
        """Make ready for calls."""
        if not isinstance(job, ExternalJob):
            raise TypeError("an external executor carries out external jobs")
        self._job, self._workers = job, workers
        self._slots = job.calls_at_once or workers
        self._queue: dict[TrialKey, Trial] = {}
        self._alone: set[TrialKey] = set()
        self._stop = Event()
        self._calls: set[Thread] = set()
        self._outbox: SimpleQueue[Finished | BaseException] = SimpleQueue()

    def in_hand(self) -> int:
        """Say how many trials fill the calls that go on side by side."""
        return self._job.batch * self._slots

    def submit(self, trial: Trial) -> None:
        """Queue a trial."""
        self._queue[trial.key] = trial

    def next(self, timeout: float) -> Finished | None:
        """Wait for a trial to finish; calls begin when everything that is finished has been taken."""
        if self._outbox.empty():
            self._begin()
        try:
            finished = self._outbox.get(timeout=timeout) if timeout > 0 else self._outbox.get_nowait()
        except Empty:
            return None
        if isinstance(finished, BaseException):
            raise finished
        if finished.record is None:
            self._alone.add(finished.trial.key)
        return finished

    def cancel(self, key: TrialKey) -> bool:
        """Drop a trial that has not started."""
        return self._queue.pop(key, None) is not None

    def close(self, *, abandon: bool = False) -> None:
        """Let calls end, or end them; their processes never outlive this."""
        if abandon:
            self._stop.set()
        for thread in self._calls:
            thread.join(LAST_WORDS + TO_READ if abandon else None)

    def _begin(self) -> None:
        self._calls = {thread for thread in self._calls if thread.is_alive()}
        while self._queue and len(self._calls) < self._slots:
            trials = self._together()
            for trial in trials:
                del self._queue[trial.key]
            thread = Thread(target=self._work, args=(trials,), daemon=True, name="evalh-call")
            self._calls.add(thread)
            thread.start()

    def _together(self) -> list[Trial]:
        """Choose what goes into the next call: every task as often as the first of them is owed."""
        first = next(iter(self._queue.values()))
        if first.key in self._alone:
            return [first]
        by_task: dict[str, list[Trial]] = {}
        for key, trial in self._queue.items():
            if key not in self._alone:
                by_task.setdefault(key.task_id, []).append(trial)
        number = min(len(by_task[first.task.id]), self._job.batch) if self._job.repeats else 1
        room, chosen, length = self._job.batch, list[Trial](), 0
        for task_id, trials in by_task.items():
            length += len(task_id) + 1
            if (length > LONGEST_IDS and self._job.chooses) or len(chosen) + number > room:
                break
            if len(trials) >= number:
                chosen.extend(trials[:number])
        return chosen or [first]

    def _work(self, trials: Sequence[Trial]) -> None:
        """Make one call in this thread."""
        try:
            for finished in carried_out(self._job, trials, workers=self._workers, stop=self._stop):
                self._outbox.put(finished)
        except BaseException as exc:  # noqa: BLE001 - a bug of ours, raised where the run is led
            self._outbox.put(exc)
