"""inspect_ai: a dataset for `json_dataset(PATH)`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from evalharness.exporters import Taken
from evalharness.exporters.lines import write_lines
from evalharness.exporters.questions import questions
from evalharness.model import Suite


@dataclass(frozen=True)
class InspectExporter:
    """One Sample a line: `id`, `input`, `target` (a list where several answers are right) and `metadata`."""

    takes: ClassVar[Taken] = "suite"

    def write(self, source: Suite, path: Path) -> None:
        """Write the samples."""
        samples = [
            {"id": each.id, "input": each.prompt, "target": each.ideal, "metadata": each.metadata}
            for each in questions(source, format="inspect_ai")
        ]
        write_lines(path, samples)
