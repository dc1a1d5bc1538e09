"""tau2-bench: results and simulations in one file, or `results.json` beside a folder `simulations`.

How a simulation ended decides what a missing reward means: what the agent ran into is its failure, what the user
simulator or the infrastructure ran into measured nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.messages import transcript
from evalharness.importers.numbering import from_one
from evalharness.importers.source import document, fault
from evalharness.importers.tau import Info, Simulation, Talk, ending
from evalharness.model import Record, RunHeader, Transcript, TrialKey, Usage


class Named(msgspec.Struct):
    """A task, or an entry of the index of simulations."""

    id: str | int = ""


class Results(msgspec.Struct):
    """A whole run; in the folder layout its simulations stand elsewhere."""

    info: Info = msgspec.field(default_factory=Info)
    timestamp: str | None = None
    tasks: list[Named] = []
    simulations: list[Simulation] = []
    simulation_index: list[Any] = []


class Talks(msgspec.Struct):
    """A whole run with what was said."""

    simulations: list[Talk] = []


@dataclass(frozen=True)
class Tau2BenchImporter:
    """A results file, a folder with results and simulations, or a single simulation."""

    def sniff(self, path: Path) -> bool:
        """Look for results with simulations."""
        if path.is_dir():
            return any(_is_results(each) for each in path.glob("*results.json"))
        return _is_results(path) or _is_simulation(path)

    def runs(self, path: Path) -> list[str]:
        """Name the one run after its file or folder."""
        return [path.name.partition(".json")[0]]

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the simulations."""
        results = _results(path)
        found = results.simulations or [document(each, Simulation) for each in _files(path)]
        if not found:
            raise fault(path, "holds no simulation: name the folder that has `results.json` and `simulations`")
        info = results.info
        task_ids = [str(each.id) for each in results.tasks] or [str(each.task_id) for each in found]
        missing = len(results.simulation_index) - len(found)
        known = Known(
            suite=f"tau2-bench-{info.environment_info.domain_name}".rstrip("-"),
            agent="/".join(part for part in (info.agent_info.implementation, info.agent_info.llm) if part) or "unknown",
            version=info.git_commit or "",
            tasks=dict.fromkeys(task_ids, ()),
            trials=info.num_trials,
            started_at=results.timestamp or "",
            tool="tau2-bench",
            faults=[f"{missing} of the simulations in its index are missing"] if missing > 0 else [],
        )
        return header(path, run, known), _records(found, info.agent_info.llm)

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:  # noqa: ARG002 - the path is the run
        """Yield what was said in each simulation; spoken ones have no messages."""
        found = document(path, Talks).simulations if path.is_file() and _is_results(path) else []
        talks = found or [document(each, Talk) for each in _files(path)]
        for each, trial in zip(talks, from_one([each.trial for each in talks]), strict=True):
            if each.messages:
                yield TrialKey(task_id=str(each.task_id), trial=trial), transcript(each.messages)


def _is_results(path: Path) -> bool:
    seen = look(path)
    return seen.form == "object" and (
        seen.has("info", "simulations") or seen.within("info", "num_trials", "agent_info")
    )


def _is_simulation(path: Path) -> bool:
    return look(path).has("task_id", "termination_reason", "trial")


def _results(path: Path) -> Results:
    if path.is_dir():
        path = next(each for each in sorted(path.glob("*results.json")) if _is_results(each))
    return document(path, Results) if _is_results(path) else Results()


def _files(path: Path) -> list[Path]:
    """List the simulations of the folder layout, whose results file may be named as well as the folder."""
    if path.is_file() and _is_simulation(path):
        return [path]
    folder = path if path.is_dir() else path.parent
    return sorted([*folder.glob("simulations/*.json"), *folder.glob("simulations__*.json")])


def _records(found: list[Simulation], model: str | None) -> Iterator[Record]:
    for each, trial in zip(found, from_one([each.trial for each in found]), strict=True):
        judged = ending(each)
        yield Record(
            task_id=str(each.task_id),
            trial=trial,
            **judged.recorded,
            usage=Usage(cost_usd=each.agent_cost, seconds=each.duration),
            seed=each.seed,
            started_at=each.start_time,
            model=model,
        )
