"""Rows: what tasks are made from, whether they stand in the suite, in a file, or come from a function."""

import csv
import importlib
import inspect
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.loading.shape import Place
from evalharness.loading.suite_file import RowKeys, TaskSource
from evalharness.loading.yaml_source import read_text

LONGEST_CELL = 2**31 - 1  # csv's own 128 kB is shorter than a prompt may be


class Row(Struct, frozen=True):
    """One row, and where it stands."""

    place: Place
    fields: dict[str, Any]


def inline(tasks: list[dict[str, Any]], place: Place) -> Iterator[Row]:
    """Give the rows that stand in the suite file itself."""
    return (Row(place.at(f"[{index}]"), fields) for index, fields in enumerate(tasks))


def sourced(source: TaskSource, place: Place, folder: Path) -> Iterator[Row]:
    """Give the rows of a file (from the suite's folder) or of a function."""
    if (source.file is None) == (source.use is None):
        raise place.fault("name one source: {file: tasks.jsonl} or {use: 'module:function'}")
    if source.use is not None:
        return _called(source.use, source.options, place, folder)
    if source.options:
        raise place.at("options").fault("belongs to {use: ...}; a file takes no options")
    path = folder / str(source.file)
    readers = {".jsonl": _jsonl, ".json": _json, ".csv": _csv}
    if path.suffix not in readers:
        raise place.at("file").fault(f"'{source.file}' must end in {', '.join(readers)}")
    if not path.exists():
        raise place.at("file").fault(f"no such file: {path}")
    return readers[path.suffix](path)


def _jsonl(path: Path) -> Iterator[Row]:
    # Lines end at \n alone: splitlines() would also cut at U+2028 inside an answer.
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            place = Place(f"{path}:{number}")
            yield Row(place, _mapping(_decoded(line, place), place))


def _json(path: Path) -> Iterator[Row]:
    place = Place(str(path))
    content = _decoded(read_text(path), place)
    if not isinstance(content, list):
        raise place.fault("must be a list of objects")
    for index, fields in enumerate(content):
        yield Row(place.at(f"[{index}]"), _mapping(fields, place.at(f"[{index}]")))


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    place, header = Place(f"{path}:1"), []
    try:
        header = next(reader, [])
        _check_header(header, place)
        line = reader.line_num + 1
        for cells in reader:
            place, line = Place(f"{path}:{line}"), reader.line_num + 1
            if cells:
                yield Row(place, _cells(header, cells, place))
    except csv.Error as exc:
        raise Place(f"{path}:{reader.line_num}").fault(f"malformed CSV: {exc}") from exc


def _check_header(header: list[str], place: Place) -> None:
    for name in header:
        if not name.strip():
            raise place.fault("malformed CSV: a column has no name; the first line names the columns")
        if header.count(name) > 1:
            raise place.fault(f"malformed CSV: column '{name}' stands twice; rename one")


def _cells(header: list[str], cells: list[str], place: Place) -> dict[str, Any]:
    """Name the cells of a line; the harness's own columns may be empty."""
    if len(cells) != len(header):
        raise place.fault(f"malformed CSV: {len(cells)} cells where the first line names {len(header)} columns")
    own = RowKeys.__struct_fields__
    return {name: cell for name, cell in zip(header, cells, strict=True) if cell or name not in own}


def _called(use: str, options: dict[str, Any], place: Place, folder: Path) -> Iterator[Row]:
    """Give the rows that a function returns, as plain JSON values; it is told the suite's `folder` if it asks."""
    module, colon, name = use.partition(":")
    if not colon:
        raise place.at("use").fault(f"'{use}' is not 'module:function'")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as exc:
        raise place.at("use").fault(f"'{use}' cannot be imported: {exc}") from exc
    try:
        found = list(_iterable(function(**_told(function, options, folder))))
    except ConfigError as exc:  # it says itself what is wrong and the way out
        raise place.fault(str(exc)) from exc
    except Exception as exc:
        raise place.at("use").fault(f"'{use}' raised {type(exc).__name__}: {exc}") from exc
    for index, fields in enumerate(found):
        here = place.at(f"[{index}]")
        yield Row(here, _plain(_mapping(fields, here), here))


def _told(function: Callable[..., Any], options: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Tell a function that has a parameter `folder` where relative names start."""
    code = inspect.unwrap(function).__code__ if inspect.isfunction(function) else None
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
    return {"folder": folder.resolve(), **options} if "folder" in names else options


def _iterable(found: Any) -> Iterable[Any]:
    if isinstance(found, (dict, str, bytes)):
        raise TypeError(f"rows must come as a list of objects, not as {type(found).__name__}")
    rows: Iterable[Any] = iter(found)
    return rows


def _plain(fields: dict[str, Any], place: Place) -> dict[str, Any]:
    """Turn a function's values into what JSON can say, so that a digest means the same everywhere."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(fields, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError) as exc:
        raise place.fault(f"the fields must be plain JSON values: {exc}") from exc
    return plain


def _decoded(text: str, place: Place) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as exc:
        said = str(exc).removeprefix("JSON is malformed: ").partition(" - at ")[0]
        raise place.fault(f"malformed JSON: {said}") from exc


def _mapping(fields: Any, place: Place) -> dict[str, Any]:
    if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
        raise place.fault("must be an object with named fields")
    return fields
