"""What the trials of an external run share: one call for several trials, and a record for each of them."""

import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import zstandard
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.executors import Finished, RunTrial, Watch
from evalharness.external.call import Ended, call
from evalharness.external.command import CHOOSING, Asked, filled, placeholders
from evalharness.external.reading import Told, name_in_log, told
from evalharness.model import External, Outcome, Record, Trial, Usage
from evalharness.redact import Redactor
from evalharness.running.judging import Judged, exceeded, with_judgement
from evalharness.running.trial import output_digest
from evalharness.temporary import own_folder
from evalharness.text import as_json

SEED_RANGE = 1 << 31  # what every tool takes
EVERYTHING = 1 << 20
HOST = platform.node()


class ExternalJob(Struct, frozen=True, kw_only=True):
    """A command in the folder of one arm, with that arm's agent in it."""

    external: External
    folder: Path
    options: dict[str, Any]
    whole_seconds: float
    redactor: Redactor = msgspec.field(default_factory=Redactor.from_environment)

    @property
    def repeats(self) -> bool:
        """Whether one call can try a task several times."""
        return "trials" in placeholders(self.external.command)

    @property
    def chooses(self) -> bool:
        """Whether a call can be told which tasks to run; else it always runs them all."""
        return bool(CHOOSING & placeholders(self.external.command))

    @property
    def batch(self) -> int:
        """The most trials to ask for in one call; one that runs everything anyway is asked for all that is owed."""
        return self.external.batch if self.chooses else EVERYTHING

    @property
    def calls_at_once(self) -> int:
        """How many calls may go on side by side; 0 for as many as there are workers."""
        return 1 if "workers" in placeholders(self.external.command) else 0

    @contextmanager
    def open(self, *, workers: int) -> Iterator[RunTrial]:
        """Carry out trials one by one, a call for each."""
        never = threading.Event()

        def run_trial(trial: Trial, watch: Watch) -> Finished:  # noqa: ARG001 - a call keeps its own time
            return carried_out(self, [trial], workers=workers, stop=never)[0]

        yield run_trial


