"""Rows of plain tables: CSV, JSON lines, JSON lists and Parquet, every value as text."""

import csv
from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from typing import Any

from msgspec import Struct

from evalharness.cells import as_written
from evalharness.errors import ConfigError
from evalharness.importers.look import look
from evalharness.importers.source import BLOCK, LARGEST, byte_lines, document, fault, is_packed, lines, reading, text

LONGEST_FIELD = 1 << 26
MOST_CELLS = 50_000_000
BATCH = 4096
SMALL = 1 << 24
MOST_KEPT = 100_000
SEPARATORS = ",\t;"


class Table(Struct, frozen=True):
    """The names of the columns in lower case, and the rows; each has a text per column."""

    names: list[str]
    rows: Iterator[Sequence[str]]


def table(path: Path, *, wanted: Container[str] | None = None) -> Table:
    """Read a table of whatever form; of Parquet only the wanted columns."""
    form = look(path).form
    if form == "text":
        return _csv(path)
    if form == "lines":
        return _objects(list(lines(path, dict[str, Any])))
    if form == "list":
        return _objects(document(path, list[dict[str, Any]]))
    if form == "parquet":
        return _parquet(path, wanted)
    raise fault(path, f"is no table: it holds {form}")


def _objects(found: list[dict[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for each in found for name in each))
    rows = ([text(each.get(name)) for name in names] for each in found)
    return Table([name.casefold() for name in names], rows)


def _parquet(path: Path, wanted: Container[str] | None) -> Table:
    """Read the columns that mean something, in batches: a small file may hold a text a million times."""
    if find_spec("pyarrow") is None:
        raise ConfigError(f"{path}: reading Parquet needs pyarrow: `pip install pyarrow`")
    from pyarrow import ArrowException, parquet  # noqa: PLC0415 - 100 ms and an optional package

    try:
        with reading(path), parquet.ParquetFile(path) as file:
            found = [name for name in file.schema_arrow.names if wanted is None or name.casefold() in wanted]
            cells = file.metadata.num_rows * max(len(found), 1)
            if cells > MOST_CELLS:
                raise fault(path, f"holds {cells} values, and {MOST_CELLS} is the most: import a smaller part of it")
            columns: list[list[str]] = [[] for _ in found]
            size = 0
            for batch in file.iter_batches(batch_size=BATCH, columns=found):
                decoded = [each.dictionary_decode() if hasattr(each, "dictionary") else each for each in batch.columns]
                size += sum(each.nbytes for each in decoded)
                if size > LARGEST:
                    raise fault(path, f"holds more than {LARGEST >> 20} MB when unpacked: import a smaller part of it")
                for column, values in zip(columns, decoded, strict=True):
                    column.extend(text(value) for value in values.to_pylist())
    except (ArrowException, TypeError) as exc:
        raise fault(path, f"cannot be read as Parquet: {exc}") from exc
    return Table([name.casefold() for name in found], zip(*columns, strict=True))


def _csv(path: Path) -> Table:
    with reading(path):
        stat = path.stat()
    kept = _kept(path, stat.st_mtime_ns, stat.st_size) if stat.st_size < SMALL else None
    rows = _csv_rows(path) if kept is None else iter(kept)
    return Table([name.strip().casefold() for name in next(rows, [])], rows)


@lru_cache(maxsize=1)
def _kept(path: Path, _changed: int, _size: int) -> list[list[str]] | None:
    """Keep the rows of the last table, of which several runs may be read; None where they are too many to keep."""
    rows = list(islice(_csv_rows(path), MOST_KEPT + 1))
    return rows if len(rows) <= MOST_KEPT else None


def _csv_rows(path: Path) -> Iterator[list[str]]:
    """Yield the names of the columns, then the rows, each as wide as the names."""
    csv.field_size_limit(LONGEST_FIELD)
    with reading(path):
        source = _text_lines(path)
        first = next(source, "")
        separator = max(SEPARATORS, key=first.count)
        rows = enumerate(csv.reader(chain([first], source), delimiter=separator, strict=True), start=1)
        names = next((row for _, row in rows if row), None)
        if names is None:
            return
        yield names
        inert = _may_hold_inert_cells(path)
        while block := list(islice(rows, BATCH)):
            whole = _whole(path, block, len(names))
            yield from map(_as_written, whole) if inert else whole


def _whole(path: Path, block: list[tuple[int, list[str]]], width: int) -> list[list[str]]:
    """Return numbered rows that are as wide as the names, without empty lines."""
    rows = [row for _, row in block]
    if set(map(len, rows)) == {width}:
        return rows
    for number, row in block:
        if row and len(row) != width:
            raise fault(path, f"row {number} has {len(row)} fields, but the first row names {width}")
    return [row for row in rows if row]


def _may_hold_inert_cells(path: Path) -> bool:
    """Say whether an apostrophe may stand before what could have been a formula; packed files are not searched."""
    if is_packed(path):
        return True
    with path.open("rb") as file:
        return any(b"'" in block for block in iter(lambda: file.read(BLOCK), b""))


def _as_written(row: list[str]) -> list[str]:
    return [as_written(cell) for cell in row] if "'" in "".join(row) else row


def _text_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text; those of a large or a packed file one by one, in bounded pieces."""
    if is_packed(path) or path.stat().st_size > LARGEST:
        yield from (line.decode() for line in byte_lines(path))
        return
    with path.open(encoding="utf-8-sig", newline="") as lines_of_text:
        yield from lines_of_text
