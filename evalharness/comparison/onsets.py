"""Tasks that always passed and now pass sometimes, beside how many an unchanged agent would show."""

import numpy as np

from evalharness.comparison.missing import ArmCounts
from evalharness.model import Onsets
from evalharness.stats.counts import Counts
from evalharness.stats.exact import hypergeometric, poisson_binomial
from evalharness.stats.tables import per_table

FEWEST = 2


def onsets(base: ArmCounts, cand: ArmCounts) -> Onsets:
    """Count the onsets; given a task's passes over both arms, how they fall on the arms is known exactly."""
    both = (base.trials >= FEWEST) & (cand.trials > 0)
    before, after = (Counts(arm.passed[both], arm.trials[both]) for arm in (base, cand))
    seen = (before.passed == before.trials) & (after.passed > 0) & (after.passed < after.trials)
    chances = per_table(before, after, _chance)
    return Onsets(
        seen=int(seen.sum()),
        expected=float(chances.sum()),
        pvalue=poisson_binomial(chances).at_least(int(np.count_nonzero(seen))),
    )


def _chance(base_passed: int, base_trials: int, cand_passed: int, cand_trials: int) -> float:
    left = base_passed + cand_passed - base_trials
    if not 0 < left < cand_trials:
        return 0.0
    return hypergeometric(base_trials, cand_trials, base_passed + cand_passed).at(left)
