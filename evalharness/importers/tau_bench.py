"""tau-bench (the first one): a JSON list with a result per task and trial.

A trial that ended in an exception has an `error` in its `info`, and a reward of 0 that nobody measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evalharness.importers.endings import Ending, short, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.messages import transcript
from evalharness.importers.numbering import from_one
from evalharness.importers.source import document
from evalharness.model import Outcome, Record, RunHeader, Transcript, TrialKey

EQUAL = 1e-6  # how far from 1 the tool still calls a reward a success


class Info(msgspec.Struct):
    """What a result says beside its reward."""

    error: Any = None


class Result(msgspec.Struct):
    """One trial of one task."""

    task_id: int | str
    reward: float | None = None
    trial: int = 0
    info: Info | None = None


class Told(Result):
    """One trial with what was said."""

    traj: list[Any] = []


@dataclass(frozen=True)
class TauBenchImporter:
    """The results file of a tau-bench run."""

    def sniff(self, path: Path) -> bool:
        """Look for a list of results with reward and trajectory."""
        return look(path).form == "list" and look(path).has("task_id", "reward", "traj")

    def runs(self, path: Path) -> list[str]:
        """Name the one run after its file."""
        return [path.name.partition(".json")[0]]

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the results."""
        found = document(path, list[Result])
        known = Known(
            suite="tau-bench",
            agent=run,
            tasks=dict.fromkeys((str(each.task_id) for each in found), ()),
            trials=len({each.trial for each in found}),
            tool="tau-bench",
        )
        return header(path, run, known), _records(found)

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:  # noqa: ARG002 - the file is the run
        """Yield what was said in each trial."""
        found = document(path, list[Told])
        for each, trial in zip(found, from_one([each.trial for each in found]), strict=True):
            yield TrialKey(task_id=str(each.task_id), trial=trial), transcript(each.traj)


def _records(found: list[Result]) -> Iterator[Record]:
    for each, trial in zip(found, from_one([each.trial for each in found]), strict=True):
        ending = _ending(each)
        yield Record(task_id=str(each.task_id), trial=trial, **ending.recorded)


def _ending(result: Result) -> Ending:
    if result.info and result.info.error:
        return unmeasured(short(result.info.error))
    return unmeasured("no reward") if result.reward is None else rewarded(result.reward)


def rewarded(reward: float) -> Ending:
    """Judge a reward as both tools do: only a full one is a success."""
    passed = abs(reward - 1) <= EQUAL
    return Ending(Outcome.PASS if passed else Outcome.FAIL, min(max(reward, 0.0), 1.0))
