"""Any data set that the library `datasets` can load: from a folder or a file, its cache, or Hugging Face's hub."""

import base64
import os
from collections.abc import Iterable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError
from evalharness.tasksets.source import DATA, Fields, imported, sampled

INSTALL = "pip install datasets"
SAVED = ("dataset_info.json", "dataset_dict.json")  # what `save_to_disk` leaves in a folder


def load(  # noqa: PLR0913 - each is an option of a suite
    path: str,
    split: str = "test",
    *,
    columns: dict[str, str] | None = None,
    tags: list[str] | None = None,
    drop: list[str] | None = None,
    config: str | None = None,
    revision: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    folder: Path,
) -> list[Fields]:
    """Load a split of a data set: its columns become fields.

    `columns` gives fields other names (`{question: input}` makes the field `question` of the column `input`), `tags`
    names columns that become tags, `drop` those that are left out. `path` is a folder, a file, or a name on the hub;
    pin the latter with `revision`. Code that a data set brings along is never run.
    """
    found = _split(_opened(path, config, revision, folder), split, path)
    _check(found.column_names, {*(columns or {}).values(), *(tags or ()), *(drop or ())}, path)
    kept = sampled(range(len(found)), limit, seed)
    return [_row(found[index], columns or {}, tags or [], drop or []) for index in kept]


def _opened(path: str, config: str | None, revision: str | None, folder: Path) -> Any:
    library = imported("datasets", what="a Hugging Face data set", install=INSTALL)
    place = _place(path, folder)
    try:
        if place is not None and any((place / name).is_file() for name in SAVED):
            return library.load_from_disk(str(place))
        if place is not None and place.is_file():
            return library.load_dataset(_format(place), data_files=str(place))
        return library.load_dataset(str(place or path), config, revision=revision)
    except ConfigError:
        raise
    except Exception as exc:
        said = " ".join(str(exc).split())[:300]
        raise ConfigError(f"the data set '{path}' cannot be loaded: {type(exc).__name__}: {said}") from exc


def _place(path: str, folder: Path) -> Path | None:
    """Find a folder or file of this name beside the suite or among the data sets; None for a name on the hub."""
    roots = [folder, *([Path(os.environ[DATA])] if os.environ.get(DATA) else [])]
    return next((root / path for root in roots if (root / path).exists()), None)


def _format(file: Path) -> str:
    formats = {
        ".jsonl": "json",
        ".json": "json",
        ".csv": "csv",
        ".parquet": "parquet",
        ".arrow": "arrow",
        ".txt": "text",
    }
    if file.suffix not in formats:
        raise ConfigError(f"{file}: must end in {', '.join(formats)}")
    return formats[file.suffix]


def _split(found: Any, split: str, path: str) -> Any:
    if not isinstance(found, dict):  # saved without splits
        return found
    if split in found:
        return found[split]
    raise ConfigError(f"the data set '{path}' has no split '{split}': use one of {', '.join(map(str, found))}")


def _check(known: Iterable[str], named: set[str], path: str) -> None:
    if missing := sorted(named - set(known)):
        raise ConfigError(f"the data set '{path}' has no column '{missing[0]}': it has {', '.join(known)}")


def _row(given: Fields, columns: dict[str, str], tags: list[str], drop: list[str]) -> Fields:
    renamed = {column: field for field, column in columns.items()}
    fields = {renamed.get(name, name): _plain(value) for name, value in given.items() if name not in drop}
    return {**fields, "tags": {name: _plain(given[name]) for name in tags}} if tags else fields


def _plain(value: Any) -> Any:
    """Turn what JSON cannot say into what it can: times into text, bytes into base64."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
