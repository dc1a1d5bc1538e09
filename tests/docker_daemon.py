"""A Docker engine for tests: the one that runs here, or one of their own that leaves nothing behind."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

USUAL = "unix:///var/run/docker.sock"
NEEDED = ("dockerd", "containerd", "runc", "setpriv", "unshare", "docker")
NO_RULES = ("--iptables=false", "--ip6tables=false", "--ip-masq=false")
# It ends with the tests. Nobody else sees its bridge and its mounts: the bridge of another daemon would be its own too.
APART = ("setpriv", "--pdeathsig", "TERM", "unshare", "--net", "--mount")
PATIENCE = 60.0  # seconds: an upper bound for hangs


class NoDocker(Exception):
    """Why there is no Docker engine here."""


@contextmanager
def docker_engine() -> Iterator[str]:
    """Give the address of an engine that answers, started for the purpose where none does; NoDocker where none can."""
    known = os.environ.get("DOCKER_HOST") or USUAL
    if answers(known):
        yield known
    elif os.environ.get("DOCKER_HOST"):
        raise NoDocker(f"no Docker engine answers at DOCKER_HOST ({known})")
    else:
        with own_daemon() as host:
            yield host


def answers(host: str) -> bool:
    """Say whether an engine answers at an address; one that is not a local socket is believed to."""
    if not host.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as asked, suppress(OSError):
        asked.settimeout(5)
        asked.connect(host.removeprefix("unix://"))
        asked.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
        return b" 200 " in asked.recv(64)
    return False


@contextmanager
def own_daemon() -> Iterator[str]:
    """Start a daemon with folder, socket and network of its own; stop it and remove all of it afterwards.

    Its network leads nowhere. It ends with the process that asked for it, however that ends.
    """
    _check_possible()
    folder = Path(tempfile.mkdtemp(prefix="dockerd-"))
    process = _started(folder)
    host = f"unix://{folder}/docker.sock"
    try:
        _wait(process, host, folder / "log")
        yield host
        _remove_containers(host)  # else it waits ten seconds for each
    finally:
        _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _check_possible() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoDocker("no Docker engine answers, and one can be started by root on Linux only")
    absent = [program for program in NEEDED if shutil.which(program) is None]
    if absent:
        raise NoDocker(f"no Docker engine answers, and none can be started: {', '.join(absent)} not installed")


def _started(folder: Path) -> "subprocess.Popen[bytes]":
    places: list[str | Path] = [
        "--data-root",
        folder / "data",
        "--exec-root",
        folder / "exec",
        "--pidfile",
        folder / "pid",
    ]
    words = ["--host", f"unix://{folder}/docker.sock", "--shutdown-timeout", "2", *NO_RULES]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*APART, "dockerd", *places, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupt is for the tests, which stop it in their own time
        )


def _wait(process: "subprocess.Popen[bytes]", host: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not answers(host):
        if process.poll() is not None or time.monotonic() > deadline:
            said = " ".join(log.read_text(errors="replace").split()[-60:])
            raise NoDocker(f"dockerd does not start here: {said}")
        time.sleep(0.05)


def _remove_containers(host: str) -> None:
    docker = ["docker", "--host", host]
    left = subprocess.run([*docker, "ps", "--all", "--quiet"], capture_output=True, text=True, check=False).stdout
    if left:
        subprocess.run([*docker, "rm", "--force", "--volumes", *left.split()], capture_output=True, check=False)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
