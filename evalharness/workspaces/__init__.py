"""Workspaces: a fresh place for every trial.

Paths are relative to the workspace and must stay inside it: anything else raises ValueError.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from msgspec import Struct

from evalharness.model import Resources, Task


class Completed(Struct, frozen=True, kw_only=True):
    """How a command ended; `exit_code` is None when it was stopped, negative for a signal.

    `stopped` names the limit that stopped it (`seconds`, `output`, `memory`, `processes`, `file_size`, `disk`,
    `network`) or is None.
    """

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    stopped: str | None = None


@runtime_checkable
class Workspace(Protocol):
    """The place of one trial."""

    @property
    def location(self) -> str:
        """Where the place is, as a command that runs in it sees it."""
        ...

    def run(
        self, command: Sequence[str], *, timeout: float, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> Completed:
        """Run a command inside; its whole process tree ends with the call. `env` is added to what it inherits."""
        ...

    def read(self, path: str) -> bytes:
        """Return the content of a file; FileNotFoundError where there is none."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Write a file, making its folders."""
        ...

    def upload(self, source: Path, path: str) -> None:
        """Copy a file or folder of the host into the workspace."""
        ...

    def download(self, path: str, target: Path) -> None:
        """Copy a file or folder of the workspace to the host."""
        ...

    def find(self, pattern: str) -> list[str]:
        """List the regular files that match a glob pattern, sorted; links are not followed out of the workspace."""
        ...


@runtime_checkable
class Workspaces(Protocol):
    """Where workspaces come from: what a suite names under `workspace`."""

    def fresh(self) -> AbstractContextManager[Workspace]:
        """Give a new, empty workspace, and remove it afterwards."""
        ...


@runtime_checkable
class PerTask(Protocol):
    """Workspaces that are others for every task."""

    def for_task(self, task: Task) -> Workspaces:
        """Give the workspaces of a task."""
        ...


@runtime_checkable
class Walled(Protocol):
    """A workspace from which the host cannot be seen: what an agent needs of the host it has to bring."""

    def bring(self, folder: Path, names: Sequence[str]) -> str:
        """Show these files and folders of a host folder inside, read-only, until the trial ends; return where."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """Workspaces that look before a run whether they can be had at all; ConfigError where not."""

    def prepare(self) -> None:
        """See that workspaces can be made here."""
        ...


@runtime_checkable
class Limited(Protocol):
    """Workspaces that keep limits; `RESOURCES` are the options that say so, and are no part of what a task asks."""

    RESOURCES: ClassVar[tuple[str, ...]]

    def resources(self) -> Resources:
        """Say what a trial may use."""
        ...


def of_task(workspaces: Workspaces, task: Task) -> Workspaces:
    """Give the workspaces of a task, whether or not they are the same for all."""
    return workspaces.for_task(task) if isinstance(workspaces, PerTask) else workspaces
