"""Running a command in a container, and telling which limit ended it."""

import os
import re
import resource
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from evalharness.errors import Unmeasured
from evalharness.model import Resources
from evalharness.workspaces import Completed, cgroups
from evalharness.workspaces.archive import packed_file
from evalharness.workspaces.engine import Engine, container_name, fault
from evalharness.workspaces.limits import SIGXFSZ, by_words, starved
from evalharness.workspaces.process import Bounds, run_bounded

_OPEN_FILES, _USER_PROCESSES = 4096, 16384
_NOT_STARTED, _BY_SIGNAL = (126, 127), 128
_NOTICED = 10.0  # seconds that an engine may take to notice that a container was killed
_FIRST_PROCESS = re.compile(r"/(sleep|busybox|coreutils|ld\.so\.[^/]*|ld-[^/]*|libc[.-][^/]*)$")  # and its libraries
_BROKEN = (
    *("executable file not found", "no such file or directory", "permission denied", "exec format error"),
    *("not a directory", 'workdir "'),
)


def exec_in(  # noqa: PLR0913 - a command, where it runs and its limits
    engine: Engine,
    place: Sequence[str],
    command: Sequence[str],
    *,
    network: bool,
    resources: Resources,
    stdin: bytes,
    timeout: float,
) -> Completed:
    """Run a command in a container (`place` is what exec is told of it), and stop the container afterwards."""
    name = place[-1]
    if broken := _unstartable(engine, name):
        return broken
    fed = [*_fed(engine, name, stdin), *command] if stdin else command
    pid, container = engine.call("inspect", "--format", "{{.State.Pid}} {{.Id}}", name).split()
    group = cgroups.of_process(int(pid), container)
    words = engine.words("exec", *place, *fed)
    done = run_bounded(words, cwd="/", env=os.environ, bounds=Bounds(seconds=timeout))
    killed = group.memory_kills() if group else _killed_for_memory(engine, name, done)
    refused, peak = (group.refused_processes(), group.peak()) if group else (0, None)
    if done.exit_code and not killed:
        if group:
            _wait_for_death(engine, name, int(pid))
        _check_alive(engine, name, done)
    if done.exit_code in _NOT_STARTED and not _in_image(engine, name, command[0]):
        raise FileNotFoundError(2, "no such program in the container", command[0])
    engine.call("stop", "--time", "0", name)
    if done.exit_code == 0 or done.stopped == "output":
        return done
    if killed:
        return starved(done, peak, resources)
    return _named(done, refused=refused > 0, network=network)


def _fed(engine: Engine, name: str, stdin: bytes) -> list[str]:
    """Give the words before a command that make it read these bytes from a file.

    Through a pipe, podman loses what a command prints when it does not read all of them.
    """
    file = f".evalh-{secrets.token_hex(8)}"
    engine.call("cp", "-", f"{name}:/", stdin=packed_file(stdin, file))
    return ["sh", "-c", 'exec < "$0"; rm -f "$0" 2>/dev/null; exec "$@"', f"/{file}"]


def _unstartable(engine: Engine, name: str) -> Completed | None:
    """Start the container; where a trial has broken what it starts by, say so as a command's end: that is its doing."""
    fresh = engine.call("inspect", "--format", "{{.State.Status}}", name) != "exited"
    try:
        engine.call("start", name)
    except Unmeasured as exc:
        if fresh or exc.cause != "container" or not any(words in exc.detail.lower() for words in _BROKEN):
            raise
        return Completed(exit_code=_NOT_STARTED[0], stdout=b"", stderr=exc.detail.encode(), seconds=0.0)
    return None


def limited(resources: Resources, *, together: bool) -> list[str]:
    """Write the limits of a container; where not all of its processes can be limited together, those of each."""
    if not together:
        each = {"data": f"{resources.memory_limit}:{resources.memory_limit}"}
        each["nproc"] = f"{resources.processes}:{resources.processes}"
        return ulimits({**each, **resources.ulimits}, resources)
    words = ["--pids-limit", str(resources.processes), "--memory-reservation", f"{resources.memory_guaranteed}b"]
    words += ["--memory", f"{resources.memory_limit}b", "--memory-swap", f"{resources.memory_limit}b"]
    words += ["--cpus", str(resources.cpus)] if resources.cpus else []
    return words + ulimits(resources.ulimits, resources)


