"""OpenAI evals: JSON lines with a specification, events by sample, and a final report.

A `match` event is a verdict; without one, a `metrics` event with a single value is. A sample whose events hold neither
measured nothing. A sample that was judged several times has as many trials.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evalharness.importers.endings import Ending, of_value, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.messages import plain, transcript
from evalharness.importers.source import lines, text
from evalharness.model import Outcome, Record, RunHeader, Transcript, TrialKey

TOLERANCE = 1e-6


class Spec(msgspec.Struct):
    """What was evaluated."""

    eval_name: str = ""
    completion_fns: list[Any] = []
    created_at: str | None = None


class Event(msgspec.Struct):
    """A line of the log."""

    spec: Spec | None = None
    final_report: dict[str, Any] | None = None
    sample_id: str | None = None
    type: str = ""
    data: Any = None


@dataclass(frozen=True)
class OpenAIEvalsImporter:
    """The log of one evaluation."""

    pass_at: float | None = None

    def sniff(self, path: Path) -> bool:
        """Look for the specification in the first line."""
        return look(path).form == "lines" and look(path).within("spec", "eval_name")

    def runs(self, path: Path) -> list[str]:
        """Name the one run after its evaluation."""
        return [_spec(path).eval_name or path.name.partition(".")[0]]

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the verdicts of all samples."""
        spec = _spec(path)
        samples, reports = _events(path)
        endings = {sample_id: self._endings(path, events) for sample_id, events in samples.items()}
        known = Known(
            suite=run,
            agent=", ".join(map(text, spec.completion_fns)) or "unknown",
            tasks=dict.fromkeys(samples, ()),
            trials=min(map(len, endings.values()), default=1),
            started_at=spec.created_at or "",
            tool="OpenAI evals",
            faults=_faults(reports, [each for found in endings.values() for each in found]),
        )
        records = (
            Record(task_id=sample_id, trial=trial, **each.recorded)
            for sample_id, found in endings.items()
            for trial, each in enumerate(found, start=1)
        )
        return header(path, run, known), records

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:  # noqa: ARG002 - the file is the run
        """Yield the last answer of samples that were judged once."""
        for sample_id, events in _events(path)[0].items():
            sampled = [each.data for each in events if each.type == "sampling" and isinstance(each.data, dict)]
            if sampled and len(self._endings(path, events)) == 1:
                prompt, answer = sampled[-1].get("prompt"), sampled[-1].get("sampled")
                said = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
                final = plain(answer[0] if isinstance(answer, list) and answer else answer)
                yield TrialKey(task_id=sample_id, trial=1), transcript(said, final=final)

    def _endings(self, path: Path, events: list[Event]) -> list[Ending]:
        matches = [each.data.get("correct") for each in events if each.type == "match" and isinstance(each.data, dict)]
        values = matches or [
            next(iter(each.data.values()))
            for each in events
            if each.type == "metrics" and isinstance(each.data, dict) and len(each.data) == 1
        ]
        known = [each for each in values if each is None or isinstance(each, bool | int | float | str)]
        if known:
            return [of_value(each, pass_at=self.pass_at, place=str(path)) for each in known]
        errors = [
            text(each.data.get("type")) for each in events if each.type == "error" and isinstance(each.data, dict)
        ]
        return [unmeasured(errors[-1] if errors else "")]


def _spec(path: Path) -> Spec:
    return next((each.spec for each in lines(path, Event) if each.spec), Spec())


def _events(path: Path) -> tuple[dict[str, list[Event]], list[dict[str, Any]]]:
    samples: defaultdict[str, list[Event]] = defaultdict(list)
    reports = []
    for each in lines(path, Event):
        if each.sample_id is not None:
            samples[each.sample_id].append(each)
        elif each.final_report is not None:
            reports.append(each.final_report)
    return dict(samples), reports


def _faults(reports: list[dict[str, Any]], endings: list[Ending]) -> list[str]:
    if not reports:
        return ["it has no final report: the evaluation did not end"]
    told = reports[-1].get("accuracy")
    measured = [each for each in endings if each.outcome is not Outcome.ERROR]
    found = sum(each.outcome is Outcome.PASS for each in measured) / len(measured) if measured else None
    if found is None or not isinstance(told, int | float) or abs(told - found) <= TOLERANCE:
        return []
    return [f"its accuracy is {told:g}, but its samples give {found:g}"]
