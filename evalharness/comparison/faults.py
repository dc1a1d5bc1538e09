"""Reasons not to believe the trials themselves: copies of each other, and trials that crashed as a whole.

Imported logs hold runs as trial numbers. A run that was submitted twice adds no information, and one that crashed for
one cause throughout says nothing about the agent: both are left out, named, and keep a promotion back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from evalharness.outcomes import Outcomes
from evalharness.stats.tables import fisher

MEASURED = ["score", "seconds", "working_seconds", "cost_usd", "tokens"]
TIMED = ["seconds", "working_seconds"]
COMPARED = ["outcome", "output_digest", *MEASURED]
FEWEST_TASKS = 10
CRASHED_SHARE, USUAL_SHARE, CRASH_LEVEL = 0.5, 0.2, 1e-6


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with some trials of an arm; `kind` is what `--allow` calls it."""

    kind: str
    said: str
    trials: tuple[int, ...] = ()


def find(outcomes: Outcomes) -> list[Fault]:
    """Look for copied and crashed trials inside one run."""
    return [*_copies(outcomes), *_crashes(outcomes)]


def without(outcomes: Outcomes, faults: Sequence[Fault]) -> Outcomes:
    """Return the run without the trials of these faults, as if they had not been planned."""
    dropped = {trial for fault in faults for trial in fault.trials}
    if not dropped:
        return outcomes
    gone = outcomes.trials["trial"].isin(list(dropped))
    lost, tasks = outcomes.trials[gone], outcomes.tasks
    marks = pd.DataFrame(
        {"passed": lost["outcome"] == "pass", "measured": lost["outcome"] != "error", "planned": lost["trial"] > 0}
    )
    fewer = marks.groupby(lost["task_id"]).sum().reindex(tasks.index, fill_value=0)
    return replace(outcomes, trials=outcomes.trials[~gone], tasks=tasks - fewer[list(tasks)])


def between(baseline: Outcomes, candidate: Outcomes) -> list[Fault]:
    """Say whether both arms are one and the same run."""
    if baseline.header.run_id == candidate.header.run_id:
        return [Fault(kind="copies", said=f"both arms are the same run ({baseline.header.run_id})")]
    if len(baseline.trials) != len(candidate.trials) or baseline.trials.empty:
        return []
    if not np.array_equal(_sums(baseline.trials), _sums(candidate.trials), equal_nan=True):
        return []
    arms = [each.trials.set_index(["task_id", "trial"]).sort_index()[COMPARED] for each in (baseline, candidate)]
    if arms[0].equals(arms[1]) and _telling(arms[0]):
        said = f"both arms hold the same trials, to the byte: {candidate.place} looks like a copy of {baseline.place}"
        return [Fault(kind="copies", said=said)]
    return []


def _sums(trials: pd.DataFrame) -> np.ndarray:
    return np.array([trials[name].sum(min_count=1) for name in MEASURED] + [(trials["outcome"] == "pass").sum()])


def _telling(rows: pd.DataFrame) -> bool:
    """Say whether equal rows mean a copy: times repeat by no accident; without times, varying outputs do not either."""
    if _varied_times(rows):
        return True
    varied = rows.groupby(level="task_id")["output_digest"].nunique() > 1
    return int(varied.sum()) >= FEWEST_TASKS


def _varied_times(rows: pd.DataFrame) -> bool:
    return int(rows[TIMED].nunique().max()) >= FEWEST_TASKS


def _copies(outcomes: Outcomes) -> list[Fault]:
    """Find trial numbers whose trials repeat those of an earlier number on every task."""
    trials = outcomes.trials
    if trials.empty:
        return []
    by_trial = trials.groupby("trial")
    sums = by_trial[MEASURED].sum(min_count=1).assign(size=by_trial.size())
    alike = [group.index.tolist() for _, group in sums.groupby(list(sums), dropna=False) if len(group) > 1]
    found: list[Fault] = []
    for first, second in (both for numbers in alike for both in combinations(sorted(numbers), 2)):
        if second not in {trial for fault in found for trial in fault.trials} and _equal(trials, first, second):
            said = f"trial {second} of {outcomes.place} is a copy of trial {first}, to the byte: left out"
            found.append(Fault(kind="copies", said=said, trials=(second,)))
    return found


def _equal(trials: pd.DataFrame, first: int, second: int) -> bool:
    rows = trials.set_index("task_id")
    one, other = (rows.loc[rows["trial"] == each, COMPARED].sort_index() for each in (first, second))
    return _varied_times(one) and one.equals(other)


def _crashes(outcomes: Outcomes) -> list[Fault]:
    """Find trial numbers most of whose trials failed for one cause that the other numbers hardly know.

    Errors are not looked at: they are unmeasured already.
    """
    trials = outcomes.trials
    failed = trials[(trials["outcome"] == "fail") & trials["cause"].notna()]
    sizes = trials.groupby("trial").size()
    if failed.empty or len(sizes) < 2:
        return []
    counted = failed.groupby(["trial", "cause"]).size().reset_index(name="count")
    found = []
    for trial, cause, count in zip(*(counted[name].tolist() for name in counted), strict=True):
        size, others = int(sizes[trial]), int(sizes.sum() - sizes[trial])
        elsewhere = int((failed["cause"] == cause).sum()) - count
        if _crashed(count, size, elsewhere, others):
            said = (
                f"trial {trial} of {outcomes.place} crashed: {count} of {size} ended with {cause}, "
                f"{elsewhere} of {others} in the other trials: left out"
            )
            found.append(Fault(kind="crash", said=said, trials=(trial,)))
    return found


def _crashed(count: int, size: int, elsewhere: int, others: int) -> bool:
    if size < FEWEST_TASKS or count < CRASHED_SHARE * size or elsewhere > USUAL_SHARE * others:
        return False
    return fisher(count, size, elsewhere, others) <= CRASH_LEVEL
