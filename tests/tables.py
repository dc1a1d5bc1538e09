"""Runs with any numbers in them, for tests of rules that look beyond passes and fails."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from evalharness.model import Policy, RunHeader
from evalharness.outcomes import GradedLine, LineUsage, Outcomes, TrialLine, table
from tests.factories import header

Counted = tuple[int, int, int]
Fields = Callable[[str, int, str], dict[str, Any]]


def nothing(task_id: str, trial: int, outcome: str) -> dict[str, Any]:
    """No fields beside the outcome."""
    return {}


def made(
    counts: dict[str, Counted],
    *,
    name: str = "a",
    fields: Fields = nothing,
    tags: dict[str, tuple[str, ...]] | None = None,
    grades: Sequence[GradedLine] = (),
    **changes: Any,
) -> Outcomes:
    """A run whose tasks passed, failed and errored this often; `fields` gives more of each line, by its names."""
    lines = [
        _line(task_id, trial, outcome, fields(task_id, trial, outcome))
        for task_id, (passed, failed, errors) in counts.items()
        for trial, outcome in enumerate(["pass"] * passed + ["fail"] * failed + ["error"] * errors, start=1)
    ]
    planned = {task_id: sum(each) for task_id, each in counts.items()}
    return table(
        f"runs/{name}", _header(counts, name, tags or {}, changes), lines, planned, reread=lambda _: iter(grades)
    )


def _line(task_id: str, trial: int, outcome: str, more: dict[str, Any]) -> TrialLine:
    usage = {key: more.pop(key) for key in list(more) if key in LineUsage.__struct_fields__}
    return TrialLine(task_id=task_id, trial=trial, outcome=outcome, usage=LineUsage(**usage), **more)


def _header(
    counts: dict[str, Counted], name: str, tags: dict[str, tuple[str, ...]], changes: dict[str, Any]
) -> RunHeader:
    made_of = header(list(counts), fingerprint=name, run_id=f"run-{name}", seed=sum(map(ord, name)))
    entries = {
        task_id: msgspec.structs.replace(entry, tags=tags.get(task_id, entry.tags))
        for task_id, entry in made_of.tasks.items()
    }
    return msgspec.structs.replace(made_of, tasks=entries, **changes)


def with_entry(run: Outcomes, task_id: str, **parts: Any) -> Outcomes:
    """The same run, where one task has another digest or other tags."""
    entry = msgspec.structs.replace(run.header.tasks[task_id], **parts)
    return replace(run, header=msgspec.structs.replace(run.header, tasks=run.header.tasks | {task_id: entry}))


def policy(*rules: dict[str, Any] | str, **more: Any) -> Policy:
    """A policy of these rules, by name or as they stand in YAML."""
    written = [{"use": rule} if isinstance(rule, str) else rule for rule in rules]
    return msgspec.convert({"rules": written, **more}, Policy)
