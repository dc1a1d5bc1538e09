"""Temporary folders: all that a process makes lie in one of its own, which the next process removes if it was killed.

A process owns its folder by a lock on a file in it, which the kernel lets go of however the process ends. Whoever
makes a folder sweeps: of the folders with our prefix that belong to this user it removes those whose lock it gets.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

PREFIX = "evalharness-"
LOCK = ".lock"
_OWN: dict[int, Path] = {}
_MAKING = threading.Lock()


def own_folder() -> Path:
    """Return this process's folder, which nobody else reads; made and swept for when it is first asked for."""
    pid = os.getpid()
    with _MAKING:
        if pid not in _OWN:
            sweep()
            _OWN[pid] = _made()
            atexit.register(_forget, _OWN[pid], pid)
        return _OWN[pid]


@contextlib.contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """Give a new folder in this process's own, and remove it afterwards; `kind` is how its name starts."""
    folder = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=own_folder()))
    try:
        yield folder
    finally:
        remove_folder(str(folder))


def sweep() -> list[str]:
    """Remove the folders of this user's processes that were killed; return their paths."""
    with os.scandir(tempfile.gettempdir()) as entries:
        found = [entry.path for entry in entries if entry.name.startswith(PREFIX) and _ours(entry)]
    return [folder for folder in found if _swept(folder)]


def remove_folder(folder: str) -> None:
    """Remove a folder with whatever an agent left in it."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):  # read-only folders, or nested too deep for rmtree
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*command, folder], check=False, stderr=subprocess.DEVNULL)  # noqa: S603 - our own folder


def _made() -> Path:
    """Make a folder and lock it; one that a sweep takes away in between is made again."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            _locked(folder / LOCK, wait=True)
        except FileNotFoundError:
            continue
        except OSError:  # a file system without locks, on which nobody sweeps
            pass
        if (folder / LOCK).exists():
            return folder


def _locked(file: Path, *, wait: bool) -> int:
    """Lock a file, which is made if need be, for as long as the returned descriptor is open; BlockingIOError."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _ours(entry: "os.DirEntry[str]") -> bool:
    try:
        about = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid()


def _swept(folder: str) -> bool:
    try:
        lock = _locked(Path(folder, LOCK), wait=False)
    except OSError:  # it lives, or is gone by now
        return False
    try:
        doomed = f"{folder}-gone"  # at once, so that whoever is about to lock it makes another
        Path(folder).rename(doomed)
        remove_folder(doomed)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _forget(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # trials that were given up leave their workspaces
        remove_folder(str(folder))
