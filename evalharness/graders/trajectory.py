"""Grader for the way an agent took: which tools it called, in which order, with which arguments."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from evalharness.graders.answers import covers, equal, shortened
from evalharness.model import Grade, Task, ToolCall, Transcript
from evalharness.workspaces import Workspace


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call that is wanted; `match` says whether other arguments may come with the named ones."""

    tool: str
    arguments: dict[str, Any] | None = None
    match: Literal["subset", "equal"] = "subset"

    def fits(self, made: ToolCall) -> bool:
        """Say whether a call that was made is this one."""
        if made.name != self.tool:
            return False
        if self.arguments is None:
            return True
        given = _arguments(made)
        return equal(given, self.arguments) if self.match == "equal" else covers(given, self.arguments)


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """Pass when the wanted `calls` were made, in the given `order`, nothing `forbidden`, within the limits.

        `order: any` wants every call once, wherever; `in_order` wants them in this order, with others between allowed;
    `exact` wants these calls and no others. The score is the share of wanted calls that were made. `max_calls` limits
    the tool calls, `max_steps` the messages of the agent; beyond them, or with a forbidden call, the score is 0. An
    agent that reports no messages shows nothing, and fails.
    """

    calls: tuple[Call, ...] = ()
    order: Literal["any", "in_order", "exact"] = "any"
    forbidden: tuple[str, ...] = ()
    max_calls: int | None = None
    max_steps: int | None = None

    def __post_init__(self) -> None:
        if not (self.calls or self.forbidden or self.order == "exact") and self.max_calls is self.max_steps is None:
            raise ValueError("calls: is missing; give calls, forbidden, max_calls or max_steps")
        if both := {call.tool for call in self.calls} & set(self.forbidden):
            raise ValueError(f"forbidden: {min(both)!r} is among the calls too")
        for name in ("max_calls", "max_steps"):
            if (value := getattr(self, name)) is not None and value < 0:
                raise ValueError(f"{name}: {value} is less than 0")

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Follow the messages."""
        if not transcript.messages:
            return _failed(0.0, "the agent reports no messages, so its tool calls cannot be judged")
        made = [call for message in transcript.messages for call in message.tool_calls]
        steps = sum(message.role == "assistant" for message in transcript.messages)
        if excess := self._excess(made, steps=steps):
            return _failed(0.0, excess)
        missing = self._missing(made)
        wanted = max(len(self.calls), len(made) if self.order == "exact" else 0)
        score = (len(self.calls) - len(missing)) / wanted if wanted else 1.0
        if missing:
            return _failed(score, f"{self._kind()} {_told(missing[0])} is missing among {_listed(made)}")
        if wanted > len(self.calls):
            return _failed(score, f"{len(made)} calls instead of {len(self.calls)}: {_listed(made)}")
        return Grade(grader="trajectory", score=1.0, passed=True)

    def _kind(self) -> str:
        return "call" if self.order == "any" else "call, in its place,"

    def _excess(self, made: Sequence[ToolCall], *, steps: int) -> str:
        banned = [call for call in made if call.name in self.forbidden]
        if banned:
            return f"forbidden tool called: {shortened(banned[0].name)}"
        if self.max_calls is not None and len(made) > self.max_calls:
            return f"{len(made)} tool calls, at most {self.max_calls} allowed"
        if self.max_steps is not None and steps > self.max_steps:
            return f"{steps} steps, at most {self.max_steps} allowed"
        return ""

    def _missing(self, made: Sequence[ToolCall]) -> list[Call]:
        if self.order == "exact":
            pairs = zip(self.calls, [*made, *[None] * len(self.calls)], strict=False)
            return [call for call, other in pairs if other is None or not call.fits(other)]
        if self.order == "in_order":
            return _missing_in_order(self.calls, made)
        return _missing_anywhere(self.calls, made)


def _missing_in_order(wanted: Sequence[Call], made: Sequence[ToolCall]) -> list[Call]:
    """List the calls that the longest matching subsequence leaves out."""
    best: list[list[int]] = [[0] * (len(made) + 1) for _ in range(len(wanted) + 1)]
    for row in reversed(range(len(wanted))):
        for column in reversed(range(len(made))):
            taken = 1 + best[row + 1][column + 1] if wanted[row].fits(made[column]) else 0
            best[row][column] = max(taken, best[row + 1][column], best[row][column + 1])
    missing, column = [], 0
    for row, call in enumerate(wanted):
        if best[row][column] == best[row + 1][column]:
            missing.append(call)
            continue
        while best[row][column + 1] == best[row][column]:
            column += 1
        column += 1
    return missing


def _missing_anywhere(wanted: Sequence[Call], made: Sequence[ToolCall]) -> list[Call]:
    """List the calls that find no partner of their own, however partners are shared out."""
    owner: dict[int, int] = {}
    fitting = [[at for at, other in enumerate(made) if call.fits(other)] for call in wanted]

    def settled(call: int, tried: set[int]) -> bool:
        for at in fitting[call]:
            if at not in tried:
                tried.add(at)
                if at not in owner or settled(owner[at], tried):
                    owner[at] = call
                    return True
        return False

    return [call for index, call in enumerate(wanted) if not settled(index, set())]


def _arguments(call: ToolCall) -> Any:
    """Return the arguments; some agents report them as the JSON text that the model wrote."""
    if isinstance(call.arguments, str):
        try:
            return msgspec.json.decode(call.arguments)
        except (ValueError, RecursionError):
            return call.arguments
    return call.arguments if call.arguments is not None else {}


def _told(call: Call) -> str:
    if call.arguments is None:
        return call.tool
    return shortened(f"{call.tool}({json.dumps(call.arguments, ensure_ascii=False, default=str)})")


def _listed(made: Sequence[ToolCall]) -> str:
    return shortened(", ".join(call.name for call in made[:50])) if made else "no calls"


def _failed(score: float, reason: str) -> Grade:
    return Grade(grader="trajectory", score=score, passed=False, reason=reason)
