"""The docker and podman command lines: calls that say by a stable cause what went wrong below a trial."""

import atexit
import functools
import io
import os
import platform
import secrets
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO

import psutil
from msgspec import Struct

from evalharness.errors import Unmeasured
from evalharness.temporary import own_folder
from evalharness.workspaces.limits import check_variables

ENGINES = ("podman", "docker")
CALL_SECONDS = 120.0
LONG_SECONDS = 3600.0  # to pull or build an image
STREAM_SECONDS = 600.0  # to copy what a trial left
_DOWN = (
    "cannot connect",
    "connection refused",
    "error during connect",
    "failed to connect to the docker",
    "is the docker daemon running",
    "no such file or directory: docker",
)
_FULL = "no space left on device"
_NO_PATH = "no such container:path"  # as docker 20.10 says it of a path, and of a container
_LOST = ("no such container", "no container with name", "no such object")


class Engine(Struct, frozen=True):
    """A container engine, by its program; `runtime` is what podman starts containers with."""

    program: str
    runtime: str | None = None

    def words(self, *words: str) -> list[str]:
        """Write a call of the engine."""
        return [self.program, *(["--runtime", self.runtime] if self.runtime else []), *words]

    def call(self, *words: str, stdin: IO[bytes] | None = None, seconds: float = CALL_SECONDS) -> str:
        """Call the engine and return what it says; Unmeasured, with a cause, where it fails."""
        try:
            done = subprocess.run(  # noqa: S603 - the engine that the suite asks for
                self.words(*words),
                input=stdin.read() if stdin else b"",
                cwd=private_folder(),  # podman's monitor leaves a file where a container ran out of memory
                capture_output=True,
                check=False,
                timeout=seconds,
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise Unmeasured("container_engine", str(exc)) from exc
        if done.returncode:
            raise fault(done.stderr or f"{words[0]}: exit code {done.returncode}".encode())
        return done.stdout.decode("utf-8", "replace").strip()

    @contextmanager
    def stream(self, *words: str, seconds: float = STREAM_SECONDS) -> Iterator[IO[bytes]]:
        """Call the engine and read what it says while it says it; FileNotFoundError for a path that is not there.

        What is read may be cut short where the engine fails: then the end of the block raises Unmeasured.
        """
        with subprocess.Popen(  # noqa: S603 - likewise
            self.words(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None  # noqa: S101 - both are pipes
            assert process.stderr is not None  # noqa: S101
            patience = threading.Timer(seconds, process.kill)
            patience.start()
            try:
                if _at_end(process.stdout):
                    self._raise_missing(process.stderr.read(), words[-2])
                try:
                    yield process.stdout
                except ValueError:  # no archive: because the engine broke off, or by the trial's doing
                    _check_ended(process)
                    raise
                _check_ended(process)
            finally:
                patience.cancel()
                process.kill()

    def _raise_missing(self, stderr: bytes, place: str) -> None:
        exc = fault(stderr)
        if exc.cause == "container":
            self.call("inspect", "--format", "{{.Id}}", place.partition(":")[0])  # some say the same where that is gone
            raise FileNotFoundError(2, f"no such file in the container: {exc.detail}", place)
        raise exc

    def up(self) -> str | None:
        """Say why the engine cannot be used; None when it answers."""
        try:
            self.call("info", "--format", "{{.ID}}" if self.program == "docker" else "{{.Host.OS}}", seconds=30)
        except Unmeasured as exc:
            return exc.detail or exc.cause
        return None


def _at_end(stream: IO[bytes]) -> bool:
    return isinstance(stream, io.BufferedReader) and not stream.peek(1)


def _check_ended(process: subprocess.Popen[bytes]) -> None:
    """Raise Unmeasured where a call of the engine has come to an end, and not to a good one."""
    if process.stdout and process.stderr and _at_end(process.stdout) and process.wait():
        raise fault(process.stderr.read() or f"cut short: exit code {process.returncode}".encode())


def fault(stderr: bytes) -> Unmeasured:
    """Name what an engine complains about."""
    said = stderr.decode("utf-8", "replace").strip()
    low = said.lower()
    if any(words in low for words in _DOWN):
        return Unmeasured("container_engine", said[-500:])
    if any(words in low for words in _LOST) and _NO_PATH not in low:
        return Unmeasured("container_lost", said[-500:])
    return Unmeasured("disk_full" if _FULL in low else "container", said[-500:])


@functools.cache
def found(asked: str, runtime: str | None) -> Engine | None:
    """Choose the engine: the one asked for, or the first that is installed and answers."""
    names = ENGINES if asked == "auto" else (asked,)
    there = [name for name in names if shutil.which(name)]
    engines = [Engine(name, _runtime(name) if runtime is None else runtime) for name in there]
    return next((engine for engine in engines if engine.up() is None), engines[0] if engines else None)


@functools.cache
def limits_containers(engine: Engine) -> bool:
    """Say whether an engine limits containers as a whole: a rootless one only where control groups are handed down."""
    if engine.program == "docker":
        return engine.call("info", "--format", "{{.MemoryLimit}} {{.PidsLimit}}") == "true true"
    said = engine.call("info", "--format", "{{.Host.Security.Rootless}} {{.Host.CgroupControllers}}")
    return not said.startswith("true") or ("memory" in said and "pids" in said)


def enforced_by(engine: Engine | None) -> str:
    """Name what keeps the limits of containers; what it would be where the engine cannot be asked."""
    with suppress(Unmeasured):
        if engine and not limits_containers(engine):
            return "rlimit"
    return "container"


def _runtime(program: str) -> str | None:
    """Podman's own choice is crun; where only runc is installed it has to be told."""
    return "runc" if program == "podman" and not shutil.which("crun") and shutil.which("runc") else None


@functools.cache
def _host() -> str:
    return sha256(platform.node().encode()).hexdigest()[:8]


def container_name() -> str:
    """Name a container so that no two collide, and its owner can be told from the name."""
    return f"evalh-{_host()}-{os.getpid()}-{_started(os.getpid())}-{secrets.token_hex(6)}"


def own_prefix() -> str:
    """Return what the names of this process's containers start with."""
    return f"evalh-{_host()}-{os.getpid()}-{_started(os.getpid())}-"


def sweep(engine: Engine) -> list[str]:
    """Remove the containers that processes of this machine left behind when they were killed; return their names."""
    left = [name for name in _names(engine) if name.startswith(f"evalh-{_host()}-") and not _owned(name)]
    if left:
        engine.call("rm", "--force", "--volumes", *left)
    return left


def _owned(name: str) -> bool:
    _, _, pid, started, *_ = name.split("-")
    return pid.isdecimal() and _started(int(pid)) == started


def _started(pid: int) -> str:
    try:
        return str(int(psutil.Process(pid).create_time() * 100))
    except psutil.Error:
        return "gone"


def check_told(env: Mapping[str, str]) -> None:
    """Refuse variables that cannot stand in the files by which engines are told of them."""
    check_variables(env)
    for name, value in env.items():
        if any(each.isspace() for each in name) or name.startswith("#"):
            raise ValueError(f"env: {name!r}: engines cannot be told this name")
        if "\n" in value:
            raise ValueError(f"env: {name}: a container's variables cannot hold line breaks")


def environment_file(folder: Path, env: dict[str, str]) -> Path:
    """Write variables into a file that only this user reads: a command line shows to everybody."""
    check_told(env)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"env-{secrets.token_hex(8)}"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in env.items()), encoding="utf-8")
    return file


def private_folder() -> Path:
    """Return a folder of this process that nobody else reads; it goes with the process."""
    folder = own_folder() / "engine"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@functools.cache
def clean_up_at_exit(engine: Engine, pid: int) -> None:
    """See to it that the containers of trials that were given up go when their process ends."""
    own_folder()  # registered before, so that it goes after the containers
    atexit.register(_remove_own, engine, pid)


def _remove_own(engine: Engine, pid: int) -> None:
    if os.getpid() != pid:
        return
    with suppress(Unmeasured):
        own = [name for name in _names(engine) if name.startswith(own_prefix())]
        if own:
            engine.call("rm", "--force", "--volumes", *own)


def _names(engine: Engine) -> list[str]:
    return engine.call("ps", "--all", "--filter", "label=evalh", "--format", "{{.Names}}").split()
