"""Given outcome tables as runs, for tests that may use real data."""

from pathlib import Path
from typing import Any

import pandas as pd

from evalharness.outcomes import LineUsage, Outcomes, TrialLine, table
from tests.factories import header


def runs(file: Path, *, arm: str) -> dict[str, Outcomes]:
    """Read a table of trials, one run for each value of the column `arm`."""
    rows = pd.read_csv(file, dtype={"task_id": str})
    return {str(name): run(str(name), group, seed=number) for number, (name, group) in enumerate(rows.groupby(arm))}


def run(name: str, rows: pd.DataFrame, *, seed: int) -> Outcomes:
    """Make a run of the rows of one agent; a status other than `ok` is the cause of a fail."""
    lines = [_line(row) for row in rows.to_dict("records")]
    planned = {str(task_id): int(size) for task_id, size in rows.groupby("task_id", sort=False).size().items()}
    return table(name, header(list(planned), fingerprint=name, run_id=name, seed=seed), lines, planned)


def _line(row: dict[Any, Any]) -> TrialLine:
    status = row.get("status", "ok")
    known = {key: value for key, value in row.items() if not pd.isna(value)}
    return TrialLine(
        task_id=row["task_id"],
        trial=int(row["trial"]) + 1,
        outcome="error" if "passed" not in known else "pass" if row["passed"] else "fail",
        score=known.get("score"),
        cause=None if status == "ok" or known.get("passed") else status,
        usage=LineUsage(
            cost_usd=known.get("cost_usd"), seconds=known.get("duration_s"), working_seconds=known.get("duration_s")
        ),
    )
