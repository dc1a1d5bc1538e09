"""Command agents: a program that reads a task as JSON on stdin and answers on stdout."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from evalharness.agents.exchange import answered, request, tail
from evalharness.attribution import CommandFailed
from evalharness.errors import AgentFault, ConfigError, LimitReached, Unmeasured
from evalharness.model import Task, Transcript
from evalharness.workspaces import Completed, Workspace


@dataclass(frozen=True)
class CommandAgent:
    """Run a command in the workspace; it ends with its whole process tree when the trial does.

    `command` is a list of words, or text that is split like a shell would, without being one. Words that name a file
    in the agent's `folder` (`./agent.sh`, `agent.py`) mean that file. `fields` are the fields of a task that the agent
    is told beside its prompt. stdout is the answer and nothing else; stderr is kept as logs.
    """

    command: str | tuple[str, ...]
    fields: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    folder: str = "."
    grace_seconds: ClassVar[float] = 5.0  # to end a process tree on a busy machine

    def __post_init__(self) -> None:
        if not self._words():
            raise ValueError("command is empty")

    @contextmanager
    def open(self, *, workers: int) -> Iterator[Self]:  # noqa: ARG002 - a process per trial, however many there are
        """See that the program is there."""
        program = self._located()[0]
        if os.sep in program and not Path(program).is_file():
            raise ConfigError(f"agent command '{self._words()[0]}': no such file in {Path(self.folder).resolve()}")
        if os.sep in program and not os.access(program, os.X_OK):
            raise ConfigError(f"agent command '{program}' is not executable: run `chmod +x {program}`")
        yield self

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:
        """Give the program the task, and read its answer."""
        document = request(task, seed=seed, fields=self.fields)
        command = self._located()
        try:
            done = workspace.run(command, timeout=task.limits.seconds, stdin=document, env=self.env)
        except (FileNotFoundError, PermissionError) as exc:
            raise Unmeasured("no_program", f"'{command[0]}' cannot be started: {exc.strerror}") from exc
        return _judged(done)

    def _words(self) -> list[str]:
        return shlex.split(self.command) if isinstance(self.command, str) else list(self.command)

    def _located(self) -> list[str]:
        """Give the words with those that are files of the agent's folder spelled out, for it runs somewhere else."""
        program, *arguments = self._words()
        folder = Path(self.folder).resolve()
        explicit = str(folder / program) if os.sep in program else program
        words = [explicit, *arguments]
        # Path.is_file raises for words that are too long for a name, such as `sh -c` scripts.
        return [str(folder / word) if os.path.isfile(folder / word) else word for word in words]  # noqa: PTH113


def _judged(done: Completed) -> Transcript:
    if done.stopped:
        raise LimitReached(done.stopped, tail(done.stderr))
    if done.exit_code:
        with suppress(AgentFault):
            answered(done.stdout)  # an `error` in the answer says better than the exit code what happened
        raise CommandFailed(done.exit_code, tail(done.stderr))
    return answered(done.stdout, logs=done.stderr)
