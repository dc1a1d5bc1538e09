"""One trial, from a fresh workspace to its grades: whatever agent and graders do ends as a record."""

import hashlib
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import zstandard

from evalharness.agents import Agent, OpenableAgent, SelfTimed, opened
from evalharness.errors import AgentFault, Displaced
from evalharness.executors import Finished, RunTrial, Watch
from evalharness.graders import Grader
from evalharness.model import (
    Extension,
    GraderUse,
    Outcome,
    Record,
    Suite,
    Task,
    Transcript,
    Trial,
    UnmeasuredRules,
    Usage,
)
from evalharness.redact import Redactor
from evalharness.registry import build
from evalharness.running import underway
from evalharness.running.judging import (
    Judged,
    build_grader,
    graded,
    harness_fault,
    prepare,
    preparing,
    with_judgement,
    without_answer,
)
from evalharness.running.response_cache import Memory, ResponseCache
from evalharness.running.underway import Clock
from evalharness.text import as_json, decoder
from evalharness.workspaces import Prepared, Workspace, Workspaces, of_task

GRACE_SECONDS = 1.0  # agents end their own trials at the limit; this long after it, a thread is given up
HOST = platform.node()
MOST_ARTIFACTS = 256 << 20  # bytes of one trial
LEFT_OUT = "artifacts-left-out.txt"


class TrialJob(msgspec.Struct, frozen=True, kw_only=True):
    """What the trials of a run share; an executor opens it wherever it carries trials out."""

    agent: Agent | OpenableAgent
    workspace: Extension
    artifacts: tuple[str, ...] = ()
    unmeasured: UnmeasuredRules = msgspec.field(default_factory=UnmeasuredRules)
    redactor: Redactor = msgspec.field(default_factory=Redactor.from_environment)
    cache: Path | None = None
    prepares: tuple[GraderUse, ...] = ()

    @classmethod
    def of(
        cls, suite: Suite, agent: Agent | OpenableAgent, unmeasured: UnmeasuredRules, *, cache: Path | None = None
    ) -> "TrialJob":
        """Put together what a suite's trials need; `cache` is the folder of answers that may be used again."""
        return cls(
            agent=agent,
            workspace=suite.workspace,
            artifacts=suite.artifacts,
            unmeasured=unmeasured,
            cache=cache,
            prepares=preparing(suite.tasks),
        )

    @property
    def folders(self) -> tuple[str, ...]:
        """Name the folders that agent and workspace start from."""
        found = getattr(self.agent, "folder", None), self.workspace.options.get("folder")
        return tuple(os.path.abspath(each) for each in found if isinstance(each, str))  # noqa: PTH100 - links stay

    @contextmanager
    def open(self, *, workers: int) -> Iterator[RunTrial]:
        """Open the agent, and carry trials out with it; the secrets of the machine they run on are kept as well."""
        prepare(self.prepares)
        job = msgspec.structs.replace(self, redactor=self.redactor.joined(Redactor.from_environment()))
        with opened(self.agent, workers=workers) as agent:
            yield TrialRunner(job, agent)


