"""A pack while it is written: a line per accepted item, and beside it how each came to be.

What happened is written before the item it explains, so whatever moment a process dies at, every item that stands has
its origin, and going on is counting what stands.
"""

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError, StorageFault
from evalharness.exporters.lines import line
from evalharness.packs.item import Item
from evalharness.packs.pack import load_pack, provenance_file
from evalharness.packs.request import Slot, Wanted


class Origin(Struct, frozen=True, kw_only=True, tag="item", tag_field="kind"):
    """How one item came to be."""

    id: str
    model: str
    prompt_sha256: str
    seed: int
    temperature: float
    created_at: str


class Call(Struct, frozen=True, kw_only=True, tag="call", tag_field="kind"):
    """One call of the model: what it cost, what became of its items, or why no answer came."""

    number: int
    seed: int
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    accepted: int = 0
    refused: dict[str, int] = {}
    fault: str = ""


class Begun(Struct, frozen=True, kw_only=True, tag="pack", tag_field="kind"):
    """What the pack is to be: the first line."""

    wanted: Wanted


Line = Begun | Call | Origin


class Draft:
    """The two files of a pack that is being written; made by `drafting`."""

    def __init__(self, out: Path, log: IO[bytes], wanted: Wanted) -> None:
        self.out, self.wanted = out, wanted
        self.items: list[Item] = list(load_pack(out).items) if out.exists() and out.stat().st_size else []
        self.have = Counter(_slot(item) for item in self.items)
        self.calls: list[Call] = []
        self._log = log

    @property
    def cost_usd(self) -> float | None:
        """Return what all calls cost together; None where one that was answered did not say."""
        answered = [call.cost_usd for call in self.calls if not call.fault]
        known = [cost for cost in answered if cost is not None]
        return sum(known) if len(known) == len(answered) else None

    def owed(self, num: int) -> Counter[Slot]:
        """Count what is still to be written."""
        return self.wanted.slots(num) - self.have

    def called(self, call: Call) -> None:
        """Keep what became of a call."""
        self.calls.append(call)
        self._logged(call)

    def keep(self, fields: dict[str, Any], origin: Origin) -> None:
        """Keep an item: its origin first."""
        self._logged(origin)
        with self.out.open("ab") as file:
            file.write(f"{line(fields)}\n".encode())
            _settled(file)
        self.items.append(msgspec.convert({**fields, "fields": fields}, Item))
        self.have[_slot(self.items[-1])] += 1

    def _logged(self, said: Line) -> None:
        self._log.write(msgspec.json.encode(said) + b"\n")
        _settled(self._log)


@contextmanager
def drafting(out: Path, wanted: Wanted) -> Iterator[Draft]:
    """Begin a pack or go on with it; one process at a time, and only as it was begun."""
    if out.suffix != ".jsonl":
        raise ConfigError(f"{out}: must end in .jsonl: items are kept line by line while they come in")
    beside = provenance_file(out)
    if out.exists() and not beside.exists():
        raise ConfigError(f"{out}: exists already, and is no pack that was being generated; name another --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("a+b") as log:
            _lock(log, beside)
            yield _resumed(out, log, wanted)
    except OSError as exc:
        raise StorageFault(f"{out}: cannot be written: {exc.strerror or exc}") from exc


def _lock(log: IO[bytes], beside: Path) -> None:
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise ConfigError(f"{beside}: another process is writing this pack; wait for it, or end it") from exc


def _resumed(out: Path, log: IO[bytes], wanted: Wanted) -> Draft:
    _cut(log)
    log.seek(0)
    lines = [_decoded(said, log.name, number) for number, said in enumerate(log, 1)]
    if len(lines) == 1:  # nothing was asked yet: it may still become another pack
        log.truncate(0)
        lines = []
    if lines:
        _refuse_other(lines[0], wanted, log.name)
    if out.exists():
        with out.open("r+b") as file:
            _cut(file)
    draft = Draft(out, log, wanted)
    draft.calls = [each for each in lines if isinstance(each, Call)]
    if not lines:
        draft._logged(Begun(wanted=wanted))  # noqa: SLF001 - its maker
    return draft


def _decoded(said: bytes, name: str, number: int) -> Line:
    try:
        found: Line = msgspec.json.decode(said, type=Line)
    except msgspec.DecodeError as exc:
        raise ConfigError(f"{name}:{number}: is no line of a generated pack: {exc}; name another --out") from exc
    return found


def begun(out: Path) -> Wanted | None:
    """Return what a pack was begun as; None where it was not."""
    try:
        with provenance_file(out).open("rb") as log:
            first = log.readline()
    except OSError:
        return None
    if not first.endswith(b"\n"):
        return None
    found = _decoded(first, str(provenance_file(out)), 1)
    return found.wanted if isinstance(found, Begun) else None


def _refuse_other(first: Line, wanted: Wanted, name: str) -> None:
    if not isinstance(first, Begun):
        raise ConfigError(f"{name}:1: does not say how the pack was begun; name another --out")
    for field in Wanted.__struct_fields__:
        was, now = getattr(first.wanted, field), getattr(wanted, field)
        if was != now:
            raise ConfigError(f"{name}: the pack was begun with {field} {was!r}, not {now!r}; name another --out")


def _slot(item: Item) -> Slot:
    return Slot(str(item.tags.get("category")), str(item.tags.get("difficulty")))


def _cut(file: IO[bytes]) -> None:
    """Cut a half-written last line: whatever it was, it is owed again."""
    file.seek(0)
    content = file.read()
    if content and not content.endswith(b"\n"):
        file.truncate(content.rfind(b"\n") + 1)
    file.seek(0, os.SEEK_END)


def _settled(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
