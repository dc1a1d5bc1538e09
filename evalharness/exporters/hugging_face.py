"""Hugging Face: a folder for `datasets.load_dataset(PATH)`, which is also what the Hub takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from evalharness.exporters import Taken
from evalharness.exporters.lines import write_lines, yaml_text
from evalharness.exporters.questions import table
from evalharness.model import Suite


@dataclass(frozen=True)
class HuggingFaceExporter:
    """A dataset card with its columns, and `data/SPLIT.jsonl`; `license` is named on the card where it is given."""

    takes: ClassVar[Taken] = "suite"
    license: str | None = None
    split: str = "test"

    def __post_init__(self) -> None:
        if not self.split.isidentifier():
            raise ValueError(f"split: {self.split!r} is not a name such as 'test'")

    def write(self, source: Suite, path: Path) -> None:
        """Write data and card."""
        rows = table(source, format="Hugging Face")
        file = f"data/{self.split}.jsonl"
        write_lines(path / file, rows)
        card = yaml_text(self._card(source, rows, file))
        text = f"---\n{card}---\n\nQuestions with short answers, exported by evalh.\n"
        (path / "README.md").write_text(text, encoding="utf-8", newline="\n")

    def _card(self, suite: Suite, rows: list[dict[str, Any]], file: str) -> dict[str, Any]:
        features = [
            {"name": name, "list" if isinstance(value, list) else "dtype": "string"} for name, value in rows[0].items()
        ]
        languages = list(dict.fromkeys(row["lang"] for row in rows if "lang" in row))
        return {
            "pretty_name": suite.name,
            **({"license": self.license} if self.license else {}),
            **({"language": languages} if languages else {}),
            "task_categories": ["question-answering"],
            "configs": [{"config_name": "default", "data_files": [{"split": self.split, "path": file}]}],
            "dataset_info": {"config_name": "default", "features": features},
        }
