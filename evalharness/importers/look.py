"""A first look at a foreign file: its form and its keys, enough to tell formats apart without reading it twice."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from evalharness.importers.source import BOM, LARGEST, content, decode, opened, reading

HEAD = 1 << 24
Form = Literal["object", "list", "lines", "xml", "zip", "parquet", "text", "folder", "nothing"]


class Look(Struct, frozen=True, kw_only=True):
    """What stands at the beginning of a file: of a list or of lines, the first element counts.

    `inner` has the keys of those values that are objects; `head` is the first line of a text; `fault` says why JSON
    could not be read to its end.
    """

    form: Form
    keys: frozenset[str] = frozenset()
    inner: dict[str, frozenset[str]] = {}
    head: str = ""
    fault: str = ""

    def has(self, *names: str) -> bool:
        """Say whether all of these keys are there."""
        return self.keys.issuperset(names)

    def within(self, key: str, *names: str) -> bool:
        """Say whether the value of a key is an object with all of these keys."""
        return self.inner.get(key, frozenset()).issuperset(names) and key in self.inner


def look(path: Path) -> Look:
    """Look at a file or folder; the answer is kept while the file stays as it is."""
    with reading(path):
        stat = path.stat()
    if path.is_dir():
        return Look(form="folder")
    return _looked(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _looked(path: Path, _changed: int, _size: int) -> Look:
    with reading(path), opened(path) as file:
        head = file.read(HEAD).removeprefix(BOM).lstrip()
    for mark, form in _MARKS.items():
        if head.startswith(mark):
            return Look(form=form)
    if head[:1] not in (b"{", b"["):
        line = head[: head.find(b"\n")] if b"\n" in head else head
        return Look(form="text", head=line[:100_000].decode("utf-8", "replace").strip())
    first, _, rest = head.partition(b"\n")
    several = rest.strip() or ".jsonl" in path.suffixes
    if head[:1] == b"{" and several and (keys := _keys(first)):
        return _object("lines", keys)
    return _whole(path)


_MARKS: dict[bytes, Form] = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"PAR1": "parquet", b"<": "xml"}


def _keys(data: bytes) -> dict[str, msgspec.Raw]:
    """Return the values of an object, or nothing where it is none."""
    try:
        return decode(data, dict[str, msgspec.Raw], "")
    except Exception:  # noqa: BLE001 - any fault only means that it is of another form
        return {}


def _whole(path: Path) -> Look:
    data = content(path, most=LARGEST)
    try:
        if data.lstrip()[:1] == b"{":
            return _object("object", decode(data, dict[str, msgspec.Raw], path))
        found = decode(data, list[msgspec.Raw], path)
        return _object("list", _keys(bytes(found[0])) if found else {})
    except Exception as exc:  # noqa: BLE001 - a damaged file is of no format; whoever asked says what is wrong with it
        return Look(form="nothing", fault=str(exc))


def _object(form: Form, values: dict[str, Any]) -> Look:
    inner = {
        key: frozenset(_keys(bytes(value)))
        for key, value in list(values.items())[:64]
        if bytes(value).lstrip()[:1] == b"{"
    }
    return Look(form=form, keys=frozenset(values), inner=inner)
