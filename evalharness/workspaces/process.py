"""Running a command so that neither its time, its output nor its children get out of hand."""

import os
import secrets
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from evalharness.workspaces import Completed
from evalharness.workspaces.lifeline import Lifeline
from evalharness.workspaces.tree import MARKER, end_tree

MAX_OUTPUT = 8 * 1024 * 1024
_CHUNK = 65536
_LAST_WORDS = 2.0  # seconds to read what an ended command left in its pipes


def run_command(
    command: Sequence[str],
    *,
    cwd: str | Path,
    timeout: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    max_output: int = MAX_OUTPUT,
) -> Completed:
    """Run a command without a shell; its whole process tree ends with the call.

    `max_output` bounds each of stdout and stderr, in bytes. The environment is inherited, `env` is added to it. A
    program that cannot be started raises OSError.
    """
    bounds = Bounds(seconds=timeout, output=max_output)
    return run_bounded(command, cwd=cwd, env={**os.environ, "PWD": str(cwd), **(env or {})}, stdin=stdin, bounds=bounds)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What stops a command: time, output, and `watch`, asked now and then, which may name a limit that is passed."""

    seconds: float
    output: int = MAX_OUTPUT
    watch: Callable[[], str | None] | None = None


def run_bounded(
    command: Sequence[str],
    *,
    cwd: str | Path,
    env: Mapping[str, str],
    bounds: Bounds,
    stdin: bytes = b"",
    descriptors: Sequence[int] = (),
) -> Completed:
    """Run a command as `run_command` does, with exactly this environment beside the mark that its processes bear.

    It also inherits the open files of `descriptors`.
    """
    token = secrets.token_hex(8)
    started = time.monotonic()
    with Lifeline() as life:
        process = subprocess.Popen(  # noqa: S603 - to run what a suite or agent names is the purpose
            list(command),
            bufsize=0,
            cwd=cwd,
            env=_marked(env, token),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=(*descriptors, life.theirs),
        )
        life.tie(process.pid)
        with _Streams(process, stdin, bounds.output) as streams:
            try:
                stopped = _follow(process, streams, bounds, deadline=started + bounds.seconds)
            finally:
                end_tree(process.pid, token)  # before the process is reaped, while its number is still its own
                process.wait()
            return _completed(process, streams, stopped, seconds=time.monotonic() - started)


def _completed(
    process: subprocess.Popen[bytes], streams: "_Streams", stopped: str | None, *, seconds: float
) -> Completed:
    """Say how an ended command went."""
    if stopped is None:
        streams.drain()
    return Completed(
        exit_code=None if stopped else process.returncode,
        stdout=streams.content("stdout"),
        stderr=streams.content("stderr"),
        seconds=seconds,
        stopped="output" if streams.overflowing else stopped,
    )


def _marked(env: Mapping[str, str], token: str) -> dict[str, str]:
    outer = os.environ.get(MARKER)  # a harness inside a trial: the outer one has to find these processes too
    return {**env, MARKER: f"{outer}:{token}" if outer else token}


def _follow(process: subprocess.Popen[bytes], streams: "_Streams", bounds: Bounds, *, deadline: float) -> str | None:
    """Pass bytes in and out until the command ends or has to be stopped; name the limit that stops it."""
    pause = 0.0005
    while not ended(process):
        pause = 0.05 if streams.open else min(2 * pause, 0.02)
        streams.pump(max(0.0, min(pause, deadline - time.monotonic())))
        if streams.overflowing:
            return "output"
        if time.monotonic() >= deadline:
            return "seconds"
        if bounds.watch and (passed := bounds.watch()):
            return passed
    return None


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Say whether a process has ended, without giving its number free."""
    if sys.platform == "darwin":  # waitid came to macOS with Python 3.13
        ended = process.poll() is not None
    else:
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return ended


class _Streams:
    """The three pipes of a command, served together so that none of them blocks another."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, max_output: int) -> None:
        pipes = {"stdin": process.stdin, "stdout": process.stdout, "stderr": process.stderr}
        self._pipes: dict[str, IO[bytes]] = {name: pipe for name, pipe in pipes.items() if pipe}
        self._pending = memoryview(stdin)
        self._max_output = max_output
        self._received = {"stdout": bytearray(), "stderr": bytearray()}
        self._selector = selectors.DefaultSelector()
        for name, pipe in self._pipes.items():
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_WRITE if name == "stdin" else selectors.EVENT_READ, name)
        if not stdin:
            self._close("stdin")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._pipes):
            self._close(name)
        self._selector.close()

    @property
    def open(self) -> bool:
        """Whether a pipe is still in use."""
        return bool(self._pipes)

    @property
    def overflowing(self) -> bool:
        """Whether more came out than is kept."""
        return any(len(content) > self._max_output for content in self._received.values())

    def content(self, name: str) -> bytes:
        """Return what came out of a stream, up to the limit."""
        return bytes(self._received[name][: self._max_output])

    def pump(self, timeout: float) -> None:
        """Move what can be moved, waiting up to `timeout` for it."""
        for key, _ in self._selector.select(timeout):
            if key.data == "stdin":
                self._send(key.fd)
            else:
                self._receive(key.data, key.fd)

    def drain(self) -> None:
        """Read what an ended command left in its pipes."""
        if "stdin" in self._pipes:
            self._close("stdin")
        deadline = time.monotonic() + _LAST_WORDS
        while self.open and not self.overflowing and time.monotonic() < deadline:
            self.pump(0.05)

    def _send(self, fd: int) -> None:
        try:
            self._pending = self._pending[os.write(fd, self._pending[:_CHUNK]) :]
        except BrokenPipeError:  # the command does not want the rest
            self._pending = memoryview(b"")
        if not self._pending:
            self._close("stdin")

    def _receive(self, name: str, fd: int) -> None:
        if chunk := os.read(fd, _CHUNK):
            self._received[name] += chunk
        else:
            self._close(name)

    def _close(self, name: str) -> None:
        pipe = self._pipes.pop(name)
        self._selector.unregister(pipe)
        pipe.close()
