"""Folders that a run needs, sent to another machine; what names a place in them names it there too.

A parcel is the content of a folder or file. `packed` pickles a value and writes every path inside a sent folder as a
reference, which `unpacked` reads as the place where the folder lies on the machine that reads it.
"""

import hashlib
import io
import os
import pickle
import subprocess
import tarfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import zstandard
from msgspec import Struct

from evalharness.errors import ConfigError

LONGEST_BYTES = 100 << 20
SKIPPED = frozenset({".git", ".evalh", ".venv", "__pycache__", "node_modules", "runs", "gates"})
SECRETS = (".env", ".netrc", ".pypirc", ".npmrc")


class Parcel(Struct, frozen=True):
    """The content of a folder or file, named by its digest."""

    digest: str
    content: bytes


def parcel(root: str) -> Parcel:
    """Pack a folder or file: of a git checkout what git does not ignore, else all but what is made again anyway.

    Files named as those that hold secrets (`.env`, `.netrc`) never travel.
    """
    place, size, content = Path(root), 0, io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", dereference=True) as archive:
        for path in sorted(_files(place)):
            size += path.stat().st_size
            if size > LONGEST_BYTES:
                raise ConfigError(
                    f"{root} holds more than {LONGEST_BYTES >> 20} MB, too much to send to every worker: keep data "
                    "elsewhere, let git ignore it, or give the nodes the same folder and say --ray-shared"
                )
            archive.add(path, arcname=path.relative_to(place.parent).as_posix(), filter=_nobody)
    raw = content.getvalue()
    return Parcel(hashlib.sha256(raw).hexdigest(), zstandard.ZstdCompressor().compress(raw))


def opened(sent: Parcel, root: str, folder: Path) -> str:
    """Unpack below a folder, and return where the root lies there."""
    place = folder / sent.digest[:16]
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    raw = io.BytesIO(zstandard.ZstdDecompressor().decompress(sent.content))
    with tarfile.open(fileobj=raw) as archive:
        archive.extractall(place, filter="data")
    found = place / Path(root).name
    if not found.exists():
        found.mkdir()  # an empty folder
    return str(found)


def packed(value: object, roots: Collection[str]) -> bytes:
    """Pickle a value for a machine where these roots lie elsewhere."""
    content = io.BytesIO()
    _Pickler(content, roots).dump(value)
    return content.getvalue()


def unpacked(content: bytes, places: Mapping[str, str]) -> Any:
    """Read a value, given where each root lies here."""
    return _Unpickler(io.BytesIO(content), places).load()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, roots: Collection[str]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._roots = tuple(sorted(roots, key=len, reverse=True))

    def persistent_id(self, obj: object) -> tuple[bytes, bytes, bool] | None:
        """Write a path inside a root as the root and the rest."""
        if not self._roots or not isinstance(obj, str | PurePath):
            return None
        text = str(obj)
        for root in self._roots:
            if text == root or (text.startswith(root + os.sep) and os.path.lexists(text)):
                # in bytes, because a text would be looked at in its turn
                return os.fsencode(root), os.fsencode(text[len(root) :]), isinstance(obj, PurePath)
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, places: Mapping[str, str]) -> None:
        super().__init__(file)
        self._places = places

    def persistent_load(self, pid: tuple[bytes, bytes, bool]) -> str | Path:
        """Name the place here."""
        root, rest, is_path = pid
        text = self._places[os.fsdecode(root)] + os.fsdecode(rest)
        return Path(text) if is_path else text


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    for path in _known_to_git(place) or _walked(place):
        if path.is_file() and not path.name.startswith(SECRETS):
            yield path


def _walked(place: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if name not in SKIPPED]
        yield from (Path(folder, name) for name in names)


def _known_to_git(place: Path) -> list[Path]:
    """List what git tracks or would track; nothing where the folder is no checkout, or git ignores it as a whole."""
    command = ["git", "-C", str(place), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a fixed command
    except OSError:
        return []
    names = os.fsdecode(done.stdout).split("\0") if done.returncode == 0 else []
    return [place / name for name in names if name]


def _nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who owns a file and when it changed: equal content is an equal parcel."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member
