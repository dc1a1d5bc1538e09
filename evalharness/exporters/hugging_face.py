"""Hugging Face: a folder for `datasets.load_dataset(PATH)`, which is also what the Hub takes.

The data is JSON lines. Where all texts of a column look like dates, `datasets` would read them as points in time and
write them differently: such data goes into Parquet, which knows its types.
"""

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from evalharness.errors import ConfigError
from evalharness.exporters import Taken
from evalharness.exporters.lines import write_lines, yaml_text
from evalharness.exporters.questions import table
from evalharness.model import Suite

_DATE = re.compile(r"\s*[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?(?:[T ][0-9:.,]+\S*)?\s*")


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
        dated = any(_dates([row[name] for row in rows]) for name in rows[0])
        file = f"data/{self.split}.{'parquet' if dated else 'jsonl'}"
        if dated:
            _write_parquet(path / file, rows)
        else:
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


def _dates(values: list[Any]) -> bool:
    """Say whether every text of a column could be taken for a point in time."""
    texts = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return bool(texts) and all(_DATE.fullmatch(each) for each in texts)


def _write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    try:
        arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as exc:
        raise ConfigError(
            "a column of dates needs Parquet, which is not installed: run `pip install 'evalharness[parquet]'`"
        ) from exc
    text = arrow.string()
    kinds = [(name, arrow.list_(text) if isinstance(value, list) else text) for name, value in rows[0].items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(arrow.Table.from_pylist(rows, schema=arrow.schema(kinds)), path)
