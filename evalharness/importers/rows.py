"""Rows of plain tables: CSV, JSON lines, JSON lists and Parquet, every value as text."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec import Struct

from evalharness.cells import as_written
from evalharness.errors import ConfigError
from evalharness.importers.look import look
from evalharness.importers.source import GZIP, LARGEST, ZSTD, byte_lines, document, fault, lines, reading, text

LONGEST_FIELD = 1 << 26
SEPARATORS = ",\t;"


class Table(Struct, frozen=True):
    """The names of the columns in lower case, and the rows; each has a text per column."""

    names: list[str]
    rows: Iterator[Sequence[str]]


def table(path: Path) -> Table:
    """Read a table of whatever form."""
    form = look(path).form
    if form == "text":
        return _csv(path)
    if form == "lines":
        return _objects(list(lines(path, dict[str, Any])))
    if form == "list":
        return _objects(document(path, list[dict[str, Any]]))
    if form == "parquet":
        return _parquet(path)
    raise fault(path, f"is no table: it holds {form}")


def _objects(found: list[dict[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for each in found for name in each))
    rows = ([text(each.get(name)) for name in names] for each in found)
    return Table([name.casefold() for name in names], rows)


def _parquet(path: Path) -> Table:
    if find_spec("pyarrow") is None:
        raise ConfigError(f"{path}: reading Parquet needs pyarrow: `pip install pyarrow`")
    from pyarrow import parquet  # noqa: PLC0415 - 100 ms and an optional package that only Parquet needs

    with reading(path):
        read = parquet.read_table(path)
        columns = [[text(value) for value in column.to_pylist()] for column in read.columns]
        return Table([name.casefold() for name in read.column_names], zip(*columns, strict=True))


def _csv(path: Path) -> Table:
    rows = _csv_rows(path)
    return Table([name.strip().casefold() for name in next(rows, [])], rows)


def _csv_rows(path: Path) -> Iterator[list[str]]:
    """Yield the names of the columns, then the rows, each as wide as the names."""
    csv.field_size_limit(LONGEST_FIELD)
    with reading(path):
        source = _text_lines(path)
        first = next(source, "")
        separator = max(SEPARATORS, key=first.count)
        width = 0
        guarded = _Guarded(chain([first], source))
        for number, row in enumerate(csv.reader(guarded, delimiter=separator, strict=True), start=1):
            if len(row) == width:
                yield guarded.plain(row)
            elif row and width:
                raise fault(path, f"row {number} has {len(row)} fields, but the first row names {width}")
            elif row:
                width = len(row)
                yield row


class _Guarded:
    """Lines that remember whether they held an apostrophe, as cells do that could have been formulas."""

    def __init__(self, source: Iterable[str]) -> None:
        self._source = iter(source)
        self._seen = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._source)
        self._seen = self._seen or "'" in line
        return line

    def plain(self, row: list[str]) -> list[str]:
        """Return the row that was just read, as it was before it was made inert."""
        if not self._seen:
            return row
        self._seen = False
        return [as_written(cell) for cell in row]


def _text_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text; those of a large or a packed file one by one, in bounded pieces."""
    with path.open("rb") as file:
        packed = file.read(4).startswith((GZIP, ZSTD))
    if packed or path.stat().st_size > LARGEST:
        yield from (line.decode() for line in byte_lines(path))
        return
    with path.open(encoding="utf-8-sig", newline="") as lines_of_text:
        yield from lines_of_text
