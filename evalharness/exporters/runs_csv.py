"""A run as CSV, a row per trial, that no spreadsheet mistakes for formulas."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from evalharness.cells import inert
from evalharness.exporters import Taken
from evalharness.exporters.runs import ToldRun
from evalharness.exporters.runs_rows import COLUMNS, rows
from evalharness.text import well_formed

LONGEST = 32_000  # a spreadsheet's cell holds 32,767 characters
CUT = ("answer", "detail")


@dataclass(frozen=True)
class CsvExporter:
    """Comma-separated values; a text that could be a formula has an apostrophe before it."""

    takes: ClassVar[Taken] = "run"

    def write(self, source: ToldRun, path: Path) -> None:
        """Write the rows one by one."""
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            for row in rows(source):
                table.writerow({name: _cell(name, value) for name, value in row.items()})


def _cell(name: str, value: Any) -> Any:
    """Write a value as a cell; flags are 1 and 0, long texts are cut."""
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return value
    return inert(well_formed(value[:LONGEST] if name in CUT else value))
