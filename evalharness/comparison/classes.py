"""What two arms say about each single task: its class, and what fresh trials make of a suspicion."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evalharness.comparison.missing import ArmCounts
from evalharness.model import Comparison, Counts, Flip, TaskClass, TaskEntry, TaskPair
from evalharness.stats.flips import suspects
from evalharness.stats.states import TaskState, task_state
from evalharness.stats.tables import task_pvalues

STATES = {
    TaskState.STABLE_PASS: TaskClass.STABLE_PASS,
    TaskState.STABLE_FAIL: TaskClass.STABLE_FAIL,
    TaskState.FLAKY: TaskClass.FLAKY,
}
FEWEST = 2  # trials before one can say of a task that it always passed


@lru_cache(maxsize=1 << 16)
def task_class(base: tuple[int, int], cand: tuple[int, int], *, worse: bool = False, better: bool = False) -> TaskClass:
    """Classify a task by its (passed, measured) trials in both arms and by what the screen says of it.

    Where nothing suggests a change, the trials of both arms together say what the task is like.
    """
    if not base[1] or not cand[1]:
        return TaskClass.UNMEASURED
    if worse:
        return TaskClass.SUSPECTED_BROKEN
    if better:
        return TaskClass.SUSPECTED_FIXED
    if base[1] >= FEWEST and base[0] == base[1] and 0 < cand[0] < cand[1]:
        return TaskClass.FLAKE_ONSET
    return STATES.get(task_state(base[0] + cand[0], base[1] + cand[1]), TaskClass.UNDETERMINED)


def task_pairs(
    arms: tuple[ArmCounts, ArmCounts],
    tables: tuple[pd.DataFrame, pd.DataFrame],
    entries: Mapping[str, TaskEntry],
    *,
    grader_flakes: Mapping[str, str],
) -> tuple[TaskPair, ...]:
    """Put both arms together, task by task; `grader_flakes` notes tasks whose equal outputs got other grades."""
    (base, cand), task_ids = arms, tables[0].index.tolist()
    counts = base.passed, base.trials, cand.passed, cand.trials
    worse, better = suspects(*counts), suspects(cand.passed, cand.trials, base.passed, base.trials)
    columns = zip(
        task_ids,
        *(_counts(table) for table in tables),
        task_pvalues(*counts).tolist(),
        majority_flips(arms),
        worse.tolist(),
        _classes(counts, worse, better),
        strict=True,
    )
    return tuple(
        TaskPair(
            task_id=task_id,
            tags=entries[task_id].tags if task_id in entries else (),
            baseline=before,
            candidate=after,
            pvalue=pvalue,
            flip=flip,
            suspected=suspected,
            state=TaskClass.GRADER_FLAKE if task_id in grader_flakes and not suspected else state,
            note=grader_flakes.get(task_id, ""),
        )
        for task_id, before, after, pvalue, flip, suspected, state in columns
    )


def _counts(tasks: pd.DataFrame) -> list[Counts]:
    columns = (tasks[name].tolist() for name in ("passed", "measured", "planned"))
    return [
        Counts(passed=passed, measured=measured, planned=planned)
        for passed, measured, planned in zip(*columns, strict=True)
    ]


def _classes(
    counts: tuple[NDArray[np.int64], ...], worse: NDArray[np.bool_], better: NDArray[np.bool_]
) -> Sequence[TaskClass]:
    rows = zip(*(column.tolist() for column in counts), worse.tolist(), better.tolist(), strict=True)
    return [task_class((c, k), (d, m), worse=down, better=up) for c, k, d, m, down, up in rows]


def majority_flips(arms: tuple[ArmCounts, ArmCounts]) -> list[Flip | None]:
    """Say of each task whether its majority of trials changed sides; of one that an arm never measured, nothing."""
    before, after = (2 * arm.passed > arm.trials for arm in arms)
    measured = (arms[0].trials > 0) & (arms[1].trials > 0)
    flips = {(True, False, True): Flip.BROKEN, (False, True, True): Flip.FIXED}
    return [flips.get(each) for each in zip(before.tolist(), after.tolist(), measured.tolist(), strict=True)]


def with_confirmation(
    comparison: Comparison,
    fresh: Mapping[str, tuple[Counts, Counts]],
    confirmed: Collection[str],
    cleared: Collection[str] = (),
    *,
    fixed: Collection[str] = (),
) -> Comparison:
    """Add what fresh trials of (baseline, candidate) showed of some tasks; nothing else in the comparison changes.

    `confirmed` tasks are broken, `cleared` ones are not, `fixed` ones are shown to be fixed; every other task with
    fresh trials stays what it was.
    """
    named = dict.fromkeys(cleared, TaskClass.CLEARED)
    named |= dict.fromkeys(fixed, TaskClass.CONFIRMED_FIXED) | dict.fromkeys(confirmed, TaskClass.CONFIRMED_BROKEN)
    return msgspec.structs.replace(
        comparison,
        tasks=tuple(
            _confirmed(task, fresh.get(task.task_id), named.get(task.task_id, task.state))
            if task.task_id in fresh or task.task_id in named
            else task
            for task in comparison.tasks
        ),
    )


def _confirmed(task: TaskPair, fresh: tuple[Counts, Counts] | None, state: TaskClass) -> TaskPair:
    before, after = fresh or (task.fresh_baseline, task.fresh_candidate)
    return msgspec.structs.replace(task, state=state, fresh_baseline=before, fresh_candidate=after)
