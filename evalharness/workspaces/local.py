"""Local workspaces: a temporary folder per trial, made when it is first used.

A folder is a place, not a wall: a command in it can reach the rest of the machine. What *we* read and write by a
path given to us stays inside, links included.
"""

import atexit
import functools
import itertools
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from evalharness.workspaces import Completed
from evalharness.workspaces.process import run_command

_numbers = itertools.count(1)


class LocalWorkspace(Struct, frozen=True):
    """A folder on this machine, made when it is first used; picklable."""

    folder: str

    @property
    def location(self) -> str:
        """The folder's path; it exists from here on."""
        Path(self.folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.folder

    def run(
        self, command: Sequence[str], *, timeout: float, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> Completed:
        """Run a command in the folder; its whole process tree ends with the call."""
        return run_command(command, cwd=self.location, timeout=timeout, stdin=stdin, env=env)

    def read(self, path: str) -> bytes:
        """Return the content of a regular file."""
        found = self._inside(path)
        if not stat.S_ISREG(found.stat().st_mode):  # reading a pipe or a device might never end
            raise ValueError(f"workspace path '{path}' is not a regular file")
        try:
            return found.read_bytes()
        except PermissionError:  # an agent may have locked its own file
            found.chmod(0o600)
            return found.read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Write a file, making its folders."""
        self._made(path).write_bytes(content)

    def upload(self, source: Path, path: str) -> None:
        """Copy a file or folder into the workspace; links are followed."""
        if source.is_dir():
            shutil.copytree(source, self._made(path), dirs_exist_ok=True)
        else:
            shutil.copy(source, self._made(path))

    def download(self, path: str, target: Path) -> None:
        """Copy a file or folder out; inside a folder, only regular files that lie in the workspace."""
        source = self._inside(path)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=self._unfit)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.read(path))

    def find(self, pattern: str) -> list[str]:
        """List the regular files that match a glob pattern (`**` for any depth), sorted."""
        self._inside(pattern)
        folder = Path(self.folder)
        return sorted({str(match.relative_to(folder)) for match in folder.glob(pattern) if self._fit(match)})

    def _inside(self, path: str) -> Path:
        """Return the real path of something in the workspace; ValueError for whatever leads out."""
        parts = Path(path).parts
        if Path(path).is_absolute() or ".." in parts or "\0" in path:
            raise ValueError(f"workspace path '{path}' must be relative and stay inside the workspace")
        found = Path(self.folder, path).resolve()
        if not found.is_relative_to(Path(self.folder).resolve()):
            raise ValueError(f"workspace path '{path}' leads out of the workspace")
        return found

    def _made(self, path: str) -> Path:
        target = self._inside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _fit(self, path: Path) -> bool:
        real = path.resolve()
        return real.is_file() and real.is_relative_to(Path(self.folder).resolve())

    def _unfit(self, folder: str, names: Iterable[str]) -> list[str]:
        return [name for name in names if not (self._fit(entry := Path(folder, name)) or _real_folder(entry))]


def _real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


class _Fresh:
    """Names a folder on the way in, removes it on the way out if anybody made it."""

    __slots__ = ("_workspace",)

    def __enter__(self) -> LocalWorkspace:
        self._workspace = LocalWorkspace(f"{root_folder(os.getpid())}/{next(_numbers)}")
        return self._workspace

    def __exit__(self, *_: object) -> None:
        if os.path.lexists(self._workspace.folder):
            remove_folder(self._workspace.folder)


@dataclass(frozen=True)
class LocalWorkspaces:
    """Temporary folders on this machine; a trial that needs none costs none."""

    def fresh(self) -> _Fresh:
        """Give a new, empty folder, and remove it afterwards, read-only content included."""
        return _Fresh()


@functools.cache
def root_folder(pid: int) -> str:
    """Name the folder that holds a process's workspaces; it goes when the process ends."""
    root = Path(tempfile.gettempdir(), f"evalh-{pid}-{secrets.token_hex(8)}")
    atexit.register(_forget, root, pid)
    return str(root)


def _forget(root: Path, pid: int) -> None:
    if os.getpid() == pid and root.exists():  # trials that were given up leave their workspaces
        remove_folder(str(root))


def remove_folder(folder: str) -> None:
    """Remove a folder with whatever an agent left in it."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):  # read-only folders, or nested too deep for rmtree
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*command, folder], check=False, stderr=subprocess.DEVNULL)  # noqa: S603 - our own folder
