"""Foreign files as bytes and values: decompressed within bounds, and every fault a message that names the file."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from csv import Error as CsvError
from io import BufferedReader
from pathlib import Path
from re import compile as pattern
from typing import Any, BinaryIO, TypeVar
from zipfile import BadZipFile

import msgspec
import zstandard

from evalharness.errors import ConfigError

LARGEST = 1 << 29  # of what is held in memory at once
LONGEST = 1 << 34  # of what is read line by line
LONGEST_LINE = 1 << 26
BLOCK = 1 << 22
GZIP, ZSTD, BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf"
SAID = 1000

T = TypeVar("T")

_NOT_JSON = pattern(rb'"(?:[^"\\]|\\.)*"|-?Infinity\b|\bNaN\b')
_CONTROL = pattern(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FAULTS = (
    msgspec.DecodeError,
    zstandard.ZstdError,
    zlib.error,
    BadZipFile,
    CsvError,
    EOFError,
    RecursionError,
    OverflowError,
    ValueError,
)


def fault(path: Path | str, said: object) -> ConfigError:
    """Make the error that says in one line of bounded length what is wrong with a file."""
    return ConfigError(f"{_CONTROL.sub(' ', str(path))}: {_CONTROL.sub(' ', str(said))[:SAID]}")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file makes libraries raise into one error that names the file."""
    try:
        yield
    except _FAULTS as exc:
        raise fault(path, f"cannot be read, it is damaged or of another format: {exc or type(exc).__name__}") from exc
    except MemoryError as exc:
        raise fault(path, "does not fit into memory") from exc
    except OSError as exc:
        raise fault(path, f"cannot be read: {exc.strerror or exc}") from exc


def is_packed(path: Path) -> bool:
    """Say whether a file is gzip or zstd."""
    with path.open("rb") as file:
        return file.read(4).startswith((GZIP, ZSTD))


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading bytes, decompressed where it is gzip or zstd."""
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if head.startswith(GZIP):
            with gzip.open(file) as unpacked:
                yield unpacked  # type: ignore[misc]  # a GzipFile reads bytes like any other
        elif head == ZSTD:
            with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as stream:
                yield BufferedReader(stream)
        else:
            yield file


def content(path: Path, *, most: int = LARGEST) -> bytes:
    """Read a whole file, decompressed; one that unpacks to more than `most` bytes is refused."""
    with reading(path), opened(path) as file:
        blocks, size = [], 0
        while block := file.read(BLOCK):
            blocks.append(block)
            size += len(block)
            if size > most:
                raise fault(path, f"holds more than {most >> 20} MB when unpacked: import a smaller part of it")
        return b"".join(blocks).removeprefix(BOM)


def byte_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file as bytes, decompressed, within bounds for each and for all of them."""
    with reading(path), opened(path) as file:
        size, most = 0, LARGEST if is_packed(path) else LONGEST
        while line := file.readline(LONGEST_LINE):
            size += len(line)
            if size > most or len(line) == LONGEST_LINE:
                raise fault(path, f"has a line over {LONGEST_LINE >> 20} MB, or more than {most >> 20} MB in all")
            yield line.removeprefix(BOM) if size == len(line) else line


def decode(data: bytes, kind: type[T], place: Path | str) -> T:
    """Decode JSON, reading NaN and infinities as nothing; wrong types are named with their place."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as exc:
        if b"NaN" not in data and b"Infinity" not in data:
            raise fault(place, exc) from exc
    except (UnicodeDecodeError, RecursionError) as exc:
        raise fault(place, exc) from exc
    try:
        return msgspec.json.decode(finite(data), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise fault(place, exc) from exc


def finite(data: bytes) -> bytes:
    """Write null for the NaN and infinities that some tools put into JSON; texts stay as they are."""
    return _NOT_JSON.sub(lambda found: found[0] if found[0][:1] == b'"' else b"null", data)


def document(path: Path, kind: type[T]) -> T:
    """Read a JSON file."""
    return decode(content(path), kind, path)


def lines(path: Path, kind: type[T]) -> Iterator[T]:
    """Yield the values of a file with a JSON value a line; a line that is something else is named."""
    decoder = msgspec.json.Decoder(kind)
    for number, line in enumerate(byte_lines(path), start=1):
        if line.isspace():
            continue
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield decode(line, kind, f"{path}: line {number}")


def text(value: Any) -> str:
    """Write any value as text: texts as they are, nothing as an empty text, the rest as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()
