"""Exporters: suites, packs and runs written as other tools want them.

Each format has one module with one class, which says what it takes and writes to a path that does not exist yet, a file
or a folder. What the format cannot say is refused with the place, never dropped in silence.
"""

from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

Taken = Literal["suite", "run"]  # a pack comes as the suite that is made of it


class Exporter(Protocol):
    """Writes one foreign format; a frozen dataclass of its options."""

    takes: ClassVar[Taken]

    def write(self, source: Any, path: Path) -> None:
        """Write the source, a Suite or whatever else `takes` names, to a path that does not exist yet."""
        ...