def ulimits(asked: Mapping[str, str], resources: Resources | None) -> list[str]:
    """Write the limits of single processes; never above what this process may give, which engines may not know."""
    known = {"nofile": _hard(resource.RLIMIT_NOFILE, _OPEN_FILES), "core": "0:0"}
    if resource.getrlimit(resource.RLIMIT_NPROC)[1] != resource.RLIM_INFINITY:
        known["nproc"] = _hard(resource.RLIMIT_NPROC, _USER_PROCESSES)
    if resources and resources.file_size:
        known["fsize"] = f"{resources.file_size}:{resources.file_size}"
    return [word for name, value in {**known, **asked}.items() for word in ("--ulimit", f"{name}={value}")]


def _hard(which: int, wanted: int) -> str:
    hard = resource.getrlimit(which)[1]
    count = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard // 2)
    return f"{count}:{count}"


def _wait_for_death(engine: Engine, name: str, pid: int) -> None:
    """Wait until the engine, too, knows that the first process was killed: a command in it ends a little earlier."""
    deadline = time.monotonic() + _NOTICED
    while _dying(pid) and time.monotonic() < deadline:
        try:
            if engine.call("inspect", "--format", "{{.State.Running}}", name) != "true":
                return
        except Unmeasured:  # which the next call says, too
            return
        time.sleep(0.1)


def _dying(pid: int) -> bool:
    """Say whether a process of this machine has no memory any more."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


def _check_alive(engine: Engine, name: str, done: Completed) -> None:
    """Raise Unmeasured where the container was lost, unless a trial has changed what it starts by."""
    try:
        alive, code = engine.call("inspect", "--format", "{{.State.Running}} {{.State.ExitCode}}", name).split()
        lost = alive != "true" and int(code) > _BY_SIGNAL and not _changed(engine, name)
    except Unmeasured as exc:  # engines say many things of a container that is being removed
        raise Unmeasured("container_lost" if exc.cause == "container" else exc.cause, exc.detail) from exc
    if lost:
        raise Unmeasured("container_lost", fault(done.stderr).detail)


def _changed(engine: Engine, name: str) -> bool:
    """Say whether a trial changed what the first process is made of, and so may have made it end as if killed."""
    return any(_FIRST_PROCESS.search(line) for line in engine.call("diff", name).splitlines())


def _in_image(engine: Engine, name: str, program: str) -> bool:
    """Say whether the image has a program: a trial may have removed it, or print that there is none."""
    if "/" in program:  # what a trial has to make, or has been given
        return True
    image = engine.call("inspect", "--format", "{{.Image}}", name)
    words = ["--rm", "--network", "none", "--label", "evalh", "--name", container_name(), *ulimits({}, None)]
    try:
        engine.call("run", *words, "--entrypoint", "sh", image, "-c", 'command -v -- "$1"', "sh", program)
    except Unmeasured as exc:
        if exc.cause == "container_engine":
            raise
        return False
    return True


def _killed_for_memory(engine: Engine, name: str, done: Completed) -> bool:
    """Ask the engine, where it runs too far away for its groups to be seen."""
    said = engine.call("inspect", "--format", "{{.State.OOMKilled}}", name)
    return done.exit_code == 137 and said == "true"


def _named(done: Completed, *, refused: bool, network: bool) -> Completed:
    code = done.exit_code
    if code is not None and code > 128:  # as engines and shells report a signal
        code = 128 - code
    stopped = "processes" if refused else done.stopped
    if stopped == "seconds" and by_words(done.stderr, network=network) == "processes":
        stopped = "processes"  # what a fork bomb looks like where nothing counts processes
    if stopped is None:
        stopped = "file_size" if code == -SIGXFSZ else by_words(done.stderr, network=network)
    return msgspec.structs.replace(done, exit_code=None if stopped else code, stopped=stopped)
