"""What an agent did in a trial of harbor: its trajectory (ATIF) where it wrote one, or else what it printed."""

from pathlib import Path
from typing import Any

import msgspec

from evalharness.errors import ConfigError
from evalharness.importers.messages import transcript
from evalharness.importers.source import document
from evalharness.model import Transcript

TRAJECTORY = "trajectory.json"
TAIL = 4000
WORDS = 500
_ROLES = {"agent": "assistant"}


class Call(msgspec.Struct):
    """A call of a tool."""

    function_name: str
    tool_call_id: str | None = None
    arguments: Any = None


class Result(msgspec.Struct):
    """What came of a call, or of something that the agent did without one."""

    source_call_id: str | None = None
    content: Any = None


class Observation(msgspec.Struct):
    """What a step led to."""

    results: list[Result] = []


class Step(msgspec.Struct):
    """One step of a trajectory."""

    source: str
    message: Any = ""
    tool_calls: list[Call] | None = None
    observation: Observation | None = None


class Trajectory(msgspec.Struct):
    """The steps of an agent."""

    steps: list[Step] = []


def story(trial: Path) -> Transcript | None:
    """Tell what the agent of a trial did, in all steps of its task; None where it left nothing."""
    agents = [trial / "agent", *sorted(trial.glob("steps/*/agent"))]
    said = [message for agent in agents for message in _messages(agent / TRAJECTORY)]
    logs = "\n".join(_tail(each, TAIL) for agent in agents for each in sorted(agent.glob("*.txt")) if _is_plain(each))
    if not said and not logs:
        return None
    return msgspec.structs.replace(transcript(said), logs=logs[-TAIL:])


def last_words(trial: Path) -> str:
    """Give the end of what the tests of a trial printed, in one line."""
    printed = trial / "verifier" / "test-stdout.txt"
    return " ".join(_tail(printed, WORDS).split()) if _is_plain(printed) else ""


def _messages(file: Path) -> list[dict[str, Any]]:
    try:
        steps = document(file, Trajectory).steps if _is_plain(file) else []
    except ConfigError:  # an agent may write there what it likes: its verdict stands without a story
        return []
    return [message for step in steps for message in _of_step(step)]


def _of_step(step: Step) -> list[dict[str, Any]]:
    """Write a step as a message, and what it led to as messages of tools."""
    calls = [
        {"id": each.tool_call_id, "name": each.function_name, "arguments": each.arguments}
        for each in step.tool_calls or ()
    ]
    results = step.observation.results if step.observation else []
    return [
        {"role": _ROLES.get(step.source, step.source), "content": step.message, "tool_calls": calls},
        *({"role": "tool", "content": each.content, "tool_call_id": each.source_call_id} for each in results),
    ]


def _is_plain(file: Path) -> bool:
    """Say whether this is a file of its own: what an agent put there may be a link to anywhere."""
    return file.is_file() and not file.is_symlink()


def _tail(file: Path, most: int) -> str:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - most))
        return stream.read().decode("utf-8", "replace").strip()
