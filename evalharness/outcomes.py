"""Records to an outcome table: a row per trial, as its last measured line says."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from evalharness.errors import ConfigError, NotComparable
from evalharness.model import LeftOut, Planned, RunHeader, TaskEntry
from evalharness.store import RunStore

REMAINING_SHARE = 0.9


class LineUsage(msgspec.Struct, frozen=True):
    """The part of a record's usage that a table needs."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    working_seconds: float | None = None
    model_calls: int | None = None


class Line(msgspec.Struct, frozen=True):
    """The part of a record that a table needs."""

    task_id: str
    trial: int
    outcome: str
    attempt: int = 1
    score: float | None = None
    cause: str | None = None
    usage: LineUsage = LineUsage()
    output_digest: str | None = None
    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """One run as a table.

    `trials` has a row per attempted trial with columns task_id, trial, outcome, score, cause, attempts, cost_usd,
    tokens, seconds, working_seconds, model_calls, output_digest, model; `tasks` has a row per planned task, indexed by
    its id, with the integer columns passed, measured and planned.
    """

    place: str
    header: RunHeader
    trials: pd.DataFrame
    tasks: pd.DataFrame

    @property
    def causes(self) -> dict[str, int]:
        """Count the unmeasured trials by cause; those never attempted are `not run`."""
        unmeasured = self.trials.loc[self.trials["outcome"] == "error", "cause"]
        counted = Counter(unmeasured.fillna("unknown").tolist())
        owed = int(self.tasks["planned"].sum()) - len(self.trials)
        return dict(counted) | ({"not run": owed} if owed > 0 else {})


def read(path: Path | str) -> Outcomes:
    """Read a run directory as a table."""
    store = RunStore(Path(path))
    return table(str(path), store.header, store.lines(Line), planned_trials(store.planned()))


def planned_trials(planned: Iterable[Planned]) -> dict[str, int]:
    """Count the planned trials of each task."""
    counted: Counter[str] = Counter()
    for line in planned:
        counted.update(dict.fromkeys(line.task_ids, line.last - line.first + 1))
    return dict(counted)


def table(place: str, header: RunHeader, lines: Iterable[Line], planned: dict[str, int]) -> Outcomes:
    """Make the table of a run from its attempts."""
    standing: dict[tuple[str, int], Line] = {}
    attempts: Counter[tuple[str, int]] = Counter()
    for line in lines:
        key = (line.task_id, line.trial)
        attempts[key] += 1
        if line.outcome != "error" or key not in standing or standing[key].outcome == "error":
            standing[key] = line
    rows = list(standing.values())
    trials = pd.DataFrame(
        {
            "task_id": [row.task_id for row in rows],
            "trial": [row.trial for row in rows],
            "outcome": [row.outcome for row in rows],
            "score": np.array([row.score for row in rows], dtype=float),
            "cause": [row.cause for row in rows],
            "attempts": [attempts[row.task_id, row.trial] for row in rows],
            "cost_usd": np.array([row.usage.cost_usd for row in rows], dtype=float),
            "tokens": np.array([_tokens(row.usage) for row in rows], dtype=float),
            "seconds": np.array([row.usage.seconds for row in rows], dtype=float),
            "working_seconds": np.array([row.usage.working_seconds for row in rows], dtype=float),
            "model_calls": np.array([row.usage.model_calls for row in rows], dtype=float),
            "output_digest": [row.output_digest for row in rows],
            "model": [row.model for row in rows],
        }
    )
    return Outcomes(place=place, header=header, trials=trials, tasks=_tasks(trials, planned))


def _tokens(usage: LineUsage) -> float | None:
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)


def _tasks(trials: pd.DataFrame, planned: dict[str, int]) -> pd.DataFrame:
    """Count per task; a task that was tried more often than planned was planned as often as it was tried."""
    index = pd.Index(dict.fromkeys([*planned, *trials["task_id"]]), name="task_id", dtype=object)
    by_task = trials.groupby("task_id", sort=False)["outcome"]
    passed = (trials["outcome"] == "pass").groupby(trials["task_id"], sort=False).sum()
    measured = (trials["outcome"] != "error").groupby(trials["task_id"], sort=False).sum()
    tried = by_task.size().reindex(index, fill_value=0)
    return pd.DataFrame(
        {
            "passed": passed.reindex(index, fill_value=0).astype(np.int64),
            "measured": measured.reindex(index, fill_value=0).astype(np.int64),
            "planned": np.maximum(tried, pd.Series(planned, dtype=np.int64).reindex(index, fill_value=0)),
        },
        index=index,
    )


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """The tasks that both runs answer, in the baseline's order, and those that are left out."""

    task_ids: list[str]
    left_out: LeftOut


def pair(baseline: Outcomes, candidate: Outcomes) -> Pairing:
    """Pair two runs by task; NotComparable where under 90 % of the baseline's tasks remain."""
    if baseline.tasks.empty:
        raise ConfigError(f"{baseline.place} has no tasks: there is nothing to compare with")
    theirs = set(candidate.tasks.index)
    common = [task_id for task_id in baseline.tasks.index if task_id in theirs]
    changed = tuple(each for each in common if _changed(baseline.header.tasks, candidate.header.tasks, each))
    dropped = set(changed)
    kept = [task_id for task_id in common if task_id not in dropped]
    ours = set(baseline.tasks.index)
    left_out = LeftOut(
        changed=changed,
        new=tuple(each for each in candidate.tasks.index if each not in ours),
        removed=tuple(each for each in baseline.tasks.index if each not in theirs),
    )
    if len(kept) < REMAINING_SHARE * len(baseline.tasks):
        raise NotComparable(_too_few(baseline, candidate, len(kept), left_out))
    return Pairing(task_ids=kept, left_out=left_out)


def _changed(ours: dict[str, TaskEntry], theirs: dict[str, TaskEntry], task_id: str) -> bool:
    """Say whether a task asks or judges something else; runs without digests cannot tell."""
    before, after = ours.get(task_id), theirs.get(task_id)
    if before is None or after is None:
        return False
    return any(
        getattr(before, part) and getattr(after, part) and getattr(before, part) != getattr(after, part)
        for part in ("task", "graders", "limits")
    )


def _too_few(baseline: Outcomes, candidate: Outcomes, kept: int, left_out: LeftOut) -> str:
    if not kept and not left_out.changed:
        return f"{baseline.place} and {candidate.place} share no task"
    return (
        f"{baseline.place} and {candidate.place}: only {kept} of {len(baseline.tasks)} tasks can be compared "
        f"({len(left_out.changed)} changed, {len(left_out.removed)} removed): run the baseline again on this suite"
    )
