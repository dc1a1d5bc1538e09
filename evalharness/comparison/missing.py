"""Missing trials: what they could hide, and when that has to decide.

A task's rate uses its measured trials. The worst case counts what is missing against the candidate: its own missing
trials as fails, the baseline's as passes. It decides for tasks with nothing measured, and for all tasks where more than
5 % are missing, the arms differ in it by more than 2 points, or missing goes with failing. What is missing shows no
harm: that must hold on what was measured, and where the worst case decides, in the best case too.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evalharness.stats.tables import fisher

MOST_MISSING = 0.05
LARGEST_DIFFERENCE = 0.02
DEPENDENCE_LEVEL = 0.05
TIE = 1e-12

Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ArmCounts:
    """Passed and counted trials per task, aligned over both arms."""

    passed: Counts
    trials: Counts


def share(tasks: pd.DataFrame) -> float:
    """Return the share of planned trials that were not measured."""
    planned = int(tasks["planned"].sum())
    return 1 - int(tasks["measured"].sum()) / planned if planned else 0.0


def decides(baseline: pd.DataFrame, candidate: pd.DataFrame) -> str:
    """Say why the worst case over everything missing has to decide, or nothing."""
    shares = share(baseline), share(candidate)
    for name, missing in zip(("baseline", "candidate"), shares, strict=True):
        if missing > MOST_MISSING + TIE:
            return f"{missing:.1%} of the {name}'s trials are missing"
    if abs(shares[1] - shares[0]) > LARGEST_DIFFERENCE + TIE:
        return f"the arms differ in what is missing: {shares[0]:.1%} and {shares[1]:.1%}"
    for name, tasks in (("baseline", baseline), ("candidate", candidate)):
        pvalue = dependence(tasks)
        if pvalue <= DEPENDENCE_LEVEL + TIE:
            return f"missing goes with failing in the {name} (Fisher p = {pvalue:.3f})"
    return ""


def dependence(tasks: pd.DataFrame) -> float:
    """Test whether trials go missing more often on tasks that mostly fail (Fisher's exact test over trials)."""
    seen = tasks[tasks["measured"] > 0]
    failing = 2 * seen["passed"] < seen["measured"]
    measured = [int(seen.loc[side, "measured"].sum()) for side in (~failing, failing)]
    planned = [int(seen.loc[side, "planned"].sum()) for side in (~failing, failing)]
    if not all(planned):
        return 1.0
    return fisher(measured[0], planned[0], measured[1], planned[1])


def seen_counts(baseline: pd.DataFrame, candidate: pd.DataFrame) -> tuple[ArmCounts, ArmCounts]:
    """Return the measured trials and nothing else: what is said of a single task rests on these."""
    base, cand = (
        ArmCounts(passed=_array(tasks["passed"]), trials=_array(tasks["measured"])) for tasks in (baseline, candidate)
    )
    return base, cand


def measured_counts(baseline: pd.DataFrame, candidate: pd.DataFrame) -> tuple[ArmCounts, ArmCounts]:
    """Return the measured trials, with tasks that have none in an arm at their worst case."""
    return _counts(baseline, missing_passes=True), _counts(candidate, missing_passes=False)


def worst_counts(baseline: pd.DataFrame, candidate: pd.DataFrame) -> tuple[ArmCounts, ArmCounts]:
    """Return all planned trials, with everything missing counted against the candidate."""
    b_missing, c_missing = (tasks["planned"] - tasks["measured"] for tasks in (baseline, candidate))
    return (
        ArmCounts(passed=_array(baseline["passed"] + b_missing), trials=_array(baseline["planned"])),
        ArmCounts(passed=_array(candidate["passed"]), trials=_array(candidate["measured"] + c_missing)),
    )


def best_counts(baseline: pd.DataFrame, candidate: pd.DataFrame) -> tuple[ArmCounts, ArmCounts]:
    """Return all planned trials, with everything missing counted for the candidate: harm must hold even so."""
    after, before = worst_counts(candidate, baseline)
    return before, after


def _counts(tasks: pd.DataFrame, *, missing_passes: bool) -> ArmCounts:
    nothing = tasks["measured"] == 0
    passed = tasks["passed"].where(~nothing, tasks["planned"] if missing_passes else 0)
    return ArmCounts(passed=_array(passed), trials=_array(tasks["measured"].where(~nothing, tasks["planned"])))


def _array(column: "pd.Series[int]") -> Counts:
    return np.asarray(column, dtype=np.int64)
