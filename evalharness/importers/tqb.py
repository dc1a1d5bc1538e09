"""TQB++ results: one model's answers to one pack, with exact match and edit distance.

The run is judged by exact match; `FILE::levenshtein` judges it by a ratio of at least 0.75, as the original counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from evalharness.importers.endings import Ending, of_score, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.numbering import occurrences
from evalharness.importers.source import document
from evalharness.model import Outcome, Record, RunHeader, Transcript, TrialKey, Usage

CLOSE = 0.75
TOLERANCE = 1e-6


class Detail(msgspec.Struct):
    """One answer."""

    id: str | int
    question: str = ""
    pred: str | None = None
    em: float | None = None
    lev_ratio: float | None = None
    latency_s: float | None = None
    tags: dict[str, str] = {}
    lang: str | None = None


class Results(msgspec.Struct):
    """A whole results file."""

    model: str
    detail: list[Detail]
    n: int | None = None
    dataset_language: str | None = None
    accuracy_em: float | None = None
    close: float | None = msgspec.field(default=None, name="accuracy_lev>=0.75")


@dataclass(frozen=True)
class TqbImporter:
    """A results file of TQB++."""

    def sniff(self, path: Path) -> bool:
        """Look for the model, its accuracy and its answers."""
        return look(path).form == "object" and look(path).has("model", "accuracy_em", "detail")

    def runs(self, path: Path) -> list[str]:
        """Name the one run after its model."""
        return [document(path, Results).model]

    def scorers(self, path: Path) -> list[str]:  # noqa: ARG002 - all files have both
        """Name the two ways in which the tool judges."""
        return ["exact_match", "levenshtein"]

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the answers."""
        found = document(path, Results)
        language = found.dataset_language
        known = Known(
            suite=path.name.partition("__")[0].removesuffix(".json"),
            agent=found.model,
            tasks={
                str(each.id): [f"{key}:{value}" for key, value in each.tags.items()]
                + ([f"lang:{each.lang or language}"] if each.lang or language else [])
                for each in found.detail
            },
            tool="TQB++",
            faults=_faults(found),
        )
        return header(path, run, known), _records(found, close=run == "levenshtein")

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:  # noqa: ARG002 - the file is the run
        """Yield the answers."""
        found = document(path, Results).detail
        for each, trial in zip(found, occurrences(each.id for each in found), strict=True):
            if each.pred is not None:
                yield TrialKey(task_id=str(each.id), trial=trial), Transcript(final=each.pred)


def _records(found: Results, *, close: bool) -> Iterator[Record]:
    numbers = occurrences(each.id for each in found.detail)
    for each, trial in zip(found.detail, numbers, strict=True):
        judged = _close(each) if close else of_score(each.em, pass_at=None, place=str(each.id))
        yield Record(
            task_id=str(each.id),
            trial=trial,
            **judged.recorded,
            usage=Usage(seconds=each.latency_s),
            model=found.model,
        )


def _close(answer: Detail) -> Ending:
    if answer.lev_ratio is None:
        return unmeasured("")
    return Ending(Outcome.PASS if answer.lev_ratio >= CLOSE else Outcome.FAIL, answer.lev_ratio)


def _faults(found: Results) -> list[str]:
    n = len(found.detail)
    faults = [f"it speaks of {found.n} answers, and holds {n}"] if found.n not in (None, n) else []
    exact = sum(each.em == 1 for each in found.detail)
    close = sum((each.lev_ratio or 0) >= CLOSE for each in found.detail)
    for name, headline, count in (("accuracy_em", found.accuracy_em, exact), ("accuracy_lev", found.close, close)):
        if headline is not None and n and abs(headline - count / n) > TOLERANCE:
            faults.append(f"its {name} is {headline:g}, but its answers give {count / n:g}")
    return faults
