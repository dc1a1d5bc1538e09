"""Ending a command with everything it started.

Processes are found by session, by descent and by a marker in their environment, so that those that detach (`setsid`,
a double fork) end too. Out of reach is only one that detaches *and* empties its environment.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from msgspec import Struct

MARKER = "EVALH_TRIAL"
_PATIENCE = 2.0  # seconds; a process that outlives SIGKILL for longer waits for a broken device


class _Process(Struct, frozen=True):
    pid: int
    parent: int
    session: int
    started: float


def end_tree(pid: int, token: str) -> None:
    """Kill a session leader, its descendants and whatever carries the token, until nothing of it lives."""
    deadline = time.monotonic() + _PATIENCE
    _send(-pid, signal.SIGSTOP)  # who is stopped can start nothing more
    living = _living(pid, token)  # before anything is killed: descent ends with a parent
    _send(-pid, signal.SIGKILL)
    while living and time.monotonic() < deadline:
        for each in living:
            _send(each, signal.SIGKILL)
        time.sleep(0.001)
        living = _living(pid, token)


def marked(token: str) -> str:
    """Return the marker of what carries this token, and those of a harness around this one."""
    outer = os.environ.get(MARKER)
    return f"{outer}:{token}" if outer else token


def end_marked(token: str) -> None:
    """Kill whatever carries the token, wherever it went, except this process."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        living = {each.pid for each in _processes() if token.encode() in _environment(each.pid) and _alive(each.pid)}
        if not living - {os.getpid()}:
            return
        for each in living - {os.getpid()}:
            _send(each, signal.SIGKILL)
        time.sleep(0.001)


def _send(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except (ProcessLookupError, PermissionError):
        return


def _living(pid: int, token: str) -> set[int]:
    """Find what belongs to a command, except processes that wait to be reaped."""
    table = list(_processes())
    started = next((each.started for each in table if each.pid == pid), 0.0)
    younger = [each for each in table if each.started >= started and each.pid != pid]
    ours = {each.pid for each in younger if each.session == pid or token.encode() in _environment(each.pid)}
    while born := {each.pid for each in younger if each.parent in ours | {pid}} - ours:
        ours |= born
    return {each for each in ours if _alive(each)}


if sys.platform == "linux":  # psutil takes several times as long, and this is done once a trial

    def _fields(pid: int | str) -> list[str]:
        """Return what /proc/PID/stat says after the name: state, parent, group, session, …; nothing once it is gone."""
        try:
            fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        except OSError:
            return []
        try:
            return os.read(fd, 4096).rpartition(b")")[2].decode().split()
        except ProcessLookupError:
            return []
        finally:
            os.close(fd)

    def _processes() -> Iterator[_Process]:
        for pid in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - names are all that is needed
            if fields := _fields(pid):
                yield _Process(int(pid), int(fields[1]), int(fields[3]), float(fields[19]))

    def _environment(pid: int) -> bytes:
        try:
            return Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return b""

    def _alive(pid: int) -> bool:
        return _fields(pid)[:1] not in ([], ["Z"], ["X"])

else:

    def _processes() -> Iterator[_Process]:
        for each in psutil.process_iter():
            try:
                yield _Process(each.pid, each.ppid(), os.getsid(each.pid), each.create_time())
            except (psutil.Error, OSError):
                continue

    def _environment(pid: int) -> bytes:
        try:
            return psutil.Process(pid).environ().get(MARKER, "").encode()
        except (psutil.Error, OSError):
            return b""

    def _alive(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False
