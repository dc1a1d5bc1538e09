"""Entries, repositories and runs on disk, for tests of the version line."""

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import msgspec

from evalharness.ledger.chain import Chain
from evalharness.ledger.entry import LEDGER_SCHEMA, Entry, Evidence, Kind, RunRef
from evalharness.model import Check, Decision, Outcome, Planned, Record
from evalharness.store import TRIALS, RunStore
from tests.factories import header

WHEN = "2026-01-01T00:00:00+00:00"


def run_ref(run_id: str, *, trials: int = 3, owed: int = 0, table: bytes = b"{}", suite: str = "suite") -> RunRef:
    return RunRef(
        suite=suite,
        run_id=run_id,
        digest="d",
        outcomes=sha256(table).hexdigest(),
        tasks=1,
        trials=trials,
        owed=owed,
    )


def promotion_of(
    chain: Chain, version: str, *, decision: Decision = Decision.PROMOTE, override: str = "", owed: int = 0
) -> Entry:
    """A candidate on top of a chain, whose fingerprint and run are named after its version."""
    judged = Evidence(
        run=run_ref(f"run-{version}", owed=owed),
        verdict=f"verdict-{version}",
        decision=decision,
        checks=(Check(rule="no_worse", decision=decision, because="as it says"),),
        false_block=0.03,
        baseline_run="run-fresh",
        baseline_fingerprint="any",
    )
    return Entry(
        schema=LEDGER_SCHEMA,
        kind=Kind.PROMOTION,
        line=chain.name,
        parent=chain.head,
        version=version,
        agent="agent",
        fingerprint=f"print-{version}",
        evidence=(judged,),
        override=override,
        intent="to be better",
        who="someone",
        when=WHEN,
    )


TABLES = {sha256(b"{}").hexdigest(): b"{}"}


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def new_repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for number in range(3):
        (folder / "file.txt").write_text(str(number))
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", f"commit {number}")
    return folder


def clone(origin: Path, folder: Path, *arguments: str) -> Path:
    git(origin, "clone", "-q", *arguments, f"file://{origin}", str(folder))
    return folder


def new_run(
    path: Path, outcomes: dict[str, str], *, fingerprint: str, planned: int | None = None, seed: int = 1
) -> Path:
    """A run on disk; each task's outcomes are written as letters: (P)ass, (F)ail, (E)rror."""
    words = {"P": Outcome.PASS, "F": Outcome.FAIL, "E": Outcome.ERROR}
    made = header(list(outcomes), fingerprint=fingerprint, run_id=path.name, seed=seed)
    most = max(map(len, outcomes.values())) if planned is None else planned
    RunStore.create(path, made, Planned(task_ids=tuple(outcomes), first=1, last=most))
    records = [
        Record(task_id=task_id, trial=number, outcome=words[letter], model="m-1" if letter != "E" else None)
        for task_id, letters in outcomes.items()
        for number, letter in enumerate(letters, start=1)
    ]
    (path / TRIALS).write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    return path


def environment() -> dict[str, str]:
    """An environment in which a child process finds the package and no identity of git."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "GIT_CONFIG_GLOBAL": "/dev/null"}
