"""A pack's file as rows, whatever else is wrong with it: a JSON list, or a JSON object a line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.loading.shape import Place
from evalharness.loading.yaml_source import read_text

LARGEST = 256 << 20


class Found(Struct, frozen=True):
    """A row and where it stands; `fault` says why it is none."""

    place: Place
    value: Any = None
    fault: str = ""


def rows(path: Path) -> list[Found]:
    """Read all rows of a pack; a file that cannot be read at all is a ConfigError."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ConfigError(f"{path}: is no ordinary file")
    if path.is_file() and path.stat().st_size > LARGEST:
        raise ConfigError(f"{path}: is larger than {LARGEST >> 20} MB; a smoke pack is small, split it")
    text = read_text(path)
    if text.lstrip().startswith("["):
        return list(_listed(text, Place(str(path))))
    # Lines end at \n alone: splitlines() would also cut at U+2028 inside an answer.
    numbered = enumerate(text.split("\n"), 1)
    return [_decoded(line, Place(f"{path}:{number}")) for number, line in numbered if line.strip()]


def _listed(text: str, place: Place) -> Iterator[Found]:
    whole = _decoded(text, place)
    if whole.fault:
        yield whole
        return
    for index, value in enumerate(whole.value):
        yield Found(place.at(f"[{index}]"), value)


def _decoded(text: str, place: Place) -> Found:
    try:
        return Found(place, msgspec.json.decode(text.encode("utf-8", "surrogatepass")))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        return Found(place, fault=f"malformed JSON: {str(exc).removeprefix('JSON is malformed: ')}")
