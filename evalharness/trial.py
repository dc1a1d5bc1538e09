"""One trial, from a fresh workspace to its grades: whatever agent and graders do ends as a record."""

import hashlib
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
from evalharness.attribution import attribute
from evalharness.errors import AgentFault, Displaced, Unmeasured
from evalharness.executors import Finished, RunTrial, Watch
from evalharness.graders import Grader
from evalharness.model import (
    Extension,
    Grade,
    GraderUse,
    Limits,
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
from evalharness.text import well_formed
from evalharness.workspaces import Workspace, Workspaces

DETAIL_LENGTH = 500
GRACE_SECONDS = 1.0  # agents end their own trials at the limit; this long after it, a thread is given up
HOST = platform.node()


class TrialJob(msgspec.Struct, frozen=True, kw_only=True):
    """What the trials of a run share; an executor opens it wherever it carries trials out."""

    agent: Agent | OpenableAgent
    workspace: Extension
    artifacts: tuple[str, ...] = ()
    unmeasured: UnmeasuredRules = msgspec.field(default_factory=UnmeasuredRules)
    redactor: Redactor = msgspec.field(default_factory=Redactor.from_environment)

    @classmethod
    def of(cls, suite: Suite, agent: Agent | OpenableAgent, unmeasured: UnmeasuredRules) -> "TrialJob":
        """Put together what a suite's trials need."""
        return cls(agent=agent, workspace=suite.workspace, artifacts=suite.artifacts, unmeasured=unmeasured)

    @contextmanager
    def open(self, *, workers: int) -> Iterator[RunTrial]:
        """Open the agent, and carry trials out with it."""
        with opened(self.agent, workers=workers) as agent:
            yield TrialRunner(self, agent)


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What agent and graders made of a trial; `cause` is set where there is no full set of grades."""

    outcome: Outcome
    grades: tuple[Grade, ...] = ()
    score: float | None = None
    cause: str | None = None
    detail: str = ""
    retry_after: float | None = None
    transcript: Transcript | None = None


class TrialRunner:
    """Carries out trials with an open agent; called from several threads."""

    def __init__(self, job: TrialJob, agent: Agent) -> None:
        self._job = job
        self._agent = agent
        self._grace = agent.grace_seconds if isinstance(agent, SelfTimed) else GRACE_SECONDS
        self._workspaces: Workspaces = build("workspace", job.workspace)
        self._graders: dict[bytes, tuple[Grader, ...]] = {}
        self._local = threading.local()

    def __call__(self, trial: Trial, watch: Watch) -> Finished:
        """Carry out one trial in the calling thread."""
        started_at, start = datetime.now(UTC), time.perf_counter()
        try:
            with self._workspaces.fresh() as workspace:
                judged = self._judged(trial, workspace, watch)
                seconds = time.perf_counter() - start
                artifacts = self._artifacts(workspace)
        except Displaced:
            return Finished(trial=trial, record=None)
        except Exception as exc:  # noqa: BLE001 - a workspace that fails measured nothing
            judged = _harness_fault(exc)
            seconds, artifacts = time.perf_counter() - start, {}
        record = _record(trial, judged, self._job.redactor, started_at.isoformat(timespec="milliseconds"), seconds)
        frame = None if judged.transcript is None else self._frame(judged.transcript)
        return Finished(trial=trial, record=record, frame=frame, artifacts=artifacts, retry_after=judged.retry_after)

    def _judged(self, trial: Trial, workspace: Workspace, watch: Watch) -> Judged:
        task = trial.task
        for path, source in task.files.items():
            workspace.upload(Path(source), path)
        watch.begin(task.limits.seconds + self._grace)
        try:
            transcript = self._agent.run(task, workspace, seed=trial.seed)
        except Displaced:
            raise
        except BaseException as exc:  # noqa: BLE001 - SystemExit too is the agent's doing
            return _without_answer(exc, self._job.unmeasured)
        finally:
            watch.end()
        return _graded(task, transcript, workspace, self._graders_of(task))

    def _graders_of(self, task: Task) -> tuple[Grader, ...]:
        key = msgspec.json.encode(task.graders)
        if key not in self._graders:
            self._graders[key] = tuple(build_grader(use) for use in task.graders)
        return self._graders[key]

    def _artifacts(self, workspace: Workspace) -> dict[str, bytes]:
        clean = self._job.redactor.clean
        return {
            name: clean(workspace.read(name)) for pattern in self._job.artifacts for name in workspace.find(pattern)
        }

    def _frame(self, transcript: Transcript) -> bytes:
        try:
            compressor = self._local.compressor
        except AttributeError:
            compressor = self._local.compressor = zstandard.ZstdCompressor()
        content: bytes = compressor.compress(self._job.redactor.clean(encoded(transcript)))
        return content


def build_grader(use: GraderUse) -> Grader:
    """Make the grader that a task names."""
    return build("grader", Extension(use=use.use, options=use.options))


def encoded(transcript: Transcript) -> bytes:
    """Write a transcript as JSON, whatever text and objects an agent put into it."""
    try:
        return msgspec.json.encode(transcript, enc_hook=repr)
    except UnicodeEncodeError:  # lone surrogates, which no file can hold
        return msgspec.json.encode(well_formed(msgspec.to_builtins(transcript, enc_hook=repr)))


def _without_answer(exc: BaseException, rules: UnmeasuredRules) -> Judged:
    """Say whose doing it was that there is no answer."""
    unmeasured = attribute(exc, rules)
    if unmeasured is not None:
        return Judged(
            outcome=Outcome.ERROR,
            cause=unmeasured.cause,
            detail=unmeasured.detail,
            retry_after=unmeasured.retry_after,
        )
    if isinstance(exc, AgentFault):
        return Judged(outcome=Outcome.FAIL, cause=exc.cause, detail=exc.detail, score=0.0)
    return Judged(outcome=Outcome.FAIL, cause=f"exception:{type(exc).__name__}", detail=str(exc), score=0.0)


def _harness_fault(exc: Exception) -> Judged:
    return Judged(outcome=Outcome.ERROR, cause="harness", detail=f"{type(exc).__name__}: {exc}")


def _graded(task: Task, transcript: Transcript, workspace: Workspace, graders: tuple[Grader, ...]) -> Judged:
    """Judge an answer: every grader must pass, and the score is their weighted mean."""
    grades: list[Grade] = []
    for use, grader in zip(task.graders, graders, strict=True):
        try:
            grade = grader.grade(task, transcript, workspace)
        except Unmeasured as exc:
            return Judged(outcome=Outcome.ERROR, cause=exc.cause, detail=exc.detail, transcript=transcript)
        except Exception as exc:  # noqa: BLE001 - a broken grader measured nothing
            cause, detail = f"grader:{use.name or use.use}", f"{type(exc).__name__}: {exc}"
            return Judged(outcome=Outcome.ERROR, cause=cause, detail=detail, transcript=transcript)
        grades.append(msgspec.structs.replace(grade, grader=use.name) if use.name else grade)
    exceeded = _exceeded(transcript.usage, task.limits)
    passed = exceeded is None and all(grade.passed for grade in grades)
    weight = sum(use.weight for use in task.graders)
    score = sum(use.weight * grade.score for use, grade in zip(task.graders, grades, strict=True)) / weight
    return Judged(
        outcome=Outcome.PASS if passed else Outcome.FAIL,
        grades=tuple(grades),
        score=0.0 if exceeded else score,
        cause=exceeded,
        transcript=transcript,
    )


def regraded(task: Task, record: Record, transcript: Transcript, workspace: Workspace) -> Record:
    """Judge a stored answer again: everything but the grades stays as it was measured."""
    judged = _graded(task, transcript, workspace, tuple(build_grader(use) for use in task.graders))
    return msgspec.structs.replace(
        record,
        outcome=judged.outcome,
        score=judged.score,
        grades=judged.grades,
        cause=judged.cause,
        detail=judged.detail[:DETAIL_LENGTH],
    )


def _exceeded(usage: Usage, limits: Limits) -> str | None:
    """Name the limit that a finished trial went over, if any."""
    if limits.cost_usd is not None and (usage.cost_usd or 0) > limits.cost_usd:
        return "limit:cost_usd"
    if limits.tokens is not None and (usage.input_tokens or 0) + (usage.output_tokens or 0) > limits.tokens:
        return "limit:tokens"
    return None


def _record(trial: Trial, judged: Judged, redactor: Redactor, started_at: str, seconds: float) -> Record:
    transcript = judged.transcript
    usage = transcript.usage if transcript else Usage()
    working = usage.working_seconds if usage.working_seconds is not None else seconds
    return Record(
        task_id=trial.task.id,
        trial=trial.number,
        attempt=trial.attempt,
        outcome=judged.outcome,
        score=judged.score,
        grades=tuple(_clean_grade(grade, redactor) for grade in judged.grades),
        cause=judged.cause,
        detail=redactor.clean_text(well_formed(judged.detail[:DETAIL_LENGTH])),
        usage=msgspec.structs.replace(usage, seconds=round(seconds, 6), working_seconds=round(working, 6)),
        seed=trial.seed,
        started_at=started_at,
        output_digest=output_digest(transcript.final) if transcript else None,
        model=transcript.model if transcript else None,
        host=HOST,
    )


def _clean_grade(grade: Grade, redactor: Redactor) -> Grade:
    if not grade.reason:
        return grade
    return msgspec.structs.replace(grade, reason=redactor.clean_text(well_formed(grade.reason[:DETAIL_LENGTH])))


def output_digest(final: str) -> str:
    """Name an answer by its content, so that equal answers with unequal grades can be told."""
    return hashlib.sha256(final.encode("utf-8", "surrogatepass")).hexdigest()[:32]
