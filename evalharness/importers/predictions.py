"""Predictions of SWE-agent, mini-swe-agent and others for SWE-bench: patches that nobody has judged yet.

Every task is unmeasured, with the patch as its answer; SWE-bench's report on these predictions has the verdicts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.numbering import occurrences
from evalharness.importers.source import document, lines
from evalharness.model import Outcome, Record, RunHeader, Transcript, TrialKey

KEYS = ("instance_id", "model_patch")


class Prediction(msgspec.Struct):
    """One patch."""

    instance_id: str
    model_patch: str | None = None
    model_name_or_path: str | None = None


@dataclass(frozen=True)
class PredictionsImporter:
    """A JSON object by instance, a JSON list or JSON lines of predictions."""

    def sniff(self, path: Path) -> bool:
        """Look for a patch and the instance it is for."""
        seen = look(path)
        if seen.form == "object" and seen.inner and not seen.has(*KEYS):
            return all(keys.issuperset(KEYS) for keys in seen.inner.values())
        return seen.form in ("object", "list", "lines") and seen.has(*KEYS)

    def runs(self, path: Path) -> list[str]:
        """Name a run per model."""
        return list(dict.fromkeys(each.model_name_or_path or "unknown" for each in _predictions(path)))

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the predictions of one model."""
        found = [each for each in _predictions(path) if (each.model_name_or_path or "unknown") == run]
        known = Known(
            suite="swe-bench",
            agent=run,
            tasks=dict.fromkeys((each.instance_id for each in found), ()),
            tool="mini-swe-agent",
            faults=["it holds predictions only, no verdicts: let SWE-bench judge them, and import its report"],
        )
        numbers = occurrences(each.instance_id for each in found)
        records = (
            Record(task_id=each.instance_id, trial=trial, outcome=Outcome.ERROR, cause="not judged", model=run)
            for each, trial in zip(found, numbers, strict=True)
        )
        return header(path, run, known), records

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:
        """Yield the patches as answers."""
        found = [each for each in _predictions(path) if (each.model_name_or_path or "unknown") == run]
        for each, trial in zip(found, occurrences(each.instance_id for each in found), strict=True):
            yield TrialKey(task_id=each.instance_id, trial=trial), Transcript(final=each.model_patch or "")


def _predictions(path: Path) -> list[Prediction]:
    form = look(path).form
    if form == "lines" or (form == "object" and look(path).has(*KEYS)):
        return list(lines(path, Prediction))
    if form == "list":
        return document(path, list[Prediction])
    return list(document(path, dict[str, Prediction]).values())
