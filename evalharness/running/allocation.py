"""Where a run spends its trials: where tasks varied before, with a floor for every task.

The plan is made before the run and never looks at its outcomes, so the mean of task rates stays unbiased.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.model import Planned, TaskEntry
from evalharness.outcomes import Outcomes
from evalharness.stats.allocation import Limits, neyman

FLOOR = 2


class Allotted(Struct, frozen=True, kw_only=True):
    """A plan with unequal trials, and what a run remembers of how it was made."""

    planned: tuple[Planned, ...]
    remembered: dict[str, Any]


def by_history(task_ids: Sequence[str], tasks: Mapping[str, TaskEntry], history: Outcomes, *, trials: int) -> Allotted:
    """Spend `trials` per task on average where the history varied; a task that is new or has changed has no history."""
    if trials < FLOOR:
        raise ConfigError(
            f"--allocate history gives every task {FLOOR} trials at least: ask for --trials {FLOOR} or more"
        )
    known = {task_id for task_id in task_ids if _same(tasks[task_id], history.header.tasks.get(task_id))}
    counts = history.tasks.reindex(list(task_ids), fill_value=0).to_dict("index")
    passed = np.array([counts[each]["passed"] if each in known else 0 for each in task_ids])
    measured = np.array([counts[each]["measured"] if each in known else 0 for each in task_ids])
    if not measured.any():
        raise ConfigError(f"{history.place} holds no trial of these tasks as they are now: leave out --allocate")
    planned = neyman(passed, measured, limits=Limits(budget=trials * len(task_ids), floor=FLOOR))
    run_id, shares = history.header.run_id, planned.trials
    by_number: dict[int, list[str]] = {}
    for task_id, number in zip(task_ids, shares, strict=True):
        by_number.setdefault(number, []).append(task_id)
    return Allotted(
        planned=tuple(
            Planned(task_ids=tuple(ids), first=1, last=number, reason=f"history of {run_id}")
            for number, ids in sorted(by_number.items())
        ),
        remembered={
            "history": history.place,
            "run_id": run_id,
            "with_history": int((measured > 0).sum()),
            "variance_ratio": planned.variance_ratio,
        },
    )


def _same(now: TaskEntry, then: TaskEntry | None) -> bool:
    return then is not None and (now.task, now.graders, now.limits) == (then.task, then.graders, then.limits)
