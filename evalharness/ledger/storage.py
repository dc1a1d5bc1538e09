"""What the places of a line have in common: their contract, its name, and outcome tables as they lie on disk."""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import zstandard

from evalharness.errors import ConfigError
from evalharness.ledger.chain import Chain, Link
from evalharness.ledger.entry import Entry, Stored, canonical_json, sealed
from evalharness.redact import Redactor

DEFAULT_LINE = "main"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Make = Callable[[Chain], Entry]  # makes the entry on top of a chain; called again where another writer was faster
Tables = Mapping[str, bytes]  # outcome tables by the digest of their JSON


class Line(Protocol):
    """Where a line lives: read as a checked chain, and extended at its head only."""

    name: str
    root: Path  # the folder that places inside entries are relative to

    def read(self) -> Chain:
        """Return the whole chain, checked."""
        ...

    def append(self, make: Make, tables: Tables) -> Link:
        """Put an entry on top of whatever is the head at that moment."""
        ...

    def table(self, digest: str) -> bytes:
        """Return an outcome table as JSON, checked against its digest."""
        ...

    def sync(self, remote: str) -> None:
        """Bring what a remote has and this place lacks."""
        ...

    def publish(self, remote: str, link: Link) -> bool:
        """Push the entry; False where another one reached the remote first, and this one was taken back here."""
        ...


def check_name(name: str) -> str:
    """Refuse a name that is not safe as both a git ref and a file."""
    if not _NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock")):
        raise ConfigError(
            f"line {name!r}: a name has up to 64 letters, digits, '-', '_' and single dots, and begins with a letter "
            "or digit"
        )
    return name


def written(entry: Entry) -> Stored:
    """Give an entry the bytes and the digest it is stored with; secrets are gone before the digest is made."""
    return sealed(Redactor.from_environment().clean(canonical_json(entry)))


def table_file(digest: str) -> str:
    """Name the file of an outcome table."""
    return f"{digest}.json.zst"


def packed(table: bytes) -> bytes:
    """Compress an outcome table."""
    return zstandard.ZstdCompressor(level=9).compress(table)


def unpacked(content: bytes | None, name: str, digest: str) -> bytes:
    """Return an outcome table; ConfigError where it is missing or not what the entry named."""
    if content is None:
        raise ConfigError(f"line {name}: the outcome table {digest[:12]} is missing")
    try:
        table = zstandard.ZstdDecompressor().decompress(content)
    except zstandard.ZstdError as exc:
        raise ConfigError(f"line {name}: the outcome table {digest[:12]} is damaged: {exc}") from exc
    if sha256(table).hexdigest() != digest:
        raise ConfigError(f"line {name}: the outcome table {digest[:12]} was edited")
    return table
