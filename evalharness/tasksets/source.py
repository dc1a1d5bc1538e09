"""Where the data of a task set lies: in a package, or in a file that the user has."""

import gzip
import importlib
import json
import os
import random
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from evalharness.errors import ConfigError

Fields = dict[str, Any]
T = TypeVar("T")

DATA = "EVALH_DATA"  # a folder of data sets, so that suites can name files without knowing the machine
SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz")


def located(path: str, folder: Path, *, what: str, origin: str) -> Path:
    """Find a file: seen from the suite's folder, then from the folder that EVALH_DATA names.

    A folder stands for the one data file in it. What is missing is a ConfigError that says where to get it (`origin`).
    """
    file = found(path, folder, what=what)
    if file is None:
        seen = " or ".join(map(str, _places(path, folder)))
        hint = "" if os.environ.get(DATA) else f", and {DATA} names no folder of data sets"
        raise ConfigError(f"{what} is missing: no {seen}{hint}; {origin}")
    return file


def found(path: str, folder: Path, *, what: str) -> Path | None:
    """Find a file as `located` does; None where there is none."""
    for place in _places(path, folder):
        if place.is_file():
            return place
        if place.is_dir():
            return _only_file(place, what)
    return None


def _places(path: str, folder: Path) -> list[Path]:
    return [folder / path, *([Path(os.environ[DATA]) / path] if os.environ.get(DATA) else [])]


def _only_file(folder: Path, what: str) -> Path:
    found = sorted(path for path in folder.iterdir() if path.is_file() and path.name.endswith(SUFFIXES))
    if len(found) != 1:
        names = ", ".join(path.name for path in found[:8]) or "none"
        raise ConfigError(f"{what}: {folder} must hold one data file ({', '.join(SUFFIXES)}), but holds {names}")
    return found[0]


def packaged(module: str, *, what: str, install: str) -> Path:
    """Find the folder of an installed package without importing it; a ConfigError says how to install it."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"{what} is not installed: run `{install}`")
    return Path(spec.submodule_search_locations[0])


def imported(module: str, *, what: str, install: str) -> ModuleType:
    """Import a package that only some task sets need; a ConfigError says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise ConfigError(f"{what} needs a package that is not installed ({exc}): run `{install}`") from exc


def records(path: Path) -> list[Fields]:
    """Read the objects of a JSON list, a single object, or a file with an object a line, compressed or not."""
    try:
        text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode("utf-8")
        found = _values(text)
    except (OSError, EOFError, ValueError) as exc:
        raise ConfigError(f"{path}: cannot be read as JSON, or as a JSON object a line: {exc}") from exc
    if not all(isinstance(each, dict) for each in found):
        raise ConfigError(f"{path}: must hold objects, one for each task")
    return list(found)


def _values(text: str) -> list[Any]:
    """Read one document, or one on each line."""
    try:
        found = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    return found if isinstance(found, list) else [found]


def value(fields: Fields, names: Sequence[str], place: str) -> Any:
    """Take the first of several names that a row has; published copies of one set differ in them."""
    for name in names:
        if fields.get(name) is not None:
            return fields[name]
    raise ConfigError(f"{place}: has none of the fields {', '.join(names)}; is this the right file?")


def sampled(rows: Iterable[T], limit: int | None, seed: int) -> list[T]:
    """Keep `limit` rows, drawn by the seed and in their old order; all of them without a limit."""
    found = list(rows)
    if limit is None or limit >= len(found):
        return found
    if limit < 1:
        raise ConfigError(f"limit: {limit} leaves no tasks")
    kept = random.Random(seed).sample(range(len(found)), limit)  # noqa: S311 - which tasks are asked is no secret
    return [found[index] for index in sorted(kept)]
