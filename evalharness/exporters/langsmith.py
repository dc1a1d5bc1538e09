"""LangSmith: examples as JSON lines, for `Client().create_examples` of LangChain's library or the upload of a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from uuid import NAMESPACE_URL, uuid5

from evalharness.exporters import Taken
from evalharness.exporters.lines import write_lines
from evalharness.exporters.questions import questions
from evalharness.model import Suite


@dataclass(frozen=True)
class LangSmithExporter:
    """One example a line: `id`, `inputs`, `outputs`, `metadata`, `split`; the same ids from export to export."""

    takes: ClassVar[Taken] = "suite"
    split: str = "test"

    def write(self, source: Suite, path: Path) -> None:
        """Write the examples."""
        examples = [
            {
                "id": str(uuid5(NAMESPACE_URL, f"evalh:{source.name}:{each.id}")),
                "inputs": {"question": each.prompt},
                "outputs": {"answer": each.answers[0], "accept": list(each.answers[1:])},
                "metadata": {"task_id": each.id, **each.metadata},
                "split": self.split,
            }
            for each in questions(source, format="LangSmith")
        ]
        write_lines(path, examples)
