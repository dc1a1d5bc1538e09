"""Importers: runs that other tools left behind, read as ours.

Each format has one module with one class, and nothing but its own file or folder to go by. What the source does not
say stays empty; what it says in words nobody knows becomes an error with those words as its cause.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from evalharness.model import Record, RunHeader, Transcript, TrialKey


class Importer(Protocol):
    """Reads one foreign format; a frozen dataclass, whose option `pass_at` says from which score on a trial passes."""

    def sniff(self, path: Path) -> bool:
        """Say by looking inside whether the file or folder is of this format."""
        ...

    def runs(self, path: Path) -> list[str]:
        """Name the runs in it; two are never of one name."""
        ...

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Return a run's header, which plans `trials` of each of its `tasks`, and what is on record, in any order."""
        ...


@runtime_checkable
class Transcribing(Protocol):
    """An importer whose source also tells what the agent did."""

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:
        """Yield transcripts in the order of the records; trials without one are passed over."""
        ...


@runtime_checkable
class Scored(Protocol):
    """An importer whose runs are judged in several ways; `FILE::NAME` may name one of them instead of a run."""

    def scorers(self, path: Path) -> list[str]:
        """Name the ways, each of which `read` takes for the name of a run."""
        ...
