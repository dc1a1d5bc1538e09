"""Headers of foreign runs: what the source says, and nothing in place of what it does not say."""

import platform
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path

from msgspec import Struct

import evalharness
from evalharness.importers.source import reading
from evalharness.model import (
    RUN_SCHEMA,
    AgentDefinition,
    AgentEntry,
    Origin,
    RunHeader,
    SuiteEntry,
    TaskEntry,
)


class Known(Struct, frozen=True, kw_only=True):
    """What a source says of a run: `trials` of each of `tasks` (with its tags) were to be run.

    `tool` names the program that wrote it, with its version; `faults` are what is wrong with the data themselves.
    """

    suite: str
    agent: str
    tasks: Mapping[str, Iterable[str]]
    trials: int = 1
    version: str = ""
    suite_version: str = ""
    started_at: str = ""
    tool: str = ""
    faults: Iterable[str] = ()


def header(path: Path, run: str, known: Known) -> RunHeader:
    """Make the header of a foreign run; its id is a digest of its source, so one source is never two runs.

    Digests of tasks are unknown, and empty. Seed and fingerprint are unknown too: they are the source's own, so that
    two sources never seem to share them.
    """
    identity = _identity(path, run)
    source = {"file": str(path), "run": run, "tool": known.tool}
    return RunHeader(
        schema=RUN_SCHEMA,
        run_id=f"import-{identity}",
        suite=SuiteEntry(name=known.suite, version=known.suite_version, digest="", place=str(path)),
        tasks={
            task_id: TaskEntry(task="", graders="", limits="", tags=tuple(tags))
            for task_id, tags in known.tasks.items()
        },
        agent=AgentEntry(
            name=known.agent,
            version=known.version,
            fingerprint=f"unknown-{identity}",
            definition=AgentDefinition(name=known.agent, use="imported", version=known.version),
        ),
        trials=max(known.trials, 1),
        seed=int(identity, 16),
        started_at=known.started_at or _written(path),
        origin=Origin(
            harness=evalharness.__version__,
            python=platform.python_version(),
            platform=f"{sys.platform}-{platform.machine()}",
        ),
        options={"imported": source, "faults": list(known.faults)},
    )


def _written(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _identity(path: Path, run: str) -> str:
    """Digest what a run was read from: a file, or the JSON files of a folder."""
    with reading(path):
        if path.is_file():
            found = _digest(path)
        else:
            files = sorted(each for each in path.rglob("*.json*") if each.is_file())
            listed = [f"{each.relative_to(path)} {_digest(each)}" for each in files]
            found = sha256("\n".join(listed).encode(errors="surrogateescape")).hexdigest()
    return sha256(f"{found} {run}".encode(errors="surrogateescape")).hexdigest()[:12]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
