"""A run as rows: the columns that CSV and Parquet share, under names that our own importer of tables reads."""

from collections.abc import Iterator
from typing import Any

from evalharness.exporters.runs import ToldRun
from evalharness.model import Outcome
from evalharness.text import as_json

COLUMNS: dict[str, type] = {
    "task_id": str,
    "trial": int,
    "passed": bool,
    "score": float,
    "status": str,
    "cause": str,
    "attempt": int,
    "benchmark": str,
    "benchmark_version": str,
    "agent": str,
    "version": str,
    "model": str,
    "tags": str,
    "started_at": str,
    "cost_usd": float,
    "input_tokens": int,
    "output_tokens": int,
    "cached_tokens": int,
    "model_calls": int,
    "seconds": float,
    "working_seconds": float,
    "grades": str,
    "detail": str,
    "answer": str,
    "run": str,
}
"""The names of the columns and what they hold; any value may be missing but task, trial and status.

`passed` is missing where nothing was measured; `status` then has the cause, and else the outcome. `tags` and `grades`
are JSON lists.
"""


def rows(run: ToldRun) -> Iterator[dict[str, Any]]:
    """Yield a row per trial."""
    header = run.header
    whose = {
        "benchmark": header.suite.name,
        "benchmark_version": header.suite.version,
        "agent": header.agent.name,
        "version": header.agent.version,
        "run": header.run_id,
    }
    tags = {task_id: as_json(entry.tags).decode() for task_id, entry in header.tasks.items() if entry.tags}
    for each in run.trials():
        record, used = each.record, each.record.usage
        measured = record.outcome is not Outcome.ERROR
        yield whose | {
            "task_id": record.task_id,
            "trial": record.trial,
            "passed": record.outcome is Outcome.PASS if measured else None,
            "score": record.score,
            "status": str(record.outcome) if measured else record.cause or "error",
            "cause": record.cause,
            "attempt": record.attempt,
            "model": record.model,
            "tags": tags.get(record.task_id),
            "started_at": record.started_at,
            "cost_usd": used.cost_usd,
            "input_tokens": used.input_tokens,
            "output_tokens": used.output_tokens,
            "cached_tokens": used.cached_tokens,
            "model_calls": used.model_calls,
            "seconds": used.seconds,
            "working_seconds": used.working_seconds,
            "grades": as_json(record.grades).decode() if record.grades else None,
            "detail": record.detail or None,
            "answer": each.transcript.final if each.transcript else None,
        }
