"""Records to an outcome table: a row per trial, as its last measured line says."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from evalharness.foreign import load, source
from evalharness.model import Record, RunHeader, Usage
from evalharness.running.planning import planned_trials
from evalharness.store import PLAN, RunStore, is_run


class LineUsage(msgspec.Struct, frozen=True, gc=False):
    """The part of a record's usage that a table needs."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    working_seconds: float | None = None
    model_calls: int | None = None
    cached_calls: int | None = None


class TrialLine(msgspec.Struct, frozen=True, gc=False):
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


class SeenGrade(msgspec.Struct, frozen=True):
    """What one grader said of one trial."""

    grader: str
    passed: bool


class GradedLine(msgspec.Struct, frozen=True):
    """The grades of one attempt; read only where a rule asks for single graders."""

    task_id: str
    trial: int
    outcome: str
    grades: tuple[SeenGrade, ...] = ()


Reread = Callable[[type[GradedLine]], Iterator[GradedLine | Record]]


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """One run as a table.

    `trials` has a row per attempted trial with columns task_id, trial, outcome, score, cause, attempts, cost_usd,
    tokens, seconds, working_seconds, model_calls, cached, output_digest, model; `tasks` has a row per planned task,
    indexed by its id, with the integer columns passed, measured and planned. `reread` gives the attempts with their
    grades, where the run has any.
    """

    place: str
    header: RunHeader
    trials: pd.DataFrame
    tasks: pd.DataFrame
    reread: Reread | None = None

    @property
    def causes(self) -> dict[str, int]:
        """Count the unmeasured trials by cause; those never attempted are `not run`."""
        unmeasured = self.trials.loc[self.trials["outcome"] == "error", "cause"]
        counted = Counter(unmeasured.fillna("unknown").tolist())
        owed = int(self.tasks["planned"].sum()) - len(self.trials)
        return dict(counted) | ({"not run": owed} if owed > 0 else {})


def read(path: Path | str) -> Outcomes:
    """Read a run directory, or another tool's log, as a table."""
    if not is_run(Path(path)) and not Path(path, PLAN).exists():
        foreign = load(source(str(path)))
        return table(
            str(path), foreign.header, foreign.records, foreign.planned, reread=lambda _: iter(foreign.records)
        )
    store = RunStore(Path(path))
    return table(str(path), store.header, store.lines(TrialLine), planned_trials(store.planned()), reread=store.lines)


def table(
    place: str,
    header: RunHeader,
    lines: Iterable[TrialLine | Record],
    planned: dict[str, int],
    *,
    reread: Reread | None = None,
) -> Outcomes:
    """Make the table of a run from its attempts; `reread` gives them once more, with their grades."""
    trials = _standing(_frame(list(lines)))
    return Outcomes(place=place, header=header, trials=trials, tasks=_tasks(trials, planned), reread=reread)


def _frame(rows: list[TrialLine | Record]) -> pd.DataFrame:
    usages = [row.usage for row in rows]
    return pd.DataFrame(
        {
            "task_id": [row.task_id for row in rows],
            "trial": np.array([row.trial for row in rows], dtype=np.int64),
            "outcome": [row.outcome for row in rows],
            "score": np.array([row.score for row in rows], dtype=float),
            "cause": [row.cause for row in rows],
            "attempts": np.ones(len(rows), dtype=np.int64),
            "cost_usd": np.array([usage.cost_usd for usage in usages], dtype=float),
            "tokens": np.array([_tokens(usage) for usage in usages], dtype=float),
            "seconds": np.array([usage.seconds for usage in usages], dtype=float),
            "working_seconds": np.array([usage.working_seconds for usage in usages], dtype=float),
            "model_calls": np.array([usage.model_calls for usage in usages], dtype=float),
            "cached": np.array([bool(usage.cached_calls) for usage in usages], dtype=bool),
            "output_digest": [row.output_digest for row in rows],
            "model": [row.model for row in rows],
        }
    )


def _standing(attempts: pd.DataFrame) -> pd.DataFrame:
    """Keep one row per trial, where it was first tried: its last measured attempt, or its last error."""
    keys = ["task_id", "trial"]
    if not attempts.duplicated(keys).any():
        return attempts
    place = attempts.groupby(keys, sort=False).ngroup()
    last = attempts.assign(place=place, measured=attempts["outcome"] != "error")
    last = last.sort_values(["place", "measured"], kind="stable").drop_duplicates("place", keep="last")
    tried = place.value_counts().sort_index().to_numpy()
    return last.drop(columns=["place", "measured"]).assign(attempts=tried).reset_index(drop=True)


def _tokens(usage: LineUsage | Usage) -> float | None:
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)


def _tasks(trials: pd.DataFrame, planned: dict[str, int]) -> pd.DataFrame:
    """Count per task; a task that was tried more often than planned was planned as often as it was tried."""
    index = pd.Index(dict.fromkeys([*planned, *trials["task_id"].unique()]), name="task_id", dtype=object)
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
