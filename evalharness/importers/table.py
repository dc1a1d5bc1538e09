"""Plain tables with a row per trial: CSV, JSON lines, JSON lists or Parquet, with the usual names of columns.

Columns for agent and version make several runs of one file. A table with a task and strings of 0 and 1 in every other
column is a run per column, with a trial per digit. A status that says nothing was measured overrules a verdict.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from evalharness.importers.columns import ALIASES, Columns, Told
from evalharness.importers.endings import Ending, of_word, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.rows import table
from evalharness.importers.source import fault
from evalharness.model import Outcome, Record, RunHeader

NOT_MEASURED = {
    *("error", "errored", "infra_failure", "infrastructure_error", "cancelled", "canceled", "pending"),
    *("not_attempted", "not_run", "skip", "skipped"),
    *("parse_error", "test_timeout", "unknown_agent_error", "agent_installation_failed"),  # terminal-bench, ungraded
}
WANTED = frozenset(alias for aliases in ALIASES.values() for alias in aliases)
BITS = re.compile(r"[01?.x-]+")
Row = Sequence[str]


@dataclass(frozen=True)
class TableImporter:
    """Rows that name a task and whether it passed."""

    pass_at: float | None = None

    def sniff(self, path: Path) -> bool:
        """Look for a task and a verdict among the columns."""
        seen = look(path)
        if seen.form in ("lines", "list"):
            return Columns.of([key.casefold() for key in seen.keys]).usable()
        if seen.form == "parquet":
            return True
        return seen.form == "text" and (
            Columns.of(found := table(path, wanted=WANTED).names).usable() or _wide(found, path)
        )

    def runs(self, path: Path) -> list[str]:
        """Name a run per agent and version, or one after the file."""
        found = table(path, wanted=WANTED)
        if _wide(found.names, path):
            return [name for name in found.names if name not in ALIASES["task"]]
        whose = _whose(_columns(path, found.names))
        if whose is None:
            return [path.name.partition(".")[0]]
        return list(dict.fromkeys(map(_name, dict.fromkeys(map(whose, found.rows)))))

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the rows of one run."""
        found = table(path, wanted=WANTED)
        if _wide(found.names, path):
            return _digits(path, run, found.names, found.rows)
        columns = _columns(path, found.names)
        rows = _of_run(found.rows, _whose(columns), run)
        told = Told.of(columns, rows)
        task_ids = _task_ids(told)
        suites = set(told.texts("suite"))
        known = Known(
            suite=suites.pop() if len(suites) == 1 and "" not in suites else path.name.partition(".")[0],
            agent=(columns.get(rows[0], "agent") if rows else "") or run,
            version=columns.get(rows[0], "version") if rows else "",
            tasks=_tasks(columns, task_ids, rows),
            trials=min(Counter(task_ids).values(), default=1),
        )
        return header(path, run, known), self._records(path, told, task_ids)

    def _records(self, path: Path, told: Told, task_ids: Sequence[str]) -> Iterator[Record]:
        numbers = _trials(path, list(told.texts("trial")), task_ids)
        said = zip(told.texts("verdict"), told.texts("score"), told.texts("status"), strict=True)
        cached: dict[tuple[str, str, str], Ending] = {}
        rest = told.usages(path), told.texts("started_at"), told.texts("model")
        for task_id, trial, words, usage, started_at, model in zip(task_ids, numbers, said, *rest, strict=True):
            ending = cached.get(words)
            if ending is None:
                ending = cached[words] = self._ending(path, *words, has_verdict="verdict" in told.columns)
            yield Record(
                task_id=task_id,
                trial=trial,
                **ending.recorded,
                usage=usage,
                started_at=started_at or None,
                model=model or None,
            )

    def _ending(self, path: Path, said: str, score: str, status: str, *, has_verdict: bool) -> Ending:
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
        return Ending(found.outcome, number if 0 <= number <= 1 else None, found.cause)


def _columns(path: Path, names: list[str]) -> Columns:
    columns = Columns.of(names)
    if not columns.usable():
        raise fault(path, f"has no columns for a task and a verdict: name them {' or '.join(ALIASES['task'])}, and "
                    f"{' or '.join(ALIASES['verdict'])}")  # fmt: skip
    used = {names[index] for index in columns.at.values()}
    if twice := sorted(name for name, count in Counter(names).items() if count > 1 and name in used):
        raise fault(path, f"the column '{twice[0]}' stands there twice: keep one, or import another form of this log")
    return columns


def _whose(columns: Columns) -> Callable[[Row], tuple[str, ...]] | None:
    """Return what picks agent and version out of a row; None where the table names neither."""
    indices = [columns.at[each] for each in ("agent", "version") if each in columns.at]
    if not indices:
        return None
    pick = itemgetter(*indices)
    return pick if len(indices) > 1 else lambda row: (pick(row),)


def _name(whose: tuple[str, ...]) -> str:
    return "@".join(part for part in whose if part) or "unnamed"


def _of_run(rows: Iterator[Row], whose: Callable[[Row], tuple[str, ...]] | None, run: str) -> list[Row]:
    if whose is None:
        return list(rows)
    names: dict[tuple[str, ...], bool] = {}
    kept = []
    for row in rows:
        key = whose(row)
        wanted = names.get(key)
        if wanted is None:
            wanted = names[key] = _name(key) == run
        if wanted:
            kept.append(row)
    return kept


def _task_ids(told: Told) -> Sequence[str]:
    """Name the tasks; where two suites use one name for different tasks, the suite's name goes before it."""
    plain = tuple(told.texts("task"))
    if len(set(told.texts("suite"))) < 2 or len(set(zip(told.texts("suite"), plain, strict=True))) == len(set(plain)):
        return plain
    return [f"{suite}/{task}" for suite, task in zip(told.texts("suite"), plain, strict=True)]


def _tasks(columns: Columns, task_ids: Sequence[str], rows: list[Row]) -> dict[str, tuple[str, ...]]:
    """Take the tags of each task from the last of its rows."""
    last = dict(zip(task_ids, rows, strict=True))
    return {task_id: columns.tags(row) for task_id, row in last.items()}


def _trials(path: Path, said: list[str], task_ids: Sequence[str]) -> list[int]:
    """Number the trials from 1: as the table does, or in the order of a task's rows."""
    words = set(said)
    if words and all(each.isdecimal() and len(each) < 7 for each in words):
        first = 0 if any(int(each) == 0 for each in words) else 1
        numbers = {each: int(each) + 1 - first for each in words}
        return [numbers[each] for each in said]
    if "" in words and len(words) > 1:
        raise fault(path, "some rows name a trial and some do not")
    if len(words) == 1:
        said = [str(index) for index in range(len(said))]
    seen: defaultdict[str, dict[str, int]] = defaultdict(dict)
    return [seen[task].setdefault(each, len(seen[task]) + 1) for task, each in zip(task_ids, said, strict=True)]


def _wide(names: list[str], path: Path) -> bool:
    """Say whether the table has a task, and strings of digits in every other column."""
    columns = Columns.of(names)
    if "task" not in columns.at or columns.usable() or len(names) < 2 or look(path).form != "text":
        return False
    first = next(table(path, wanted=WANTED).rows, ())
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
        Record(task_id=task_id, trial=trial, **ending.recorded)
        for task_id, digits in found.items()
        for trial, digit in enumerate(digits, start=1)
        for ending in (of_word(digit, pass_at=None, place=str(path)),)
    )
    return header(path, run, known), records
