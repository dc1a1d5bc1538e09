"""HAL: an `_UPLOAD.json` with a result per task, and lists of those that succeeded and failed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evalharness.importers import swe_bench
from evalharness.importers.endings import Ending, of_value, short, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.source import document, fault
from evalharness.model import Outcome, Record, RunHeader, Usage

VERDICTS = ("reward", "score", "resolved", "passed", "success", "correct", "accuracy")
TOLERANCE = 1e-6


class Results(msgspec.Struct):
    """The tool's own summary."""

    accuracy: float | None = None
    successful_tasks: list[str | int] | None = None
    failed_tasks: list[str | int] | None = None
    latencies: dict[str, Any] = {}
    costs: dict[str, Any] = {}


class Upload(msgspec.Struct):
    """A whole run."""

    results: Results
    raw_eval_results: Any = None
    config: dict[str, Any] = {}
    metadata: dict[str, Any] = {}


@dataclass(frozen=True)
class HalImporter:
    """The file that HAL uploads."""

    pass_at: float | None = None

    def sniff(self, path: Path) -> bool:
        """Look for raw results beside the summary."""
        return look(path).form == "object" and look(path).has("results", "raw_eval_results")

    def runs(self, path: Path) -> list[str]:
        """Name the one run by its id."""
        told = document(path, Upload)
        return [str(told.config.get("run_id") or told.metadata.get("run_id") or path.name.partition(".json")[0])]

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read a result per task."""
        told = document(path, Upload)
        endings = self._endings(path, told)
        passed = sum(each.outcome is Outcome.PASS for each in endings.values())
        measured = sum(each.outcome is not Outcome.ERROR for each in endings.values())
        headline = told.results.accuracy
        faults = _contradicted(told, endings)
        if headline is not None and measured and abs(headline - passed / measured) > TOLERANCE:
            faults.append(f"its accuracy is {headline:g}, but its tasks give {passed / measured:g}")
        known = Known(
            suite=str(told.config.get("benchmark_name") or "hal"),
            agent=str(told.config.get("agent_name") or run),
            tasks=dict.fromkeys(endings, ()),
            tool="HAL",
            faults=faults,
        )
        return header(path, run, known), _records(told.results, endings)

    def _endings(self, path: Path, told: Upload) -> dict[str, Ending]:
        """Judge by the lists of the summary where they name a task, else by its raw result.

        Where raw results are named by task, a task on neither list is one that HAL could not judge, or did not count.
        """
        raw = told.raw_eval_results if isinstance(told.raw_eval_results, dict) else {}
        lists = told.results.successful_tasks, told.results.failed_tasks
        passed, failed = ({str(each) for each in found or ()} for found in lists)
        if not raw and not passed and not failed:
            raise fault(path, "holds no result of a single task")
        if "resolved_ids" in raw and not (passed or failed):
            return swe_bench.of_report(_report(path, raw))
        listed = passed | failed
        by_task = raw if listed <= raw.keys() else {}
        endings = {task_id: self._raw(path, result) for task_id, result in by_task.items() if task_id not in listed}
        for task_id in sorted(listed):
            both = task_id in passed and task_id in failed
            word = Ending(Outcome.PASS, 1.0) if task_id in passed else Ending(Outcome.FAIL, 0.0)
            endings[task_id] = unmeasured("contradictory") if both else word
        return endings

    def _raw(self, path: Path, result: Any) -> Ending:
        result = _value(result)
        if result is None or isinstance(result, bool | int | float | str):
            return of_value(result, pass_at=self.pass_at, place=str(path))
        return unmeasured("unknown form of result")


def _value(result: Any) -> Any:
    if isinstance(result, dict):
        return next((result[name] for name in VERDICTS if name in result), None)
    return result


def _report(path: Path, raw: dict[str, Any]) -> swe_bench.Report:
    """Read the raw results of SWE-bench, which are its own report."""
    try:
        return msgspec.convert(raw, swe_bench.Report)
    except msgspec.ValidationError as exc:
        raise fault(path, f"raw_eval_results: {exc}") from exc


def _contradicted(told: Upload, endings: dict[str, Ending]) -> list[str]:
    """Say where a list has another verdict than a raw result that is plainly one."""
    raw = told.raw_eval_results if isinstance(told.raw_eval_results, dict) else {}
    odd = [
        task_id
        for task_id, judged in endings.items()
        if judged.outcome is not Outcome.ERROR
        and _value(raw.get(task_id)) in (0, 1)
        and (_value(raw[task_id]) == 1) != (judged.outcome is Outcome.PASS)
    ]
    return [f"its lists contradict the raw results of {len(odd)} tasks (first: {short(odd[0])})"] if odd else []


def _records(told: Results, endings: dict[str, Ending]) -> Iterator[Record]:
    for task_id, judged in endings.items():
        yield Record(
            task_id=task_id,
            trial=1,
            **judged.recorded,
            usage=Usage(cost_usd=_number(told.costs.get(task_id)), seconds=_number(told.latencies.get(task_id))),
        )


def _number(said: Any) -> float | None:
    """Return a number, also where it stands under `total_time`."""
    if isinstance(said, dict):
        said = said.get("total_time")
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None
