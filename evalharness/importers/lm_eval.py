"""lm-eval: the folder of results and samples, a results file, or a samples file alone.

A document is a task, named by the digest of its content, so that documents pair although their order has changed. One
task with several filters or metrics is a run for each: `TASK:METRIC,FILTER`, as the tool writes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evalharness.importers.endings import Ending, of_value, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.lm_eval_files import Results, Sample, judged, model_of, results_of, samples_files, task_of
from evalharness.importers.look import look
from evalharness.importers.numbering import occurrences
from evalharness.importers.source import fault, lines, text
from evalharness.model import Record, RunHeader, Transcript, TrialKey

TOLERANCE = 1e-6


class Run(msgspec.Struct, frozen=True):
    """One task judged by one metric after one filter."""

    file: Path
    task: str
    metric: str
    filter: str


@dataclass(frozen=True)
class LmEvalImporter:
    """What `lm_eval --log_samples` writes."""

    pass_at: float | None = None

    def sniff(self, path: Path) -> bool:
        """Look for samples with a digest or a filter, or for results beside them."""
        if path.is_file() and look(path).form == "object" and look(path).has("results", "configs", "versions"):
            return True
        return any(look(each).has("doc_id", "doc", "resps") for each in samples_files(path))

    def runs(self, path: Path) -> list[str]:
        """Name the runs by task, and by metric and filter where a task has several."""
        return list(_runs(path))

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the verdict on each document."""
        chosen = _runs(path)[run]
        results = results_of(chosen.file)
        if (results.higher_is_better.get(chosen.task) or {}).get(chosen.metric) is False:
            raise fault(path, f"of '{chosen.metric}' less is better, so that it is no verdict: take another metric")
        samples = _samples(chosen)
        endings = [self._ending(path, each.values.get(chosen.metric)) for each in samples]
        task_ids = _task_ids(samples)
        known = Known(
            suite=chosen.task,
            suite_version=text(results.versions.get(chosen.task)),
            agent=model_of(results, chosen.file),
            tasks=dict.fromkeys(task_ids, ()),
            tool=f"lm-eval {results.lm_eval_version or ''}".rstrip(),
            faults=_faults(results, chosen, [each.score for each in endings]),
        )
        records = (
            Record(task_id=task_id, trial=1, **each.recorded) for task_id, each in zip(task_ids, endings, strict=True)
        )
        return header(path, run, known), records

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:
        """Yield the filtered answers."""
        samples = _samples(_runs(path)[run])
        for task_id, each in zip(_task_ids(samples), samples, strict=True):
            answers = each.filtered_resps
            answer = answers[0] if isinstance(answers, list) and answers else answers
            yield TrialKey(task_id=task_id, trial=1), Transcript(final=text(answer))

    def _ending(self, path: Path, value: Any) -> Ending:
        if value is None or isinstance(value, bool | int | float | str):
            return of_value(value, pass_at=self.pass_at, place=str(path))
        return unmeasured("no single value")


def _runs(path: Path) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for file in samples_files(path):
        pairs = judged(file)
        for metric, chosen in pairs:
            task = task_of(file)
            name = task if len(pairs) == 1 else f"{task}:{metric},{chosen}"
            name = name if name not in found else f"{file.name}:{metric},{chosen}"
            found[name] = Run(file, task, metric, chosen)
    return found


def _samples(run: Run) -> list[Sample]:
    """Read one filter's line of each document, with the value of one metric."""
    return [
        msgspec.structs.replace(sample, values=values)
        for sample, values in zip(lines(run.file, Sample), lines(run.file, dict[str, Any]), strict=True)
        if sample.filter == run.filter
    ]


def _task_ids(samples: list[Sample]) -> list[str]:
    """Name documents by their digest, where the log has it; equal documents are told apart by their order."""
    plain = [each.doc_hash[:16] if each.doc_hash else text(each.doc_id) for each in samples]
    return [name if number == 1 else f"{name}#{number}" for name, number in zip(plain, occurrences(plain), strict=True)]


def _faults(results: Results, run: Run, scores: list[float | None]) -> list[str]:
    faults = []
    counted = results.n_samples.get(run.task)
    if counted and counted.effective not in (None, len(scores)):
        faults.append(f"it counts {counted.effective} documents, and holds {len(scores)}")
    told = results.results.get(run.task, {}).get(f"{run.metric},{run.filter}")
    known = [each for each in scores if each is not None]
    if isinstance(told, int | float) and known and len(known) == len(scores):
        found = sum(known) / len(known)
        if abs(told - found) > TOLERANCE:
            faults.append(f"its {run.metric} is {told:g}, but its documents give {found:g}")
    return faults
