"""One call of a command: its time, its output and its children stay in bounds, and it can be stopped from outside.

A command that is stopped is asked to end, and has a while to put away what no process of its own keeps, such as
containers; then it is killed. On Linux it is asked as well when this process is gone without a word.
"""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

from msgspec import Struct

from evalharness.workspaces.lifeline import Lifeline
from evalharness.workspaces.process import ended
from evalharness.workspaces.tree import MARKER, end_tree

MOST_OUTPUT = 64 << 20
TAIL_BYTES = 4000
LOOK_SECONDS = 0.05
LAST_WORDS = 25.0  # docker alone takes 10 s to stop a container that does not listen


class Ended(Struct, frozen=True, kw_only=True):
    """How a call ended: `stopped` names what cut it short, `tail` is the end of what it printed."""

    exit_code: int
    stopped: str | None
    tail: str


def call(command: Sequence[str], *, folder: Path, logs: Path, seconds: float, stop: Event) -> Ended:
    """Run a command without a shell; everything that it started ends with the call."""
    token, deadline = secrets.token_hex(8), time.monotonic() + seconds
    with (logs / "stdout").open("wb") as out, (logs / "stderr").open("wb") as err, Lifeline() as life:
        process = subprocess.Popen(  # noqa: S603 - to run what a suite names is the purpose
            list(command),
            cwd=folder,
            env=_environment(folder, token),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            pass_fds=(life.theirs,),
        )
        life.tie(process.pid, signal.SIGTERM)
        try:
            stopped = _watched(process, logs, deadline, stop)
            if stopped:
                _ask_to_end(process)
        finally:
            end_tree(process.pid, token)
            process.wait()
    tail = "\n".join(filter(None, (_tail(logs / name) for name in ("stdout", "stderr"))))
    return Ended(exit_code=process.returncode, stopped=stopped, tail=tail)


def _environment(folder: Path, token: str) -> dict[str, str]:
    outer = os.environ.get(MARKER)  # a harness inside a trial: the outer one has to find these processes too
    return {**os.environ, "PWD": str(folder), MARKER: f"{outer}:{token}" if outer else token}


def _watched(process: "subprocess.Popen[bytes]", logs: Path, deadline: float, stop: Event) -> str | None:
    """Wait until the command ends or has to be stopped; name what stops it."""
    while not ended(process):
        if stop.wait(LOOK_SECONDS):
            return "stop"
        if time.monotonic() >= deadline:
            return "seconds"
        if any((logs / name).stat().st_size > MOST_OUTPUT for name in ("stdout", "stderr")):
            return "output"
    return None


def _ask_to_end(process: "subprocess.Popen[bytes]") -> None:
    """Send the command and its children the signal to end, and wait for as long as it still does something."""
    with suppress(ProcessLookupError, PermissionError):  # it ended just now
        os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + LAST_WORDS
    while not ended(process) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read().decode("utf-8", "replace").strip()
