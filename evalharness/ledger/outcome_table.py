"""A run's outcomes small enough to travel with a line: a fresh checkout has its baseline without the run directory.

The table keeps the run's header (with the digests of every task, and the agent well enough to run it again at its
commit) and four counts per task. Scores, costs and times of single trials stay behind, and are unknown afterwards.
"""

import os
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.ledger.chain import BaselineRun
from evalharness.ledger.entry import MeasuredRun, RunRef, canonical_json
from evalharness.ledger.storage import Line
from evalharness.model import Counts, RunHeader
from evalharness.outcomes import Outcomes, TrialLine, read, table
from evalharness.redact import Redactor
from evalharness.store import HEADER, PLAN, TRIALS


class TaskCounts(Struct, frozen=True, array_like=True):
    """The trials of one task: passed, measured, attempted and planned ones."""

    task_id: str
    passed: int
    measured: int
    tried: int
    planned: int


class OutcomeTable(Struct, frozen=True, kw_only=True):
    """A run's header and counts; `models` are the names that the provider returned."""

    header: RunHeader
    counts: tuple[TaskCounts, ...]
    models: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LineBaseline:
    """What `line:NAME` stands for as a baseline; the run that earned a promotion is not fit to be one."""

    outcomes: Outcomes
    run: BaselineRun


def measured_run(path: Path, root: Path) -> MeasuredRun:
    """Read a run for a line; places inside it become relative to `root`, and secrets are left out."""
    outcomes = read(path)
    rows = _counts(outcomes)
    said = OutcomeTable(header=_portable(outcomes.header, root), counts=rows, models=_models(outcomes))
    packed = Redactor.from_environment().clean(canonical_json(said))
    ref = RunRef(
        suite=outcomes.header.suite.name,
        run_id=outcomes.header.run_id,
        digest=run_digest(path),
        outcomes=sha256(packed).hexdigest(),
        tasks=len(rows),
        trials=min((each.measured for each in rows), default=0),
        owed=sum(each.planned - each.tried for each in rows),
    )
    return MeasuredRun(ref=ref, header=outcomes.header, table=packed)


def counts_of(run: MeasuredRun) -> dict[str, Counts]:
    """Return the counts of every task of a run."""
    counts = msgspec.json.decode(run.table, type=OutcomeTable).counts
    return {each.task_id: Counts(passed=each.passed, measured=each.measured, planned=each.planned) for each in counts}


def run_digest(path: Path) -> str:
    """Digest what a run directory says of its outcomes: header, plan and trials."""
    parts = [
        sha256((path / name).read_bytes()).hexdigest() for name in (HEADER, PLAN, TRIALS) if (path / name).exists()
    ]
    return sha256("\n".join(parts).encode()).hexdigest()


def baseline_of(line: Line, suite: str | None = None) -> LineBaseline:
    """Return the baseline that a line offers for a suite, from its own outcome table."""
    run = line.read().baseline(suite)
    content = line.table(run.run.outcomes)
    try:
        stored = msgspec.json.decode(content, type=OutcomeTable)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"line {line.name}: the outcome table of {run.version} cannot be read: {exc}") from exc
    return LineBaseline(outcomes=unpacked_outcomes(f"line:{line.name}", stored), run=run)


def unpacked_outcomes(place: str, stored: OutcomeTable) -> Outcomes:
    """Make an outcome table that compares like the run it came from."""
    # Which trial was answered by which of several models was not kept, so it is said only where there was one.
    model = stored.models[0] if len(stored.models) == 1 else None
    lines = [
        TrialLine(task_id=counts.task_id, trial=number, outcome=outcome, model=model if outcome != "error" else None)
        for counts in stored.counts
        for number, outcome in enumerate(_outcomes(counts), start=1)
    ]
    return table(place, stored.header, lines, {each.task_id: each.planned for each in stored.counts})


def _outcomes(counts: TaskCounts) -> list[str]:
    return [
        *["pass"] * counts.passed,
        *["fail"] * (counts.measured - counts.passed),
        *["error"] * (counts.tried - counts.measured),
    ]


def _counts(outcomes: Outcomes) -> tuple[TaskCounts, ...]:
    tasks, tried = outcomes.tasks, Counter(outcomes.trials["task_id"])
    columns = (tasks[name].tolist() for name in ("passed", "measured", "planned"))
    return tuple(
        TaskCounts(task_id, passed, measured, tried[task_id], planned)
        for task_id, passed, measured, planned in zip(tasks.index, *columns, strict=True)
    )


def _models(outcomes: Outcomes) -> tuple[str, ...]:
    return tuple(sorted(outcomes.trials["model"].dropna().unique()))


def _portable(header: RunHeader, root: Path) -> RunHeader:
    """Leave out what only this machine knows: places become relative, options of the command line go."""
    definition = msgspec.structs.replace(header.agent.definition, place=_inside(header.agent.definition.place, root))
    return msgspec.structs.replace(
        header,
        suite=msgspec.structs.replace(header.suite, place=_inside(header.suite.place, root)),
        agent=msgspec.structs.replace(header.agent, definition=definition),
        options={},
    )


def _inside(place: str, root: Path) -> str:
    """Name a place below the root; of one elsewhere, only its last part."""
    relative = os.path.relpath(Path(place).resolve(), root.resolve())
    return Path(place).name if relative.startswith("..") else relative
