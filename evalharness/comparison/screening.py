"""How many tasks the screen names, beside how many it would name of an unchanged agent.

Where nothing can be run again this is the best evidence about single tasks: named tasks beyond the noise floor, and
those few whose stored trials alone stand up to a correction for all tasks (Holm).
"""

import numpy as np

from evalharness.comparison.missing import ArmCounts
from evalharness.model import Flip, Screened
from evalharness.stats.counts import BoolArray, Counts
from evalharness.stats.exact import hypergeometric, poisson_binomial
from evalharness.stats.flips import suspects
from evalharness.stats.multiple import holm, significant
from evalharness.stats.tables import per_table, task_pvalues

CERTAIN = 0.05


def screen(base: ArmCounts, cand: ArmCounts) -> dict[str, Screened]:
    """Screen both directions; `certain` counts the tasks that are shown at 5 %, corrected for all tasks."""
    both = (base.trials > 0) & (cand.trials > 0)
    before, after = (Counts(arm.passed[both], arm.trials[both]) for arm in (base, cand))
    return {
        Flip.BROKEN.value: _screened(before, after),
        Flip.FIXED.value: _screened(after, before),
    }


def _screened(before: Counts, after: Counts) -> Screened:
    """Count those that dropped from `before` to `after`; given each task's passes, chance names them known often."""
    columns = before.passed, before.trials, after.passed, after.trials
    named = suspects(*columns)
    chances = per_table(before, after, _chance)
    certain = significant(holm(task_pvalues(*columns)), level=CERTAIN)
    return Screened(
        seen=int(named.sum()),
        expected=float(chances.sum()),
        pvalue=poisson_binomial(chances).at_least(int(named.sum())),
        certain=int((named & certain).sum()),
    )


def _chance(base_passed: int, base_trials: int, cand_passed: int, cand_trials: int) -> float:
    total = base_passed + cand_passed
    split = hypergeometric(base_trials, cand_trials, total)
    named: BoolArray = suspects(
        total - split.support,
        np.full(split.support.size, base_trials),
        split.support,
        np.full(split.support.size, cand_trials),
    )
    return float(split.mass[named].sum())
