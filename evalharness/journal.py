"""Files that survive a kill: whole lines and frames, a torn end cut before the next append, one writer at a time."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from evalharness.errors import ConfigError, StorageFault
from evalharness.model import TranscriptRef
from evalharness.text import decoder

BLOCK = 1 << 20
Line = TypeVar("Line")
SEGMENT_BYTES = 64 * 1024 * 1024
CHUNK = 1 << 16


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """Name the file when the disk refuses, or the folder may not be written."""
    try:
        yield
    except OSError as exc:
        raise StorageFault(f"{path}: {exc.strerror or exc}: nothing finished is lost; make room, then resume") from exc


def whole_lines(path: Path) -> int:
    """Return the length in bytes up to and including the last line end."""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        while position:
            start = max(0, position - CHUNK)
            file.seek(start)
            found = file.read(position - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            position = start
    return 0


class Appender:
    """A file that only grows; a write that fails half-way is taken back."""

    def __init__(self, path: Path, *, size: int | None = None) -> None:
        self.path = path
        with storage(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if size is not None:
                os.ftruncate(self._descriptor, size)
            self.size = os.lseek(self._descriptor, 0, os.SEEK_END)
        self._dirty = False

    def append(self, content: bytes) -> None:
        """Hand the bytes to the operating system, all or none."""
        with storage(self.path):
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError:
                os.ftruncate(self._descriptor, self.size)
                os.lseek(self._descriptor, self.size, os.SEEK_SET)
                raise
        self.size += len(content)
        self._dirty = True

    def sync(self) -> None:
        """Have everything appended so far on the disk."""
        if self._dirty:
            with storage(self.path):
                os.fsync(self._descriptor)
            self._dirty = False

    def close(self) -> None:
        """Sync and close."""
        try:
            self.sync()
        finally:
            os.close(self._descriptor)


class Segments:
    """The transcripts of a run: compressed frames one after another, in files of at most 64 MB."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with storage(folder):
            folder.mkdir(exist_ok=True)
        self._number = max((int(file.stem) for file in folder.glob("*.zst")), default=0)
        self._file = Appender(segment_path(folder, self._number))

    def append(self, frames: Sequence[bytes]) -> list[TranscriptRef]:
        """Append frames and say where each lies."""
        total = sum(map(len, frames))
        if self._file.size and self._file.size + total > SEGMENT_BYTES:
            self._file.close()
            self._number += 1
            self._file = Appender(segment_path(self._folder, self._number))
        offset = self._file.size
        refs = []
        for frame in frames:
            refs.append(TranscriptRef(segment=self._number, offset=offset, length=len(frame)))
            offset += len(frame)
        self._file.append(b"".join(frames))
        return refs

    def sync(self) -> None:
        """Have all frames on the disk."""
        self._file.sync()

    def close(self) -> None:
        """Sync and close."""
        self._file.close()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise StorageFault(f"{path}: {exc.strerror or exc}") from exc


def only_begun(folder: Path, header: str, *others: str) -> bool:
    """Say whether a folder holds nothing, or only what a creation left that was killed before its header was there."""
    unfinished = tuple(f".{name}." for name in (header, *others))
    return all(each.name in others or each.name.startswith(unfinished) for each in folder.iterdir())


def read_lines(path: Path, kind: type[Line]) -> Iterator[Line]:
    """Decode the whole lines of a file; a line that is not of this kind is named, a torn last one is not there yet."""
    lines_of = decoder(kind)
    number = 0
    with path.open("rb") as file:
        rest = b""
        while block := file.read(BLOCK):
            content = rest + block
            end = content.rfind(b"\n") + 1
            whole, rest = content[:end], content[end:]
            try:
                lines = lines_of.decode_lines(whole)
            except (msgspec.DecodeError, UnicodeDecodeError):
                lines = []
                for line in whole[:-1].split(b"\n"):
                    number += 1
                    lines.append(_decode_line(lines_of, line, f"{path}: line {number}"))
            number += len(lines)
            yield from lines


def _decode_line(lines_of: msgspec.json.Decoder[Line], line: bytes, place: str) -> Line:
    try:
        return lines_of.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"{place} is damaged ({exc}): delete the line, and its trial is run again when the run is resumed"
        ) from exc


def segment_path(folder: Path, number: int) -> Path:
    """Name a segment's file."""
    return folder / f"{number:06d}.zst"


def locked(path: Path) -> int:
    """Take the lock of a run, or say who holds it."""
    with storage(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        holder = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise ConfigError(
            f"{path.parent} is being written by another evalh ({holder}): wait for it, or stop it"
        ) from exc
    with suppress(OSError):  # on a full disk the lock holds all the same, without a name on it
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0)
    return descriptor


def held(path: Path) -> bool:
    """Say whether a process holds a lock; looking at it writes nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
