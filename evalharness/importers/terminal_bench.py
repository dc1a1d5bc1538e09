"""terminal-bench: a run's `results.json`, or the folder around it, or single trials.

A verdict counts, whatever else went wrong; a trial without one measured nothing, and its failure mode is the cause.
The tool's own accuracy counts such trials as failures, which is then said.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from evalharness.importers.endings import Ending, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.numbering import occurrences
from evalharness.importers.source import document
from evalharness.importers.times import seconds_between
from evalharness.model import Outcome, Record, RunHeader, Usage

TRIAL = re.compile(r"\.(\d+)-of-(\d+)(?:\.|$)")
NO_FAULT = {None, "", "unset", "none"}
TOLERANCE = 1e-6


class Result(msgspec.Struct):
    """One trial."""

    task_id: str
    trial_name: str = ""
    is_resolved: bool | None = None
    failure_mode: str | None = None
    total_input_tokens: int | None = None
    total_output_tokens: int | None = None
    trial_started_at: str | None = None
    trial_ended_at: str | None = None
    agent_started_at: str | None = None
    agent_ended_at: str | None = None


class Results(msgspec.Struct):
    """A whole run, with the tool's own counts."""

    results: list[Result]
    accuracy: float | None = None
    n_resolved: int | None = None
    resolved_ids: list[str] = []
    unresolved_ids: list[str] = []


class Metadata(msgspec.Struct):
    """How a run was made, from the file beside it."""

    run_id: str = ""
    dataset_name: str | None = None
    dataset_version: str | None = None
    agent_name: str | None = None
    model_name: str | None = None
    task_ids: list[str] | None = None
    n_attempts: int | None = None
    start_time: str | None = None


@dataclass(frozen=True)
class TerminalBenchImporter:
    """Results of runs or of single trials."""

    def sniff(self, path: Path) -> bool:
        """Look for resolved and unresolved tasks, or for a trial with a failure mode."""
        return any(_is_run(each) or _is_trial(each) for each in _candidates(path))

    def runs(self, path: Path) -> list[str]:
        """Name the runs by the files that hold them; trials without a common file are one run."""
        return list(_sources(path))

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the trials of a run."""
        files = _sources(path)[run]
        whole = _is_run(files[0])
        told = document(files[0], Results) if whole else Results([document(each, Result) for each in files])
        made = _metadata(files[0]) if whole else Metadata()
        planned = dict.fromkeys([*(made.task_ids or []), *(each.task_id for each in told.results)], ())
        known = Known(
            suite=made.dataset_name or "terminal-bench",
            suite_version=made.dataset_version or "",
            agent="/".join(part for part in (made.agent_name, made.model_name) if part) or "unknown",
            tasks=planned,
            trials=made.n_attempts or 1,
            started_at=made.start_time or "",
            tool="terminal-bench",
            faults=_faults(told),
        )
        return header(path, run, known), _records(told.results, made.model_name)


def _is_run(path: Path) -> bool:
    seen = look(path)
    return seen.form == "object" and seen.has("results", "accuracy", "resolved_ids")


def _is_trial(path: Path) -> bool:
    return look(path).form == "object" and look(path).has("task_id", "is_resolved", "failure_mode")


def _candidates(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(path.glob("*results.json")) or sorted(path.rglob("results.json"))


def _sources(path: Path) -> dict[str, list[Path]]:
    """Return the files of each run: files of whole runs, or all files of single trials together."""
    found = _candidates(path)
    runs = [each for each in found if _is_run(each)]
    if runs:
        names = [str(each.parent.relative_to(path)) if len(runs) > 1 else path.name for each in runs]
        names = [each.name for each in runs] if len(set(names)) < len(names) else names
        return {name: [each] for name, each in zip(names, runs, strict=True)}
    return {path.name: [each for each in found if _is_trial(each)]}


def _metadata(results: Path) -> Metadata:
    beside = results.with_name(results.name.replace("results.json", "run_metadata.json"))
    return document(beside, Metadata) if beside != results and beside.is_file() else Metadata()


def _records(found: list[Result], model: str | None) -> Iterator[Record]:
    for each, trial in zip(found, _numbers(found), strict=True):
        judged = _ending(each)
        yield Record(
            task_id=each.task_id,
            trial=trial,
            **judged.recorded,
            usage=Usage(
                input_tokens=each.total_input_tokens or None,  # agents that do not count say 0
                output_tokens=each.total_output_tokens or None,
                seconds=seconds_between(each.trial_started_at, each.trial_ended_at),
                working_seconds=seconds_between(each.agent_started_at, each.agent_ended_at),
            ),
            started_at=each.trial_started_at,
            model=model,
        )


def _numbers(found: list[Result]) -> list[int]:
    """Number the trials as their names do (`TASK.2-of-5`), where that tells them apart; else in their order."""
    named = [int(match[1]) for each in found if (match := TRIAL.search(each.trial_name))]
    task_ids = [each.task_id for each in found]
    told_apart = len(named) == len(found) == len(set(zip(task_ids, named, strict=False)))
    return named if told_apart and min(named, default=0) > 0 else occurrences(task_ids)


def _ending(trial: Result) -> Ending:
    if trial.is_resolved is None:
        return unmeasured(trial.failure_mode or "")
    if trial.is_resolved:
        return Ending(Outcome.PASS, 1.0)
    return Ending(Outcome.FAIL, 0.0, None if trial.failure_mode in NO_FAULT else trial.failure_mode)


def _faults(told: Results) -> list[str]:
    resolved = sum(each.is_resolved is True for each in told.results)
    unknown = sum(each.is_resolved is None for each in told.results)
    faults = []
    if told.n_resolved not in (None, resolved):
        faults.append(f"it counts {told.n_resolved} resolved trials, but {resolved} are")
    if told.accuracy is not None and told.results:
        if abs(told.accuracy - resolved / len(told.results)) > TOLERANCE:
            faults.append(f"its accuracy is {told.accuracy:g}, but its trials give {resolved / len(told.results):g}")
        elif unknown:
            faults.append(f"its accuracy {told.accuracy:g} counts {unknown} trials without a verdict as failures")
    passed = {each.task_id for each in told.results if each.is_resolved}
    if told.resolved_ids and set(told.resolved_ids) != passed:
        faults.append(f"its list of resolved tasks differs from its trials in {len(passed ^ set(told.resolved_ids))}")
    return faults