def carried_out(job: ExternalJob, trials: Sequence[Trial], *, workers: int, stop: threading.Event) -> list[Finished]:
    """Make one call for these trials, and a record of each; of a task, all its trials here are one after the other.

    Where a call of several trials was cut short or left some out, those have no record: they are owed, each in a call
    of its own, so that one task cannot spoil another.
    """
    by_task: dict[str, list[Trial]] = {}
    for trial in trials:
        by_task.setdefault(trial.task.id, []).append(trial)
    started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    folder = Path(tempfile.mkdtemp(prefix="external-", dir=own_folder()))
    try:
        (folder / "out").mkdir()
        asked = Asked(
            ids=tuple(by_task),
            trials=max(map(len, by_task.values())),
            out=str(folder / "out"),
            seed=trials[0].seed % SEED_RANGE,
            workers=workers,
        )
        seconds = (
            sum(trial.task.limits.seconds for trial in trials) if job.chooses else job.whole_seconds * asked.trials
        )
        began = time.monotonic()
        done = _Done.of(job, asked, seconds, stop)
        makes = _Records(job, done, asked, (began, started_at))
        alone = len(trials) == 1 or not job.chooses
        return [made for task_id, own in by_task.items() for made in makes.of(task_id, own, alone=alone)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Done(Struct, frozen=True, kw_only=True):
    """A call and what it left; `fault` says why that is nothing that can be read."""

    ended: Ended | None
    told: Mapping[str, list[Told]] = {}
    cause: str = ""
    detail: str = ""

    @classmethod
    def of(cls, job: ExternalJob, asked: Asked, seconds: float, stop: threading.Event) -> "_Done":
        """Make the call, and read what it left."""
        out = Path(asked.out)
        command = filled(job.external.command, asked, job.external, job.options)
        try:
            ended = call(command, folder=job.folder, logs=out.parent, seconds=seconds, stop=stop)
        except (OSError, ValueError) as exc:
            return cls(ended=None, cause="external:start", detail=f"`{command[0]}` cannot be started: {exc}")
        try:
            found = told(out, job.external, job.options)
        except ConfigError as exc:
            detail = f"{exc}: {_last(ended)}\n{ended.tail}".replace(str(out), "{out}")
            return cls(ended=ended, cause="external:unreadable", detail=detail)
        return cls(ended=ended, told=found, cause=_cause(ended, found), detail=_detail(command[0], ended, found))


def _cause(ended: Ended, found: Mapping[str, list[Told]]) -> str:
    if ended.stopped:
        return f"external:{ended.stopped}"
    if found or ended.exit_code == 0:
        return "external:not_reported" if found else "external:no_log"
    return f"external:exit:{ended.exit_code}" if ended.exit_code > 0 else f"external:signal:{-ended.exit_code}"


def _last(ended: Ended) -> str:
    """Give the last line that says anything: some tools end with a frame around it."""
    lines = (line.strip() for line in reversed(ended.tail.splitlines()))
    return next((line for line in lines if any(map(str.isalnum, line))), "")


def _detail(program: str, ended: Ended, found: Mapping[str, list[Told]]) -> str:
    left = f"and told of {len(found)} other tasks" if found else "and left no log in {out}"
    return f"`{program}` ended with exit code {ended.exit_code} {left}: {_last(ended)}\n{ended.tail[-1000:]}"


class _Records:
    """Makes records of what a call left."""

    def __init__(self, job: ExternalJob, done: _Done, asked: Asked, begun: tuple[float, str]) -> None:
        self._job, self._done, self._asked = job, done, asked
        self._began, self._started_at = begun  # by the clock that nobody sets, and by the one on the wall
        self._seeded = "seed" in placeholders(job.external.command)
        self._compressor = zstandard.ZstdCompressor()

    def of(self, task_id: str, trials: Sequence[Trial], *, alone: bool) -> Iterator[Finished]:
        """Give each trial of a task what the tool says of it, in its order."""
        found = self._done.told.get(name_in_log(task_id, self._job.external), [])
        for index, trial in enumerate(trials):
            if index < len(found):
                yield self._measured(trial, found[index])
            else:
                yield self._unmeasured(trial, alone=alone)

    def _measured(self, trial: Trial, told: Told) -> Finished:
        record, transcript = told.record, told.transcript
        judged = Judged(
            outcome=record.outcome,
            grades=record.grades,
            score=record.score,
            cause=record.cause,
            detail=record.detail.replace(self._asked.out, "{out}"),
        )
        if record.outcome is not Outcome.ERROR and (over := exceeded(record.usage, trial.task.limits)):
            judged = msgspec.structs.replace(judged, outcome=Outcome.FAIL, score=0.0, cause=over)
        made = self._record(trial, usage=record.usage, started_at=record.started_at, model=record.model)
        frame = None
        if transcript is not None:
            made = msgspec.structs.replace(made, output_digest=output_digest(transcript.final))
            frame = self._compressor.compress(self._job.redactor.clean_json(as_json(transcript)))
        kept = with_judgement(made, judged, self._job.redactor)
        return Finished(trial=trial, record=kept, frame=frame, began=self._began)

    def _unmeasured(self, trial: Trial, *, alone: bool) -> Finished:
        """Say why the tool told nothing of a trial; one that ran out of its time by itself has failed."""
        stopped = self._done.ended.stopped if self._done.ended else None
        if stopped == "stop" or not alone:
            return Finished(trial=trial, record=None, began=self._began)
        judged = Judged(outcome=Outcome.ERROR, cause=self._done.cause, detail=self._done.detail)
        usage = Usage()
        if stopped == "seconds" and self._job.chooses:
            limit = trial.task.limits.seconds
            said = f"the command did not end within {limit:g} s"
            judged = Judged(outcome=Outcome.FAIL, score=0.0, cause="limit:seconds", detail=said)
            usage = Usage(seconds=limit)
        made = self._record(trial, usage=usage)
        return Finished(trial=trial, record=with_judgement(made, judged, self._job.redactor), began=self._began)

    def _record(self, trial: Trial, *, usage: Usage, started_at: str | None = None, model: str | None = None) -> Record:
        return Record(
            task_id=trial.task.id,
            trial=trial.number,
            attempt=trial.attempt,
            outcome=Outcome.ERROR,
            usage=usage,
            seed=self._asked.seed if self._seeded else None,
            started_at=started_at or self._started_at,
            model=model,
            host=HOST,
        )
