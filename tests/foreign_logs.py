"""Logs of other tools, written small: what their formats look like, for tests that need no given file."""

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import zstandard

from evalharness.foreign import Foreign, load, source

ZSTD = 93


def written(path: Path, value: Any) -> Path:
    """Write a value as JSON, a list of dicts with a name ending in .jsonl as lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(map(json.dumps, value)) if path.name.endswith(".jsonl") else json.dumps(value)
    path.write_text(text)
    return path


def outcomes(place: Path | str, **options: Any) -> dict[tuple[str, int], tuple[str, str | None]]:
    """Read a foreign run as outcome and cause by task and trial."""
    return {
        (each.task_id, each.trial): (str(each.outcome), each.cause)
        for each in load(source(str(place), **options)).records
    }


def loaded(place: Path | str, **options: Any) -> Foreign:
    """Read a foreign run."""
    return load(source(str(place), **options))


def faults(place: Path | str, **options: Any) -> list[str]:
    """Read what is wrong with the data of a foreign run."""
    return loaded(place, **options).header.options["faults"]


def sample(sample_id: Any, value: Any, *, epoch: int = 1, **more: Any) -> dict[str, Any]:
    """One line of inspect's summaries."""
    return {"id": sample_id, "epoch": epoch, "scores": {"match": {"value": value}}, **more}


def inspect_header(**more: Any) -> dict[str, Any]:
    """The header of an inspect log."""
    spec = {
        "task": "arith",
        "model": "mock/model",
        "created": "2026-01-01T00:00:00+00:00",
        "dataset": {"sample_ids": [1, 2]},
        "config": {"epochs": 2},
    }
    return {"version": 2, "status": "success", "eval": spec | more.pop("eval", {}), **more}


def eval_file(path: Path, members: dict[str, Any], *, method: int = ZSTD) -> Path:
    """Write an `.eval` file whose members are packed by Zstandard, as newer versions of inspect do, or otherwise."""
    packed = [
        (name, value if isinstance(value, bytes) else json.dumps(value).encode()) for name, value in members.items()
    ]
    if method != ZSTD:
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in packed:
                archive.writestr(name, content)
        return path
    body, directory = b"", b""
    for name, content in packed:
        frame = zstandard.ZstdCompressor().compress(content)
        sizes = struct.pack("<IIIHH", zlib.crc32(content), len(frame), len(content), len(name), 0)
        local = struct.pack("<IHHHHH", 0x04034B50, 20, 0, ZSTD, 0, 33) + sizes
        entry = struct.pack("<IHHHHHH", 0x02014B50, 20, 20, 0, ZSTD, 0, 33) + sizes
        directory += entry + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name.encode()
        body += local + name.encode() + frame
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(packed), len(packed), len(directory), len(body), 0)
    path.write_bytes(body + directory + end)
    return path
