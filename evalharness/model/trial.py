"""What happens in a run: a trial, its transcript, its grades, and the record that stands on disk."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from msgspec import Struct, convert, field

from evalharness.model.suite import Task


class Outcome(StrEnum):
    """What one trial says about the agent."""

    PASS = "pass"
    FAIL = "fail"  # the agent's doing: wrong answer, crash, out of a limit
    ERROR = "error"  # not the agent's doing: nothing was measured


class ToolCall(Struct, frozen=True, kw_only=True):
    """One call of a tool by the agent."""

    name: str
    arguments: Any = None
    id: str | None = None


class Message(Struct, frozen=True, kw_only=True):
    """One message of a transcript; `role` is system, user, assistant or tool."""

    role: str
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a trial used; None where nobody said. `working_seconds` leaves out waiting for a provider's limits.

    `held_back` counts how often a provider made a call wait. Of the `model_calls`, `cached_calls` were answered from
    a cache: their tokens and working seconds are those of the call that was made once, and what that cost is
    `saved_usd`, not `cost_usd`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    working_seconds: float | None = None
    model_calls: int | None = None
    held_back: int | None = None
    cached_calls: int | None = None
    saved_usd: float | None = None


def total(usages: Iterable[Usage]) -> Usage:
    """Add up what is known; what nobody said stays unknown."""
    known: dict[str, float] = {}
    for usage in usages:
        for name in Usage.__struct_fields__:
            if (value := getattr(usage, name)) is not None:
                known[name] = known.get(name, 0) + value
    return convert(known, Usage)


class Transcript(Struct, frozen=True, kw_only=True):
    """What an agent did in one trial: its final answer and how it got there.

    `model` is the name the provider returned; `logs` is the tail of what the agent printed beside its answer.
    """

    final: str
    messages: tuple[Message, ...] = ()
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    logs: str = ""


class Grade(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One grader's judgement of one trial; `usage` is what a judge's model used for it."""

    grader: str
    score: float
    passed: bool
    reason: str = ""
    usage: Usage | None = None


class TrialKey(Struct, frozen=True, kw_only=True, order=True):
    """Which trial of which task; trials count from 1."""

    task_id: str
    trial: int


class Trial(Struct, frozen=True, kw_only=True):
    """One planned run of the agent on a task; `attempt` counts redos after errors, from 1."""

    task: Task
    number: int
    seed: int
    attempt: int = 1

    @property
    def key(self) -> TrialKey:
        """Name the trial, whatever the attempt."""
        return TrialKey(task_id=self.task.id, trial=self.number)


class TranscriptRef(Struct, frozen=True, kw_only=True):
    """Where a transcript's frame lies inside a run directory."""

    segment: int
    offset: int
    length: int


class Lost(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was begun for a trial before this attempt, and was none: an outage swallowed it, or it went with others.

    A neighbour's time-out takes down the trials of its process, a node its workers: of `unknown` of those nobody knows
    what they used. `usage` is what is known of the rest.
    """

    unknown: int = 0
    usage: Usage | None = None


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt at one trial, as it stands on disk; `cause` names an error or a fail without grades.

    `judging` is what the models of its judges used, those included that gave no verdict; `lost` is what was spent on
    the trial before without an attempt to show for it.
    """

    task_id: str
    trial: int
    outcome: Outcome
    attempt: int = 1
    score: float | None = None
    grades: tuple[Grade, ...] = ()
    cause: str | None = None
    detail: str = ""
    usage: Usage = field(default_factory=Usage)
    judging: Usage | None = None
    lost: Lost | None = None
    seed: int | None = None
    started_at: str | None = None
    output_digest: str | None = None
    transcript: TranscriptRef | None = None
    model: str | None = None
    host: str | None = None

    @property
    def key(self) -> TrialKey:
        """Name the trial this is an attempt at."""
        return TrialKey(task_id=self.task_id, trial=self.trial)
