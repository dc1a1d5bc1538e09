"""Grader that runs a command in the workspace after the agent has ended, e.g. a test suite."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from evalharness.errors import Unmeasured
from evalharness.graders import Executing, Untrusted
from evalharness.graders.answers import LONGEST_QUOTE, shortened, verdict
from evalharness.model import Grade, Task, Transcript
from evalharness.workspaces import Completed, Workspace
from evalharness.workspaces.local import LocalWorkspace

_IN_THE_WAY = (
    *(ValueError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError),
    shutil.Error,  # several of these at once
)
_TAIL = 4 * LONGEST_QUOTE  # bytes of output of which the end becomes the reason


@dataclass(frozen=True, kw_only=True)
class CommandGrader(Executing):
    """Pass when `command` ends with exit code 0 in the workspace as the agent left it.

    A text is a line for `sh`, a list a program with arguments. `files` (path in the workspace: file or folder, seen
    from `folder`, the suite's own) are put there first, over whatever the agent left at these paths: tests that the
    agent must not see. On stdin comes JSON with task_id, prompt, fields, expected and final.

    What the agent left may run by it, so it refuses a `local` workspace unless `trust: local` decides otherwise: for an
    agent whose work is to be trusted, or a command that runs none of it.

    Running over `seconds` or another limit, flooding its output or being killed is a fail: what runs is the agent's
    work, and one that never ends is not done. A program that is not installed raises, and so does an exit code of
    `unmeasured_exit_codes`: nothing was measured.
    """

    command: str | tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    seconds: float = 60.0
    env: dict[str, str] = field(default_factory=dict)
    unmeasured_exit_codes: tuple[int, ...] = ()
    trust: Literal["local"] | None = None
    folder: str = "."

    def __post_init__(self) -> None:
        if not self.command or (isinstance(self.command, str) and not self.command.strip()):
            raise ValueError(f"command: {self.command!r} is empty")
        if self.seconds <= 0:
            raise ValueError(f"seconds: {self.seconds} is not above 0")
        for path in self.files:
            if Path(path).is_absolute() or ".." in Path(path).parts or not Path(path).parts:
                raise ValueError(f"files: {path!r} is no path inside the workspace")
        if 0 in self.unmeasured_exit_codes:
            raise ValueError("unmeasured_exit_codes: 0 is the exit code of a pass")

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Put the files there and run the command."""
        if self.trust is None and isinstance(workspace, LocalWorkspace):
            raise Untrusted("command")
        try:
            self._place(workspace)
        except _IN_THE_WAY as exc:
            return verdict("command", False, f"what the agent left is in the way: {shortened(str(exc))}")
        command = ("sh", "-c", self.command) if isinstance(self.command, str) else self.command
        try:
            ended = workspace.run(command, timeout=self.seconds, stdin=_input(task, transcript), env=self.env)
        except OSError as exc:
            if "/" not in command[0]:
                raise  # not installed: the environment's doing
            return verdict("command", False, f"{command[0]} cannot be started: {shortened(str(exc))}")
        if ended.exit_code in self.unmeasured_exit_codes:
            raise Unmeasured(f"grader:exit:{ended.exit_code}", _tail(ended))
        return verdict("command", ended.exit_code == 0, f"{self._ending(ended)}{_tail(ended)}")

    def _place(self, workspace: Workspace) -> None:
        for path, name in self.files.items():
            source = Path(self.folder, name)
            if not source.exists():
                raise FileNotFoundError(f"files: '{source}' does not exist")
            workspace.upload(source, path)

    def _ending(self, ended: Completed) -> str:
        if ended.stopped == "seconds":
            return f"still running after {self.seconds:g} seconds"
        if ended.stopped == "output":
            return "stopped: too much output"
        if ended.stopped:
            return f"stopped: limit:{ended.stopped}"
        if ended.exit_code is not None and ended.exit_code < 0:
            return f"killed by signal {-ended.exit_code}"
        return f"exit code {ended.exit_code}"


def _input(task: Task, transcript: Transcript) -> bytes:
    content = {
        "task_id": task.id,
        "prompt": task.prompt,
        "fields": task.fields,
        "expected": task.expected,
        "final": transcript.final,
    }
    return json.dumps(msgspec.to_builtins(content, enc_hook=str)).encode()  # in ASCII, which holds any text


def _tail(ended: Completed) -> str:
    """Give the end of what the command printed, in one line."""
    output = (ended.stdout[-_TAIL:] + b"\n" + ended.stderr[-_TAIL:]).decode("utf-8", "replace")
    words = " ".join(output.split())
    if not words:
        return ""
    return ": " + (shortened(words) if len(words) <= LONGEST_QUOTE else "..." + shortened(words[-LONGEST_QUOTE:]))
