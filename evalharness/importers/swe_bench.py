"""SWE-bench: reports of a whole run (both schemas, and those of sb-cli), or a folder of per-instance reports.

What was submitted is the denominator. An empty patch is the agent's failure; instances that ended in an error of the
harness, or that are still pending, measured nothing; those never submitted are missing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from evalharness.importers.endings import Ending, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.source import document
from evalharness.model import Outcome, Record, RunHeader

REPORT = "report.json"


class Report(msgspec.Struct):
    """A report of a whole run; old ones name no unresolved instances, but all that were completed."""

    total_instances: int | None = None
    submitted_instances: int | None = None
    resolved_instances: int | None = None
    unresolved_instances: int | None = None
    empty_patch_instances: int | None = None
    error_instances: int | None = None
    submitted_ids: list[str] = []
    completed_ids: list[str] = []
    resolved_ids: list[str] = []
    resolved: list[str] = []  # the same list, in old reports
    unresolved_ids: list[str] = []
    empty_patch_ids: list[str] = []
    error_ids: list[str] = []
    infra_failure_ids: list[str] = []
    ambiguous_failure_ids: list[str] = []
    pending_ids: list[str] = []
    failed_ids: list[str] = []
    unstopped_ids: list[str] = []


class Instance(msgspec.Struct):
    """One instance's own report."""

    resolved: bool | None = None
    patch_is_None: bool | None = None  # noqa: N815 - the tool's name
    patch_exists: bool | None = None
    infra_failure: bool | None = None
    infra_failure_reason: str | None = None


@dataclass(frozen=True)
class SweBenchImporter:
    """A run report, an instance's report, or a folder with a report in each instance's folder."""

    def sniff(self, path: Path) -> bool:
        """Look for counts of instances, or for an instance with its verdict."""
        if path.is_dir():
            return bool(_folders(path))
        return _is_report(path) or _is_instance(path)

    def runs(self, path: Path) -> list[str]:
        """Name the run after its file or folder: MODEL.RUN, the folder of a model, or each of several such folders."""
        return list(_folders(path)) if path.is_dir() else [path.name.removesuffix(".json")]

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the verdicts on all submitted instances."""
        faults: list[str] = []
        if path.is_file() and _is_report(path):
            report = document(path, Report)
            endings, faults = of_report(report), _faults(report)
        else:
            files = [path] if path.is_file() else sorted(_folders(path)[run].glob(f"*/{REPORT}"))
            endings = {name: _of_instance(each) for file in files for name, each in _instances(file).items()}
        known = Known(suite="swe-bench", agent=run, tasks=dict.fromkeys(endings, ()), tool="SWE-bench", faults=faults)
        records = (Record(task_id=name, trial=1, **each.recorded) for name, each in endings.items())
        return header(path, run, known), records


def _folders(path: Path) -> dict[str, Path]:
    """Find the folders of models, by name: this one, or those in it or in the runs in it, as the tool lays them out."""
    for depth in range(1, 4):
        found = sorted({each.parent.parent for each in path.glob("*/" * depth + REPORT) if _is_instance(each)})
        if found:
            return {path.name if each == path else each.relative_to(path).as_posix(): each for each in found}
    return {}


def _is_report(path: Path) -> bool:
    seen = look(path)
    named = seen.has("resolved_ids") or seen.has("resolved")
    return seen.form == "object" and named and seen.has("completed_ids", "submitted_instances")


def _is_instance(path: Path) -> bool:
    seen = look(path)
    return seen.form == "object" and bool(seen.inner) and all("resolved" in keys for keys in seen.inner.values())


def _instances(path: Path) -> dict[str, Instance]:
    return document(path, dict[str, Instance])


def _states(report: Report) -> dict[str, list[str]]:
    return {
        "resolved": report.resolved_ids or report.resolved,
        "unresolved": report.unresolved_ids,
        "empty_patch": report.empty_patch_ids,
        "error": report.error_ids,
        "infra_failure": report.infra_failure_ids,
        "ambiguous_failure": report.ambiguous_failure_ids,
        "pending": report.pending_ids,
        "failed": report.failed_ids,
    }


def of_report(report: Report) -> dict[str, Ending]:
    """Judge each submitted instance by the list it is on; one on several lists with different ends is unmeasured."""
    endings: dict[str, Ending] = {}
    for state, ids in _states(report).items():
        for name in ids:
            judged = _ENDS.get(state) or unmeasured(state)
            before = endings.get(name)
            against = before is not None and Outcome.ERROR not in (before.outcome, judged.outcome)
            endings[name] = unmeasured("contradictory") if before and against and before != judged else judged
    for name in report.completed_ids:
        endings.setdefault(name, _ENDS["unresolved"])
    for name in report.submitted_ids:
        endings.setdefault(name, unmeasured("not completed"))
    return endings


_ENDS = {
    "resolved": Ending(Outcome.PASS, 1.0),
    "unresolved": Ending(Outcome.FAIL, 0.0),
    "empty_patch": Ending(Outcome.FAIL, 0.0, "empty patch"),
}


def _of_instance(told: Instance) -> Ending:
    if told.infra_failure:
        return unmeasured(told.infra_failure_reason or "infra_failure")
    if told.resolved is None:
        return unmeasured("")
    if told.resolved:
        return _ENDS["resolved"]
    return _ENDS["empty_patch"] if told.patch_is_None or told.patch_exists is False else _ENDS["unresolved"]


def _faults(report: Report) -> list[str]:
    """Compare the tool's counts with its lists."""
    faults = []
    for state, ids in _states(report).items():
        told = getattr(report, f"{state}_instances", None)
        if told is not None and told != len(set(ids)) and (ids or state == "resolved"):
            faults.append(f"it counts {told} {state} instances, and lists {len(set(ids))}")
    on = Counter(name for ids in _states(report).values() for name in set(ids))
    if several := sum(count > 1 for count in on.values()):
        faults.append(f"{several} instances are on lists that exclude each other")
    submitted = set(report.submitted_ids) or set(on) | set(report.completed_ids)
    if report.submitted_instances not in (None, len(submitted)):
        faults.append(f"it counts {report.submitted_instances} submitted instances, and names {len(submitted)}")
    if report.total_instances and report.total_instances > len(submitted):
        faults.append(f"{report.total_instances - len(submitted)} of {report.total_instances} were never submitted")
    return faults
