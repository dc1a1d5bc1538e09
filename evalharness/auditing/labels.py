"""Labels of people: a CSV, JSON or JSON lines file with a row per answer, by one rater or several."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.loading.rows import Row, sourced
from evalharness.loading.shape import Place
from evalharness.loading.suite_file import TaskSource
from evalharness.registry import suggestion

TASK, TRIAL, PASSED = "task_id", "trial", "passed"
SUFFIXES = (".csv", ".jsonl", ".json")
RATER = re.compile(r"passed[_:.\- ](.+)")
WORDS = {
    **dict.fromkeys(("true", "1", "1.0", "pass", "passed", "yes", "right", "correct"), True),
    **dict.fromkeys(("false", "0", "0.0", "fail", "failed", "no", "wrong", "incorrect"), False),
    "": None,
}


class Label(Struct, frozen=True, kw_only=True):
    """What raters say of one answer, in the order of the columns; None where one said nothing."""

    place: Place
    task_id: str
    trial: int
    said: tuple[bool | None, ...]


def is_labels(path: Path) -> bool:
    """Say whether a file has the columns of labels, whatever else it may be."""
    if path.suffix not in SUFFIXES or not path.is_file():
        return False
    try:
        first = next(_rows(path), None)
    except ConfigError:
        return False
    return first is not None and TASK in first.fields and bool(raters(first.fields))


def raters(fields: dict[str, Any]) -> list[str]:
    """Name the columns that hold labels: `passed`, or `passed_NAME` for each of several raters."""
    return [name for name in fields if name == PASSED or RATER.fullmatch(name)]


def read_labels(path: Path, *, single: bool) -> list[Label]:
    """Read the labels of a file; no column `trial` is needed where the run tried each task a `single` time.

    Two rows for one answer are refused: raters have columns of their own.
    """
    place = Place(str(path))
    if path.suffix not in SUFFIXES:
        raise place.fault(f"labels must stand in a file that ends in {', '.join(SUFFIXES)}, and a run is a folder")
    seen: dict[tuple[str, int], Label] = {}
    rows = list(_rows(path))
    columns = _columns(rows, single=single) if rows else []
    for row in rows:
        label = _label(row, columns)
        key = (label.task_id, label.trial)
        if key in seen:
            raise row.place.fault(
                f"task '{label.task_id}' trial {label.trial} is labelled already in {seen[key].place.file}"
                f"{seen[key].place.path}: give each rater a column (`passed_ann`, `passed_bob`)"
            )
        seen[key] = label
    if not seen:
        raise place.fault("holds no label")
    return list(seen.values())


def _rows(path: Path) -> Iterator[Row]:
    return sourced(TaskSource(file=path.name), Place(str(path)), path.parent)


def _columns(rows: list[Row], *, single: bool) -> list[str]:
    """Find the columns with labels in any row; where one is missing, the nearest is named."""
    row, names = rows[0], list(rows[0].fields)
    if TASK not in names:
        raise _missing(row, TASK, "the id of the task")
    found = raters(dict.fromkeys(name for each in rows for name in each.fields))
    if not found:
        raise _missing(row, PASSED, "true or false; `passed_NAME` for each of several raters")
    if TRIAL not in names and (not single or suggestion(TRIAL, names)):
        raise _missing(row, TRIAL, "the number of the trial, from 1")
    return found


def _missing(row: Row, name: str, meaning: str) -> Exception:
    names = list(row.fields)
    near = suggestion(name, names).replace("did you mean", "is it").replace("?", "")
    return row.place.fault(f"column '{name}' is missing ({meaning}){near}: it has {', '.join(names[:12])}")


def _label(row: Row, columns: list[str]) -> Label:
    for name in (TASK, *(columns if len(columns) == 1 else ())):
        if name not in row.fields:
            raise row.place.fault(f"column '{name}' is missing")
    return Label(
        place=row.place,
        task_id=str(row.fields[TASK]),
        trial=_number(row),
        said=tuple(_verdict(row, name) for name in columns),
    )


def _number(row: Row) -> int:
    value = row.fields.get(TRIAL, 1)
    text = str(value).strip().removesuffix(".0")
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise row.place.fault(f"{TRIAL} must be a whole number from 1, but is {value!r}")
    return int(text)


def _verdict(row: Row, name: str) -> bool | None:
    value = row.fields.get(name)
    word = "" if value is None else str(value).strip().casefold()
    if word not in WORDS:
        raise row.place.fault(f"{name} must be true or false (or empty, for no label), but is {value!r}")
    return WORDS[word]
