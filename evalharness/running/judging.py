"""From an answer, or its absence, to an outcome: whose doing it was, and what the graders say."""

import math
from collections.abc import Iterable, Sequence

import msgspec

from evalharness.errors import AgentFault, ConfigError, Unmeasured
from evalharness.graders import Grader, Prepared
from evalharness.model import (
    Extension,
    Grade,
    GraderUse,
    Limits,
    Outcome,
    Record,
    Task,
    Transcript,
    UnmeasuredRules,
    Usage,
    total,
)
from evalharness.redact import Redactor
from evalharness.registry import build, find
from evalharness.running.attribution import attribute
from evalharness.text import plain, well_formed
from evalharness.workspaces import Workspace

DETAIL_LENGTH = 500
CAUSE_LENGTH = 80


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What agent and graders made of a trial; `cause` is set where there is no full set of grades."""

    outcome: Outcome
    grades: tuple[Grade, ...] = ()
    score: float | None = None
    cause: str | None = None
    detail: str = ""
    retry_after: float | None = None
    transcript: Transcript | None = None
    judging: Usage | None = None
    logs: str = ""


def build_grader(use: GraderUse) -> Grader:
    """Make the grader that a task names."""
    return build("grader", Extension(use=use.use, options=use.options))


def preparing(tasks: Iterable[Task]) -> tuple[GraderUse, ...]:
    """Return the graders of these tasks that want to be prepared, each once."""
    wanting: dict[str, bool] = {}
    found: dict[bytes, GraderUse] = {}
    for use in (each for task in tasks for each in task.graders):
        if use.use not in wanting:
            wanting[use.use] = issubclass(find("grader", use.use), Prepared)
        if wanting[use.use]:
            found.setdefault(msgspec.json.encode(use.options), use)
    return tuple(found.values())


def prepare(uses: Iterable[GraderUse]) -> None:
    """Have graders look whether they will be able to judge; ConfigError where one will not."""
    for use in uses:
        grader = build_grader(use)
        if isinstance(grader, Prepared):
            grader.prepare()


def without_answer(exc: BaseException, rules: UnmeasuredRules) -> Judged:
    """Say whose doing it was that there is no answer."""
    unmeasured = attribute(exc, rules)
    if unmeasured is not None:
        return unmeasured_by(unmeasured)
    fault = exc if isinstance(exc, AgentFault) else AgentFault.of(exc)
    return Judged(outcome=Outcome.FAIL, cause=fault.cause, detail=fault.detail, score=0.0, logs=fault.logs)


def unmeasured_by(fault: Unmeasured, transcript: Transcript | None = None) -> Judged:
    """Take in that nothing was measured; what others put into the fault may be of any type."""
    pause = fault.retry_after
    return Judged(
        outcome=Outcome.ERROR,
        cause=str(fault.cause),
        detail=str(fault.detail),
        retry_after=float(pause) if isinstance(pause, int | float) and math.isfinite(pause) else None,
        transcript=transcript,
    )


def harness_fault(exc: Exception) -> Judged:
    """Take in that something of ours, or of the infrastructure below it, failed around a trial.

    What was asked for wrongly (`config`) stays wrong: such a trial is not tried again.
    """
    if isinstance(exc, Unmeasured):
        return unmeasured_by(exc)
    cause = "config" if isinstance(exc, (ConfigError, ValueError)) else "harness"
    return Judged(outcome=Outcome.ERROR, cause=cause, detail=f"{type(exc).__name__}: {_said(exc)}")


def graded(task: Task, transcript: Transcript, workspace: Workspace, graders: tuple[Grader, ...]) -> Judged:
    """Judge an answer: every grader must pass, and the score is their weighted mean."""
    grades: list[Grade] = []
    for use, grader in zip(task.graders, graders, strict=True):
        try:
            grade = _checked(grader.grade(task, transcript, workspace))
        except Unmeasured as exc:
            judged = unmeasured_by(exc, transcript)
            return msgspec.structs.replace(judged, judging=_together([*grades, exc]))
        except Exception as exc:  # noqa: BLE001 - a broken grader measured nothing
            cause, detail = f"grader:{use.name or use.use}", f"{type(exc).__name__}: {_said(exc)}"
            judging = _together(grades)
            return Judged(outcome=Outcome.ERROR, cause=cause, detail=detail, transcript=transcript, judging=judging)
        grades.append(msgspec.structs.replace(grade, grader=use.name) if use.name else grade)
    over = exceeded(transcript.usage, task.limits)
    passed = over is None and all(grade.passed for grade in grades)
    weight = sum(use.weight for use in task.graders)
    score = sum(use.weight * grade.score for use, grade in zip(task.graders, grades, strict=True)) / weight
    return Judged(
        outcome=Outcome.PASS if passed else Outcome.FAIL,
        grades=tuple(grades),
        score=0.0 if over else score,
        cause=over,
        transcript=transcript,
        judging=_together(grades),
    )


def regraded(task: Task, record: Record, transcript: Transcript, workspace: Workspace) -> Record:
    """Judge a stored answer again: everything but the grades stays as it was measured."""
    judged = graded(task, transcript, workspace, tuple(build_grader(use) for use in task.graders))
    return with_judgement(record, judged, Redactor.from_environment())


def with_judgement(record: Record, judged: Judged, redactor: Redactor) -> Record:
    """Write a judgement into a record, without secrets and shortened to what fits on a line."""

    def fit(text: str, length: int) -> str:
        return redactor.clean_text(well_formed(text))[:length]

    return msgspec.structs.replace(
        record,
        outcome=judged.outcome,
        score=judged.score,
        grades=tuple(
            msgspec.structs.replace(grade, reason=fit(grade.reason, DETAIL_LENGTH), usage=None)
            if grade.reason or grade.usage
            else grade
            for grade in judged.grades
        ),
        judging=judged.judging,
        cause=None if judged.cause is None else fit(judged.cause, CAUSE_LENGTH),
        detail=fit(judged.detail, DETAIL_LENGTH),
    )


def _together(judges: Sequence[Grade | Unmeasured]) -> Usage | None:
    """Add up what the models of judges used; None where there were none."""
    used = [judge.usage for judge in judges if judge.usage]
    return total(used) if used else None


def _checked(grade: Grade) -> Grade:
    """Take what a grader returned, of whatever author, as a Grade with a score from 0 to 1."""
    checked = plain(grade, Grade)
    if not 0 <= checked.score <= 1:
        raise ValueError(f"score {checked.score:g} is not from 0 to 1")
    return checked


def _said(exc: BaseException) -> str:
    try:
        return str(exc)
    except Exception:  # noqa: BLE001 - exceptions of others may be broken too
        return "(its message cannot be read)"


def exceeded(usage: Usage, limits: Limits) -> str | None:
    """Name the limit that a finished trial went over, if any."""
    if limits.cost_usd is not None and (usage.cost_usd or 0) > limits.cost_usd:
        return "limit:cost_usd"
    if limits.tokens is not None and (usage.input_tokens or 0) + (usage.output_tokens or 0) > limits.tokens:
        return "limit:tokens"
    return None
