"""Command agents: a program that reads a task as JSON on stdin and answers on stdout."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from evalharness.agents.exchange import answered, request, tail
from evalharness.errors import AgentFault, ConfigError, LimitReached, Unmeasured
from evalharness.model import Task, Transcript
from evalharness.running.attribution import CommandFailed
from evalharness.workspaces import Completed, Walled, Workspace


@dataclass(frozen=True)
class CommandAgent:
    """Run a command in the workspace; it ends with its whole process tree when the trial does.

    `command` is a list of words, or text that is split like a shell would, without being one. Words that name a file
    in the agent's `folder` (`./agent.sh`, `agent.py`) mean that file. In a workspace with walls these words, and what
    `files` names (files and folders of the agent's folder), are all that the agent sees of its folder: a suite and its
    hidden tests may lie there too. `fields` are the fields of a task that the agent is told beside its prompt. stdout
    is the answer and nothing else; stderr is kept as logs.
    """

    command: str | tuple[str, ...]
    fields: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    folder: str = "."
    grace_seconds: ClassVar[float] = 5.0  # to end a process tree on a busy machine

    def __post_init__(self) -> None:
        if not self._words():
            raise ValueError("command is empty")
        for name in self.files:
            if _leads_out(name):
                raise ValueError(f"files: {name!r} is no path inside the agent's folder")

    @contextmanager
    def open(self, *, workers: int) -> Iterator[Self]:  # noqa: ARG002 - a process per trial, however many there are
        """See that the program is there."""
        absent = [name for name in self.files if not Path(self.folder, name).exists()]
        if absent:
            raise ConfigError(f"agent files: {', '.join(absent)}: no such file in {Path(self.folder).resolve()}")
        program = self._located()[0]
        if os.sep in program and not Path(program).is_file():
            raise ConfigError(f"agent command '{self._words()[0]}': no such file in {Path(self.folder).resolve()}")
        if os.sep in program and not os.access(program, os.X_OK):
            raise ConfigError(f"agent command '{program}' is not executable: run `chmod +x {program}`")
        yield self

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:
        """Give the program the task, and read its answer."""
        document = request(task, seed=seed, fields=self.fields)
        command = self._brought(workspace) if isinstance(workspace, Walled) else self._located()
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

    def _brought(self, workspace: Walled) -> list[str]:
        """Give the words with those that are files of the agent's folder as they are found inside walls."""
        words, folder = self._words(), Path(self.folder).resolve()
        own = [word for word in words if not os.path.isabs(word) and os.path.isfile(folder / word)]  # noqa: PTH113, PTH117
        for word in own:
            if _leads_out(word):
                raise ConfigError(f"agent command '{word}' lies outside the agent's folder, which walls leave out")
        place = workspace.bring(folder, sorted({os.path.normpath(name) for name in [*own, *self.files]}))
        return [f"{place}/{os.path.normpath(word)}" if word in own else word for word in words]


def _leads_out(name: str) -> bool:
    return os.path.isabs(name) or Path(os.path.normpath(name)).parts[:1] in ((), ("..",))  # noqa: PTH117 - as text, not as found


def _judged(done: Completed) -> Transcript:
    if done.stopped == "network":
        with suppress(AgentFault):
            answered(done.stdout)  # an `error` in the answer says better what happened
    if done.stopped:
        raise LimitReached(done.stopped, tail(done.stderr))
    if done.exit_code:
        with suppress(AgentFault):
            answered(done.stdout)  # likewise
        raise CommandFailed(done.exit_code, tail(done.stderr))
    return answered(done.stdout, logs=done.stderr)
