"""Local workspaces: a temporary folder per trial, made when it is first used.

A folder is a place, not a wall: a command in it can reach the rest of the machine. What *we* read and write by a
path given to us stays inside, links included.
"""

import itertools
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from evalharness.temporary import own_folder, remove_folder
from evalharness.workspaces import Completed
from evalharness.workspaces.archive import LONGEST, checked, matcher
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
        about = found.stat()
        if not stat.S_ISREG(about.st_mode):  # reading a pipe or a device might never end
            raise ValueError(f"workspace path '{path}' is not a regular file")
        if about.st_size > LONGEST:  # it may take next to nothing on the disk
            raise ValueError(f"workspace path '{path}' has {about.st_size} bytes, more than {LONGEST}")
        try:
            return found.read_bytes()
        except PermissionError:  # an agent may have locked its own file
            found.chmod(0o600)
            return found.read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Write a file, making its folders."""
        target = self._made(path)
        if target.exists() and not target.is_file():  # writing to a pipe might never end
            raise FileExistsError(17, "something that is not a regular file is in the way", path)
        target.write_bytes(content)

    def upload(self, source: Path, path: str) -> None:
        """Copy a file or folder into the workspace, its links followed; links that are in its way are replaced."""
        whole = self._inside(path)
        inside = whole if checked(path) == "." else self._inside(str(Path(path).parent))
        inside.mkdir(parents=True, exist_ok=True)
        target = inside / Path(path).name
        if source.is_dir():
            _copy_folder(source, target)
        else:
            _copy_file(source, target)

    def download(self, path: str, target: Path) -> None:
        """Copy a file or folder out; inside a folder, only regular files that lie in the workspace."""
        source = self._inside(path)
        if not source.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.read(path))
            target.chmod(target.stat().st_mode | (source.stat().st_mode & 0o111))
            return
        target.mkdir(parents=True, exist_ok=True)
        inside = LocalWorkspace(str(source))
        for name in inside.find("**/*"):
            inside.download(name, target / name)

    def find(self, pattern: str) -> list[str]:
        """List the regular files that match a glob pattern (`**` for any depth), sorted."""
        matches = matcher(pattern)
        found = [(name, is_link) for name, is_link in _files(self.folder) if matches(name)]
        return sorted(name for name, is_link in found if not (is_link and self._leads_out(name)))

    def _inside(self, path: str) -> Path:
        """Return the real path of something in the workspace; ValueError for whatever leads out."""
        try:
            found = Path(self.folder, checked(path)).resolve()
        except RuntimeError as exc:  # as Python 3.11 and 3.12 say it; later ones return the path
            raise ValueError(f"workspace path '{path}' is a link to itself") from exc
        if not found.is_relative_to(Path(self.folder).resolve()):
            raise ValueError(f"workspace path '{path}' leads out of the workspace")
        return found

    def _made(self, path: str) -> Path:
        target = self._inside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _leads_out(self, name: str) -> bool:
        try:
            return not self._inside(name).is_file()
        except (OSError, ValueError):
            return True


def _files(top: str) -> Iterator[tuple[str, bool]]:
    """Walk the regular files and links of a folder: their paths below it, and whether they are links.

    However deep a trial has nested its folders; what has no path that the system takes is left out.
    """
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            entries = list(os.scandir(f"{top}/{below}"))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{below}{entry.name}/")
            elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                yield f"{below}{entry.name}", entry.is_symlink()


def _copy_folder(source: Path, target: Path) -> None:
    if target.is_symlink() or not target.is_dir():  # through a link, we would write wherever an agent wants
        target.unlink(missing_ok=True)
        target.mkdir()
    for entry in source.iterdir():
        (_copy_folder if entry.is_dir() else _copy_file)(entry, target / entry.name)


def _copy_file(source: Path, target: Path) -> None:
    if target.is_symlink() or not target.is_dir():
        target.unlink(missing_ok=True)  # a hard link would make two files of ours one
    shutil.copy2(source, target)


class _Fresh:
    """Names a folder on the way in, removes it on the way out if anybody made it."""

    __slots__ = ("_workspace",)

    def __enter__(self) -> LocalWorkspace:
        self._workspace = LocalWorkspace(f"{own_folder()}/{next(_numbers)}")
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
