"""Plain tables with a row per trial: CSV, JSON lines, JSON lists or Parquet, with the usual names of columns.

Columns for agent and version make several runs of one file. A table with a task and strings of 0 and 1 in every other
column is a run per column, with a trial per digit. A status that says nothing was measured overrules a verdict.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalharness.importers.columns import ALIASES, Columns
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.rows import table
from evalharness.importers.source import fault
from evalharness.importers.verdicts import Verdict, of_word, unmeasured
from evalharness.model import Outcome, Record, RunHeader

NOT_MEASURED = {
    *("error", "errored", "infra_failure", "infrastructure_error", "cancelled", "canceled", "pending"),
    *("not_attempted", "not_run", "skip", "skipped"),
    *("parse_error", "test_timeout", "unknown_agent_error", "agent_installation_failed"),  # terminal-bench, ungraded
}
BITS = re.compile(r"[01?.x-]+")
Row = Sequence[str]


@dataclass(frozen=True)
class TableImporter:
    """Rows that name a task and whether it passed."""

    pass_at: float | None = None

    def sniff(self, path: Path) -> bool:
        """Look for a task and a verdict among the columns."""
        seen = look(path)
        if seen.form in ("lines", "list", "object"):
            return Columns.of([key.casefold() for key in seen.keys]).usable() and seen.form != "object"
        if seen.form == "parquet":
            return True
        return seen.form == "text" and (Columns.of(found := table(path).names).usable() or _wide(found, path))

    def runs(self, path: Path) -> list[str]:
        """Name a run per agent and version, or one after the file."""
        found = table(path)
        if _wide(found.names, path):
            return [name for name in found.names if name not in ALIASES["task"]]
        columns = _columns(path, found.names)
        if "agent" not in columns.at and "version" not in columns.at:
            return [path.name.partition(".")[0]]
        return list(dict.fromkeys(_name(columns, row) for row in found.rows))

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the rows of one run."""
        found = table(path)
        if _wide(found.names, path):
            return _digits(path, run, found.names, found.rows)
        columns = _columns(path, found.names)
        split = "agent" in columns.at or "version" in columns.at
        rows = [row for row in found.rows if not split or _name(columns, row) == run]
        task_ids = _task_ids(columns, rows)
        tags: dict[str, tuple[str, ...]] = {}
        for task_id, row in zip(task_ids, rows, strict=True):
            if task_id not in tags:
                tags[task_id] = columns.tags(row)
        suites = list(dict.fromkeys(columns.get(row, "suite") for row in rows))
        known = Known(
            suite=suites[0] if len(suites) == 1 and suites[0] else path.name.partition(".")[0],
            agent=(columns.get(rows[0], "agent") if rows else "") or run,
            version=columns.get(rows[0], "version") if rows else "",
            tasks=tags,
            trials=min(Counter(task_ids).values(), default=1),
        )
        return header(path, run, known), self._records(path, columns, rows, task_ids)

    def _records(self, path: Path, columns: Columns, rows: list[Row], task_ids: list[str]) -> Iterator[Record]:
        numbers = _trials(path, [columns.get(row, "trial") for row in rows], task_ids)
        cached: dict[tuple[str, str, str], Verdict] = {}
        for row, task_id, trial in zip(rows, task_ids, numbers, strict=True):
            said = columns.get(row, "verdict"), columns.get(row, "score"), columns.get(row, "status")
            verdict = cached.get(said)
            if verdict is None:
                verdict = cached[said] = self._verdict(path, *said, has_verdict="verdict" in columns.at)
            yield Record(
                task_id=task_id,
                trial=trial,
                outcome=verdict.outcome,
                score=verdict.score,
                cause=verdict.cause,
                usage=columns.usage(row, path),
                started_at=columns.get(row, "started_at") or None,
                model=columns.get(row, "model") or None,
            )

    def _verdict(self, path: Path, said: str, score: str, status: str, *, has_verdict: bool) -> Verdict:
        if status.strip().casefold() in NOT_MEASURED:
            return unmeasured(status)
        if not has_verdict:
            return of_word(status, pass_at=self.pass_at, place=str(path))
        if not said.strip():
            return unmeasured(status)
        found = of_word(said, pass_at=self.pass_at, place=str(path))
        if found.outcome is Outcome.ERROR or not score or said == score:
            return found
        try:
            number = float(score)
        except ValueError:
            return found
        return Verdict(found.outcome, number if 0 <= number <= 1 else None, found.cause)


def _columns(path: Path, names: list[str]) -> Columns:
    columns = Columns.of(names)
    if not columns.usable():
        raise fault(path, f"has no columns for a task and a verdict: name them {' or '.join(ALIASES['task'])}, and "
                    f"{' or '.join(ALIASES['verdict'])}")  # fmt: skip
    used = {names[index] for index in columns.at.values()}
    if twice := sorted(name for name, count in Counter(names).items() if count > 1 and name in used):
        raise fault(path, f"the column '{twice[0]}' stands there twice: keep one, or import another form of this log")
    return columns


def _name(columns: Columns, row: Row) -> str:
    parts = columns.get(row, "agent"), columns.get(row, "version")
    return "@".join(part for part in parts if part) or "unnamed"


def _task_ids(columns: Columns, rows: list[Row]) -> list[str]:
    """Name the tasks; where two suites use one name for different tasks, the suite's name goes before it."""
    plain = [columns.get(row, "task") for row in rows]
    suites = [columns.get(row, "suite") for row in rows]
    pairs = set(zip(suites, plain, strict=True))
    if len(pairs) == len(set(plain)):
        return plain
    return [f"{suite}/{task}" for suite, task in zip(suites, plain, strict=True)]


def _trials(path: Path, said: list[str], task_ids: list[str]) -> list[int]:
    """Number the trials from 1: as the table does, or in the order of a task's rows."""
    if said and all(each.isdecimal() and len(each) < 7 for each in said):
        numbers = [int(each) for each in said]
        return [each + 1 for each in numbers] if min(numbers) == 0 else numbers
    if len(set(said)) == 1:
        said = [str(index) for index in range(len(said))]
    if not all(said):
        raise fault(path, "some rows name a trial and some do not")
    seen: defaultdict[str, dict[str, int]] = defaultdict(dict)
    return [seen[task].setdefault(each, len(seen[task]) + 1) for task, each in zip(task_ids, said, strict=True)]


def _wide(names: list[str], path: Path) -> bool:
    """Say whether the table has a task, and strings of digits in every other column."""
    columns = Columns.of(names)
    if "task" not in columns.at or columns.usable() or len(names) < 2 or look(path).form != "text":
        return False
    first = next(table(path).rows, ())
    return len(first) == len(names) and all(
        BITS.fullmatch(value) for index, value in enumerate(first) if index != columns.at["task"]
    )


def _digits(path: Path, run: str, names: list[str], rows: Iterator[Row]) -> tuple[RunHeader, Iterator[Record]]:
    at, column = Columns.of(names).at["task"], names.index(run)
    found = {row[at]: row[column] for row in rows}
    known = Known(
        suite=path.name.partition(".")[0],
        agent=run,
        tasks=dict.fromkeys(found, ()),
        trials=max(map(len, found.values()), default=1),
    )
    records = (
        Record(task_id=task_id, trial=trial, outcome=verdict.outcome, score=verdict.score, cause=verdict.cause)
        for task_id, digits in found.items()
        for trial, digit in enumerate(digits, start=1)
        for verdict in (of_word(digit, pass_at=None, place=str(path)),)
    )
    return header(path, run, known), records