class TrialRunner:
    """Carries out trials with an open agent; called from several threads."""

    def __init__(self, job: TrialJob, agent: Agent) -> None:
        self._job = job
        self._agent = agent
        self._grace = agent.grace_seconds if isinstance(agent, SelfTimed) else GRACE_SECONDS
        self._workspaces: Workspaces = build("workspace", job.workspace)
        if isinstance(self._workspaces, Prepared):
            self._workspaces.prepare()
        self._graders: dict[bytes, tuple[Grader, ...]] = {}
        self._local = threading.local()

    def __call__(self, trial: Trial, watch: Watch) -> Finished:
        """Carry out one trial in the calling thread."""
        began, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds")
        clock = Clock(watch, trial.task.limits.seconds + self._grace)
        memory = Memory(ResponseCache(self._job.cache), trial, self._job.redactor) if self._job.cache else None
        artifacts, content = {}, None
        try:
            with of_task(self._workspaces, trial.task).fresh() as workspace, underway.trial(clock, memory):
                judged, content = self._judged(trial, workspace, clock)
                artifacts = self._artifacts(workspace)
            frame = content and self._frame(content)
        except Displaced as exc:
            return Finished(trial=trial, record=None, began=began if exc.begun else None)
        except Exception as exc:  # noqa: BLE001 - a workspace that fails measured nothing
            judged, frame = harness_fault(exc), None
        record = with_judgement(_measured(trial, judged, started_at, clock), judged, self._job.redactor)
        if memory and record.outcome is not Outcome.ERROR:
            memory.keep()
        pause = judged.retry_after
        return Finished(trial=trial, record=record, frame=frame, artifacts=artifacts, retry_after=pause, began=began)

    def _judged(self, trial: Trial, workspace: Workspace, clock: Clock) -> tuple[Judged, bytes | None]:
        """Have the task done and judged; return what came of it, and the transcript as JSON."""
        task = trial.task
        for path, source in task.files.items():
            workspace.upload(Path(source), path)
        clock.start()
        try:
            answer = self._agent.run(task, workspace, seed=trial.seed)
        except Displaced:
            raise
        except BaseException as exc:  # noqa: BLE001 - SystemExit too is the agent's doing
            judged = without_answer(exc, self._job.unmeasured)
            return judged, as_json(Transcript(final="", logs=judged.logs)) if judged.logs else None
        finally:
            clock.stop()
        try:
            content = as_json(answer)
            transcript = decoder(Transcript).decode(content)
        except Exception as exc:  # noqa: BLE001 - whatever makes an answer unwritable, the agent put it there
            return without_answer(AgentFault("answer:type", f"{type(exc).__name__}: {exc}"), UnmeasuredRules()), None
        return graded(task, transcript, workspace, self._graders_of(task)), content

    def _graders_of(self, task: Task) -> tuple[Grader, ...]:
        key = msgspec.json.encode(task.graders)
        if key not in self._graders:
            self._graders[key] = tuple(build_grader(use) for use in task.graders)
        return self._graders[key]

    def _artifacts(self, workspace: Workspace) -> dict[str, bytes]:
        """Take what the suite keeps; what cannot be taken is the agent's doing, and named in a file beside the rest."""
        redactor, kept, reasons, room = self._job.redactor, {}, [], MOST_ARTIFACTS
        for name in dict.fromkeys(each for pattern in self._job.artifacts for each in workspace.find(pattern)):
            try:
                content = workspace.read(name)
            except (OSError, ValueError) as exc:
                reasons.append(f"{name!a}: {exc}")
                continue
            if len(content) > room:
                reasons.append(f"{name!a}: {len(content)} bytes, beyond the {MOST_ARTIFACTS} that a trial may leave")
                continue
            room -= len(content)
            kept[redactor.clean_text(name)] = redactor.clean(content)
        if reasons:
            kept[LEFT_OUT] = redactor.clean("".join(f"{each}\n" for each in reasons).encode("utf-8", "replace"))
        return kept

    def _frame(self, content: bytes) -> bytes:
        try:
            compressor = self._local.compressor
        except AttributeError:
            compressor = self._local.compressor = zstandard.ZstdCompressor()
        frame: bytes = compressor.compress(self._job.redactor.clean_json(content))
        return frame


def _measured(trial: Trial, judged: Judged, started_at: str, clock: Clock) -> Record:
    """Write down the trial and what was measured of it beside its judgement."""
    transcript = judged.transcript
    usage = transcript.usage if transcript else Usage()
    working = usage.working_seconds if usage.working_seconds is not None else clock.working_seconds
    return Record(
        task_id=trial.task.id,
        trial=trial.number,
        attempt=trial.attempt,
        outcome=judged.outcome,
        usage=msgspec.structs.replace(usage, seconds=round(clock.seconds, 6), working_seconds=round(working, 6)),
        seed=trial.seed,
        started_at=started_at,
        output_digest=output_digest(transcript.final) if transcript else None,
        model=transcript.model if transcript else None,
        host=HOST,
    )


def output_digest(final: str) -> str:
    """Name an answer by its content, so that equal answers with unequal grades can be told."""
    return hashlib.sha256(final.encode("utf-8", "surrogatepass")).hexdigest()[:32]
