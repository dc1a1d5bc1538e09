"""ZIP archives that may be hostile: members are unpacked within bounds, also those that Zstandard packed."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import unpack
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import zstandard

from evalharness.importers.source import fault, reading

ZIP_ZSTANDARD = 93  # which the standard library reads only from Python 3.14 on
LOCAL_HEADER = 30
LARGEST_MEMBER = 1 << 28
ENCRYPTED = 0x1


class Archive:
    """A ZIP file that is open; of members with one name the last counts."""

    def __init__(self, path: Path, members: ZipFile) -> None:
        self.path = path
        self._zip = members
        self.names = dict.fromkeys(members.namelist())

    def read(self, name: str, *, most: int = LARGEST_MEMBER) -> bytes:
        """Unpack a member; one that unpacks to more than `most` bytes is refused."""
        info = self._zip.getinfo(name)
        if info.flag_bits & ENCRYPTED:
            raise fault(self.path, f"{name} is encrypted")
        if info.file_size > most:
            raise fault(self.path, f"{name} would unpack to {info.file_size >> 20} MB, and {most >> 20} MB is the most")
        with reading(self.path):
            unpacked = _unpacked(self.path, info, self._packed(info), most)
        if len(unpacked) != info.file_size or zlib.crc32(unpacked) != info.CRC:
            raise fault(self.path, f"{name} is damaged: it does not unpack to what the archive says")
        return unpacked

    def size(self, name: str) -> int:
        """Return the size that a member says it unpacks to."""
        return self._zip.getinfo(name).file_size

    def _packed(self, info: ZipInfo) -> bytes:
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            head = file.read(LOCAL_HEADER)
            if len(head) < LOCAL_HEADER or head[:4] != b"PK\x03\x04":
                raise fault(self.path, f"{info.filename} is not where the archive says")
            name_length, extra_length = unpack("<HH", head[26:30])
            file.seek(name_length + extra_length, 1)
            return file.read(info.compress_size)


@contextmanager
def archive(path: Path) -> Iterator[Archive]:
    """Open a ZIP file."""
    with reading(path), ZipFile(path) as members:
        yield Archive(path, members)


def _unpacked(path: Path, info: ZipInfo, packed: bytes, most: int) -> bytes:
    unpack_with = _METHODS.get(info.compress_type)
    if unpack_with is None:
        raise fault(path, f"{info.filename} is packed by a method that evalh cannot read ({info.compress_type})")
    return unpack_with(packed, most + 1)


def _inflated(packed: bytes, most: int) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)


def _zstandard(packed: bytes, most: int) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as stream:
        return stream.read(most)


_METHODS: dict[int, Callable[[bytes, int], bytes]] = {
    ZIP_STORED: lambda packed, most: packed[:most],
    ZIP_DEFLATED: _inflated,
    ZIP_ZSTANDARD: _zstandard,
}
