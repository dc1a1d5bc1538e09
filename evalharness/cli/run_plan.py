"""What `evalh run` plans: which tasks, how many trials of each, and which part of them this machine runs."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, to_builtins

from evalharness.errors import ConfigError
from evalharness.loading.digests import entries
from evalharness.model import Planned, Suite, Task
from evalharness.run_list import earlier
from evalharness.running.shards import Shard, part

HISTORY = "history"


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be run here, and what the run remembers of how that was found."""

    planned: tuple[Planned, ...]
    remembered: dict[str, Any] = {}
    said: str = ""


def plan(
    suite: Suite,
    tasks: Sequence[Task],
    *,
    trials: int | None,
    agent: str | None = None,
    allocate: str | None = None,
    shard: str | None = None,
) -> Asked:
    """Plan a run: equal trials, or as the history of an earlier run has it; of a shard, its part of the whole plan."""
    count, task_ids = trials or suite.trials, tuple(task.id for task in tasks)
    wanted = Shard.parse(shard) if shard else None
    whole: tuple[Planned, ...] = (Planned(task_ids=task_ids, first=1, last=count),)
    remembered: dict[str, Any] = {}
    known, said = entries(suite) if allocate or wanted else {}, ""
    if allocate:
        from evalharness.running.allocation import by_history  # noqa: PLC0415 - other runs need no statistics

        history = _history(allocate, suite, agent)
        allotted = by_history(task_ids, known, history, trials=count)
        whole, remembered = allotted.planned, {"allocate": allotted.remembered}
        said = _said(history, allotted.remembered["with_history"], len(task_ids))
    if wanted is None:
        return Asked(planned=whole, remembered=remembered, said=said)
    remembered |= {"shard": str(wanted), "whole": to_builtins(whole)}
    return Asked(planned=part(whole, known, wanted), remembered=remembered, said=said)


def _said(history: Any, known: int, tasks: int) -> str:
    """Say which run it was whose history allotted the trials."""
    header = history.header
    agent = f"{header.agent.name} {header.agent.version}".strip()
    return (
        f"trials are allotted by the history of {history.place} ({agent}, {header.started_at[:10]}), which has "
        f"{known} of the {tasks} tasks as they are now"
    )


def _history(allocate: str, suite: Suite, agent: str | None) -> Any:
    """Read the outcomes that --allocate names: of a run, of a line's baseline, or of the latest run of the suite."""
    from evalharness.ledger.named import outcomes_of  # noqa: PLC0415 - other runs need no statistics

    word, _, place = allocate.partition("=")
    if word != HISTORY:
        raise ConfigError(f"--allocate {allocate}: write history, history=RUN or history=line:NAME")
    if place:
        return outcomes_of(place, suite.name).outcomes
    found = earlier(suite.name, agent)
    if found is None:
        raise ConfigError(f"--allocate history: no earlier run of {suite.name} in runs/: name one with history=RUN")
    return outcomes_of(found.path).outcomes
