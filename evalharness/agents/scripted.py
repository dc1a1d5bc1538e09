"""Scripted agents: answers from a file, drawn with the seed of the trial. The test double that ships.

The file is a JSON object from task id to script; `"*"` stands for every other task:

    {"capital-it": "Rome",
     "sum": {"pass": 0.8, "error": 0.05, "cause": "status:503", "crash": 0.01},
     "river": [{"answer": "Nile", "p": 0.7}, {"answer": "Amazon", "p": 0.2}, {"error": "dns", "p": 0.1}],
     "*": {"pass": 0.5, "seconds": 0.01, "usage": {"output_tokens": 20, "cost_usd": 0.001}}}

`pass` is the chance of the expected answer where there is an answer at all. The same seed gives the same answer, at
every attempt.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from evalharness.errors import AgentFault, ConfigError, LimitReached, Unmeasured
from evalharness.model import Message, Task, Transcript, Usage
from evalharness.workspaces import Workspace

Chance = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0)]
ANY = "*"


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that may happen: an answer, an error that is not the agent's doing, or a crash."""

    p: Chance = 1.0
    answer: str | None = None
    error: str | None = None
    crash: str | None = None
    seconds: Seconds | None = None
    usage: Usage | None = None

    def __post_init__(self) -> None:
        if sum(said is not None for said in (self.answer, self.error, self.crash)) != 1:
            raise ValueError("needs one of answer, error and crash")


class Odds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a task is done right, and how often not at all; `wrong` is the answer otherwise."""

    passing: Chance = field(name="pass")
    error: Chance = 0.0
    cause: str = "scripted"
    crash: Chance = 0.0
    wrong: str = "wrong"
    seconds: Seconds | None = None
    usage: Usage | None = None

    def __post_init__(self) -> None:
        if self.error + self.crash > 1:
            raise ValueError("error and crash are more than 1 together")

    def line(self, task: Task, rng: random.Random) -> Line:
        """Draw what happens."""
        end, answer = rng.random(), rng.random()
        if end < self.error:
            return Line(error=self.cause, seconds=self.seconds, usage=self.usage)
        if end < self.error + self.crash:
            return Line(crash="scripted", seconds=self.seconds, usage=self.usage)
        said = _expected(task) if answer < self.passing else self.wrong
        return Line(answer=said, seconds=self.seconds, usage=self.usage)


Script = str | Odds | list[Line]


@dataclass(frozen=True)
class ScriptedAgent:
    """Play a script: from a `file` in the agent's `folder`, or `answers` in place.

    `seconds` and `usage` are what a trial takes where its script does not say.
    """

    file: str | None = None
    answers: dict[str, Any] | None = None
    seconds: float = 0.0
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    folder: str = "."

    def __post_init__(self) -> None:
        if (self.file is None) == (self.answers is None):
            raise ValueError("give either file or answers")

    @contextmanager
    def open(self, *, workers: int) -> Iterator["Scripted"]:  # noqa: ARG002 - nothing is shared but the script
        """Read the script; what is wrong in it is a ConfigError that says where."""
        yield Scripted(self, self._scripts())

    def _scripts(self) -> dict[str, Script]:
        if self.file is None:
            return {task_id: _script("answers", task_id, said) for task_id, said in (self.answers or {}).items()}
        path = Path(self.folder, self.file)
        try:
            document = msgspec.json.decode(path.read_bytes())
        except OSError as exc:
            raise ConfigError(f"{path}: cannot be read: {exc.strerror}") from exc
        except ValueError as exc:
            raise ConfigError(f"{path}: malformed JSON: {exc}") from exc
        if not isinstance(document, dict):
            raise ConfigError(f"{path}: must be an object from task id to script")
        return {task_id: _script(str(path), task_id, said) for task_id, said in document.items()}


def _script(place: str, task_id: str, said: object) -> Script:
    try:
        script: Script = msgspec.convert(said, Script)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{place}: '{task_id}': {exc}") from exc
    total = sum(line.p for line in script) if isinstance(script, list) else 1.0
    if abs(total - 1) > 1e-6:
        raise ConfigError(f"{place}: '{task_id}': the p of its lines add up to {total:g}, not to 1")
    return script


class Scripted:
    """Plays a script that has been read."""

    def __init__(self, agent: ScriptedAgent, scripts: dict[str, Script]) -> None:
        self._agent = agent
        self._scripts = scripts

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:  # noqa: ARG002 - it does no work
        """Draw what happens from the seed, and let it happen."""
        line = self._line(task, random.Random(seed))  # noqa: S311 - no secret
        usage = line.usage or self._agent.usage
        seconds = self._agent.seconds if line.seconds is None else line.seconds
        if seconds:
            time.sleep(min(seconds, task.limits.seconds))
        if seconds > task.limits.seconds:
            raise LimitReached("seconds")
        if line.error is not None:
            raise Unmeasured(line.error, "as scripted")
        if line.crash is not None:
            raise AgentFault("crash", line.crash)
        final = line.answer or ""
        messages = (Message(role="user", content=task.prompt), Message(role="assistant", content=final))
        return Transcript(final=final, messages=messages, usage=usage, model="scripted")

    def _line(self, task: Task, rng: random.Random) -> Line:
        script = self._scripts.get(task.id, self._scripts.get(ANY))
        if script is None:
            place = self._agent.file or "answers"
            raise ConfigError(f"{place}: no script for task '{task.id}', and none for '{ANY}'")
        if isinstance(script, str):
            return Line(answer=script)
        if isinstance(script, Odds):
            return script.line(task, rng)
        return rng.choices(script, weights=[line.p for line in script])[0]


def _expected(task: Task) -> str:
    expected = task.expected[0] if isinstance(task.expected, list | tuple) and task.expected else task.expected
    if expected is None:
        raise ConfigError(f"task '{task.id}' has no expected answer, so none can be scripted by `pass`")
    return expected if isinstance(expected, str) else msgspec.json.encode(expected).decode()
