"""Git as a subprocess: no hooks, no prompts, no replaced objects, and a failure is one line."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from evalharness.errors import ConfigError

# Set by git for its hooks, these would send every command below to another repository or index.
_GITS_OWN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
_FAULTS = ("fatal:", "error:")


def git_environment() -> dict[str, str]:
    """Return the environment without what ties it to another repository."""
    return {name: value for name, value in os.environ.items() if name not in _GITS_OWN}


def git_text(
    folder: Path, *arguments: str, stdin: bytes | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """Return what a git command prints, without the last line end."""
    return os.fsdecode(git_output(folder, *arguments, stdin=stdin, environment=environment)).removesuffix("\n")


def git_output(
    folder: Path, *arguments: str, stdin: bytes | None = None, environment: Mapping[str, str] | None = None
) -> bytes:
    """Return what a git command prints; a failure is a ConfigError with git's own line about it."""
    command = ["git", "--no-replace-objects", "-c", "core.hooksPath=/dev/null", *arguments]
    around = git_environment() | {"GIT_TERMINAL_PROMPT": "0"} | dict(environment or {})
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, env=around, input=stdin if stdin is not None else b"", capture_output=True, check=False
        )
    except OSError as exc:
        raise ConfigError(f"git cannot be started: {exc.strerror}") from exc
    if done.returncode != 0:
        raise ConfigError(f"`git {arguments[0]}`: {_fault(done.stderr) or f'ended with status {done.returncode}'}")
    return done.stdout


def _fault(stderr: bytes) -> str:
    """Pick git's line about what went wrong from among its hints."""
    lines = stderr.decode("utf-8", "replace").strip().split("\n")
    return next((line for line in lines if line.startswith(_FAULTS)), lines[-1])
