"""Answers of models kept on disk: the same request in the same trial of a run with the same seed is not paid twice.

A key is a digest of the whole request and of the trial: its task, its number and its seed. Two trials never share an
answer, and neither do two equal requests within one. Each entry is a file of its own that is there whole or not at
all, so any number of processes may write and be killed. Nothing that holds a secret is kept.
"""

import hashlib
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError, StorageFault
from evalharness.model import Trial
from evalharness.redact import Redactor, without_secrets

_FORMAT = 1
_NO_PART = frozenset({"api_key", "timeout", "num_retries", "max_retries"})  # they say how to ask, not what


def remembered(folder: Path) -> dict[str, str]:
    """Make a folder of answers ready, and return how a run's options remember it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as exc:
        said = f"--cache {folder}: {exc.strerror or exc}: name a folder that can be written"
        raise ConfigError(said) from exc
    return {"cache": str(folder.resolve())}


class ResponseCache(Struct, frozen=True):
    """A folder of answers."""

    folder: Path

    def find(self, key: str) -> bytes | None:
        """Return what is kept under a key."""
        try:
            return self._file(key).read_bytes()
        except OSError:  # not there, or not to be read: then it is asked for again
            return None

    def keep(self, key: str, content: bytes) -> None:
        """Keep an answer; the last of several writers stands."""
        file = self._file(key)
        try:
            file.parent.mkdir(exist_ok=True)
            handle, name = tempfile.mkstemp(dir=file.parent, prefix=".")
            with os.fdopen(handle, "wb") as temporary:
                temporary.write(content)
            Path(name).replace(file)
        except OSError as exc:
            raise StorageFault(
                f"{file}: {exc.strerror or exc}: nothing finished is lost; make room, then resume"
            ) from exc

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.json"


class Memory:
    """The answers of one trial: those kept before, and those that it gets now.

    What it gets is kept once the trial is measured: an attempt that errors leaves nothing behind.
    """

    def __init__(self, cache: ResponseCache, trial: Trial, redactor: Redactor) -> None:
        self._cache, self._trial, self._redactor = cache, trial, redactor
        self._asked: Counter[bytes] = Counter()
        self._new: dict[str, bytes] = {}

    def key(self, request: dict[str, Any]) -> str:
        """Name a request, the arguments of a call, in this trial; the same one once more has another name."""
        plain = without_secrets({name: each for name, each in request.items() if name not in _NO_PART}, os.environ)
        digest = hashlib.sha256(msgspec.json.encode(plain, order="deterministic")).digest()
        self._asked[digest] += 1
        trial = self._trial
        named = [_FORMAT, digest.hex(), self._asked[digest], trial.task.id, trial.number, trial.seed]
        return hashlib.sha256(msgspec.json.encode(named)).hexdigest()

    def find(self, key: str) -> bytes | None:
        """Return the answer kept under a key."""
        return self._cache.find(key)

    def add(self, key: str, content: bytes) -> None:
        """Remember an answer until the trial has ended."""
        if self._redactor.clean(content) == content:
            self._new[key] = content

    def keep(self) -> None:
        """Keep what was remembered."""
        for key, content in self._new.items():
            self._cache.keep(key, content)
