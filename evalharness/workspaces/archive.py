"""Archives of files on their way into a container and out of it; what comes out is hostile until shown otherwise.

Only regular files and folders come out: links, devices and pipes are left behind, and a name that leads anywhere else
is refused.
"""

import fnmatch
import io
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

LONGEST = 256 << 20  # bytes of one file that are taken out of a workspace: all of them are held in memory


def checked(path: str) -> str:
    """Return a path inside a workspace, normalised; ValueError for whatever leads out."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path:
        raise ValueError(f"workspace path '{path}' must be relative and stay inside the workspace")
    return str(pure)


def packed(source: Path, name: str, *, shared: bool) -> IO[bytes]:
    """Pack a file or folder of the host under a name; links are followed. `shared` lets every user change it."""
    target = io.BytesIO()

    def adapted(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode |= (0o777 if member.isdir() else 0o666) if shared else 0o444 | (0o111 if member.isdir() else 0)
        return member

    with tarfile.open(fileobj=target, mode="w", dereference=True) as archive:
        archive.add(source, arcname=name, filter=adapted)
    target.seek(0)
    return target


def packed_file(content: bytes, name: str) -> IO[bytes]:
    """Pack one file with this content."""
    target = io.BytesIO()
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o666
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(member, io.BytesIO(content))
    target.seek(0)
    return target


def packed_folder(name: str) -> IO[bytes]:
    """Pack an empty folder that every user may write to."""
    target = io.BytesIO()
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o777
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(member)
    target.seek(0)
    return target


def unpacked(stream: IO[bytes]) -> Iterator[tuple[PurePosixPath, tarfile.TarInfo, Callable[[], bytes]]]:
    """Yield the regular files and folders of an archive as it arrives: its name, what it is, and how to read it."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if member.isreg() or member.isdir():
                    yield PurePosixPath(checked(member.name.lstrip("/"))), member, _reader(archive, member)
    except tarfile.TarError as exc:
        raise ValueError(f"what came out of the container is no archive: {exc}") from exc


def _reader(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        if member.size > LONGEST:
            raise ValueError(f"workspace path '{member.name}' has {member.size} bytes, more than {LONGEST}")
        content = archive.extractfile(member)
        try:
            return content.read() if content else b""
        except tarfile.TarError as exc:
            raise ValueError(f"what came out of the container is no archive: {exc}") from exc

    return read


def below(name: PurePosixPath) -> PurePosixPath:
    """Return a member's name without the folder that was asked for, which every name starts with."""
    return PurePosixPath(*name.parts[1:])


def extract(stream: IO[bytes], target: Path) -> None:
    """Write the files of an archive below a folder of the host that nobody else writes to."""
    for name, member, read in unpacked(stream):
        place = target / below(name)
        if member.isdir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(read())
            if member.mode & 0o100:
                place.chmod(0o755)


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a path matches a glob pattern, in which `**` stands for any depth."""
    found, parts = "", checked(pattern).split("/")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            found += "(?!)" if last else "(?:[^/]+/)*"  # at the end it would name folders, and only files are listed
        else:
            inner = fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z")
            found += inner.replace(".*", "[^/]*") + ("" if last else os.sep)
    return lambda path: re.fullmatch(found, path, re.DOTALL) is not None
