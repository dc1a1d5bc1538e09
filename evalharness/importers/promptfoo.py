"""promptfoo: results of version 2 and 3 as JSON, and JSON lines.

A provider is a run (with its prompt's number where there are several prompts), a test is a task, and its repetitions
are trials. The test's variables and assertions say which rows are repetitions; its description names it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evalharness.importers.endings import Ending, short, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.numbering import names, occurrences
from evalharness.importers.promptfoo_rows import Output, Row, Stats, contents, run_names
from evalharness.importers.source import document, lines, text
from evalharness.model import Grade, Message, Outcome, Record, RunHeader, Transcript, TrialKey, Usage

ERRORED = 2  # failureReason: 0 is none, 1 an assertion


@dataclass(frozen=True)
class PromptfooImporter:
    """An output file of `promptfoo eval`."""

    def sniff(self, path: Path) -> bool:
        """Look for results with prompts or statistics, or for a line with its test case."""
        seen = look(path)
        if seen.form == "lines":
            return seen.has("success", "testCase", "promptIdx")
        return seen.form == "object" and seen.within("results", "results", "version")

    def runs(self, path: Path) -> list[str]:
        """Name a run per provider, and prompt where there are several."""
        return list(dict.fromkeys(run_names(_rows(path))))

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the rows of one provider."""
        output = Output() if look(path).form == "lines" else document(path, Output)
        everything = _rows(path)
        keys, rows = _of(everything, run)
        counts = [keys.count(each) for each in dict.fromkeys(keys)]
        known = Known(
            suite=short(output.config.description or path.name.partition(".")[0]),
            agent=run,
            tasks=dict.fromkeys(keys, ()),
            trials=min(counts, default=1),
            started_at=output.results.timestamp or "",
            tool=f"promptfoo {output.metadata.version}".rstrip(),
            faults=_faults(output.results.stats, everything),
        )
        return header(path, run, known), _records(keys, rows)

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:
        """Yield the prompt and the answer of each row."""
        keys, rows = _of(_rows(path), run)
        for key, trial, row in zip(keys, occurrences(keys), rows, strict=True):
            if row.response is not None and row.response.output is not None:
                said = row.prompt.raw if row.prompt else ""
                answer = text(row.response.output)
                messages = (Message(role="user", content=said), Message(role="assistant", content=answer))
                yield TrialKey(task_id=key, trial=trial), Transcript(final=answer, messages=messages)


def _rows(path: Path) -> list[Row]:
    if look(path).form == "lines":
        return list(lines(path, Row))
    return document(path, Output).results.results


def _of(rows: list[Row], run: str) -> tuple[list[str], list[Row]]:
    """Return the rows of a run and their tasks; tasks are named alike in all runs of a file."""
    keys = names([row.described for row in rows], contents(rows))
    own = [(key, row) for key, row, name in zip(keys, rows, run_names(rows), strict=True) if name == run]
    return [key for key, _ in own], [row for _, row in own]


def _records(keys: list[str], rows: list[Row]) -> Iterator[Record]:
    for key, trial, row in zip(keys, occurrences(keys), rows, strict=True):
        judged, used = _ending(row), row.response.tokenUsage if row.response else None
        yield Record(
            task_id=key,
            trial=trial,
            **judged.recorded,
            grades=_grades(row) if judged.outcome is not Outcome.ERROR else (),
            detail=(row.error or "")[:2000],
            usage=Usage(
                input_tokens=used.prompt if used else None,
                output_tokens=used.completion if used else None,
                cached_tokens=used.cached if used else None,
                cost_usd=row.cost,
                seconds=row.latencyMs / 1000 if row.latencyMs is not None else None,
            ),
        )


def _ending(row: Row) -> Ending:
    if row.failureReason == ERRORED or (row.error and row.gradingResult is None):
        return unmeasured((row.error or "error").partition("\n")[0])
    if row.success is None:
        return unmeasured("")
    score = row.score if row.score is not None and 0 <= row.score <= 1 else None
    return Ending(Outcome.PASS if row.success else Outcome.FAIL, score)


def _grades(row: Row) -> tuple[Grade, ...]:
    parts = (row.gradingResult.componentResults if row.gradingResult else None) or []
    return tuple(
        Grade(
            grader=(part.assertion.type if part.assertion else None) or "assertion",
            score=part.score or 0.0,
            passed=bool(part.passed),
            reason=(part.reason or "")[:300],
        )
        for part in parts
        if part is not None
    )


def _faults(stats: Stats | None, rows: list[Row]) -> list[str]:
    if stats is None:
        return []
    endings = [_ending(row).outcome for row in rows]
    found = {
        "successes": (stats.successes, endings.count(Outcome.PASS)),
        "failures": (stats.failures, endings.count(Outcome.FAIL)),
        "errors": (stats.errors, endings.count(Outcome.ERROR)),
    }
    if stats.errors is None:  # old versions count errors as failures
        found = {"successes": found["successes"]}
    return [
        f"it counts {told} {word}, and holds {held}" for word, (told, held) in found.items() if told not in (None, held)
    ]
