"""A line outside git: a hash-chained file that only grows, one writer at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from evalharness.errors import ConfigError, StorageFault
from evalharness.journal import Appender, whole_lines, write_whole
from evalharness.ledger.chain import Chain, Link, admitted, verified
from evalharness.ledger.entry import Stored
from evalharness.ledger.storage import Make, Tables, packed, table_file, unpacked, written

FOLDER = Path(".evalh") / "lines"


class _Row(msgspec.Struct):
    """One line of the file; the entry keeps its bytes, for they are what the digest is of."""

    digest: str
    entry: msgspec.Raw


class FileLine:
    """A line in `.evalh/lines/NAME.jsonl`, its outcome tables in a folder beside it."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root
        self._path = root / FOLDER / f"{name}.jsonl"
        self._tables = root / FOLDER / f"{name}.outcomes"

    @staticmethod
    def names(root: Path) -> list[str]:
        """Return the lines that a folder has."""
        return sorted(file.stem for file in (root / FOLDER).glob("*.jsonl"))

    def read(self) -> Chain:
        """Return the whole chain, checked; a torn last line was never acknowledged and is not there."""
        return verified(self.name, self._rows())

    def append(self, make: Make, tables: Tables) -> Link:
        """Put an entry on top of the head while nobody else can."""
        with self._locked():
            chain = self.read()
            new = written(make(chain))
            link = admitted(chain, new)
            for digest, table in tables.items():
                write_whole(self._tables / table_file(digest), packed(table))
            size = whole_lines(self._path) if self._path.exists() else 0
            appender = Appender(self._path, size=size)
            try:
                appender.append(msgspec.json.encode(_Row(digest=new.digest, entry=msgspec.Raw(new.content))) + b"\n")
            finally:
                appender.close()
        return link

    def table(self, digest: str) -> bytes:
        """Return an outcome table as JSON, checked against its digest."""
        file = self._tables / table_file(digest)
        return unpacked(file.read_bytes() if file.is_file() else None, self.name, digest)

    def sync(self, remote: str) -> None:
        """Refuse: a file has no remote."""
        raise ConfigError(f"line {self.name} lives in {self._path}, outside git: there is no remote '{remote}'")

    def publish(self, remote: str, link: Link) -> bool:  # noqa: ARG002 - the contract of a line
        """Refuse: a file has no remote."""
        self.sync(remote)
        return False

    def _rows(self) -> Iterator[Stored]:
        if not self._path.is_file():
            return
        content = self._path.read_bytes()
        for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
            try:
                row = msgspec.json.decode(line, type=_Row)
            except (msgspec.DecodeError, UnicodeDecodeError) as exc:
                raise ConfigError(f"line {self.name}: entry {number} is damaged: {exc} ({self._path})") from exc
            yield Stored(row.digest, bytes(row.entry))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._tables.mkdir(parents=True, exist_ok=True)
            lock = self._path.with_suffix(".lock").open("w")
        except OSError as exc:
            raise StorageFault(f"{self._path.parent}: {exc.strerror or exc}") from exc
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
