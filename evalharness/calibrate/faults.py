"""What may go wrong with a release, as a change of each task's pass rate."""

from collections.abc import Callable

import numpy as np

from evalharness.stats.counts import FloatArray

Fault = Callable[[FloatArray], FloatArray]


def unchanged(rates: FloatArray) -> FloatArray:
    """Change nothing: the same agent again."""
    return rates


def best_tasks(count: int, factor: float) -> Fault:
    """Multiply the rates of the tasks that pass most often."""

    def broken(rates: FloatArray) -> FloatArray:
        changed = rates.copy()
        changed[np.argsort(-rates, kind="stable")[:count]] *= factor
        return changed

    return broken


def slip(factor: float) -> Fault:
    """Multiply every rate."""
    return lambda rates: rates * factor


def every(step: int, factor: float) -> Fault:
    """Multiply the rate of every second, third, ... task, as when long answers are cut off."""

    def cut(rates: FloatArray) -> FloatArray:
        changed = rates.copy()
        changed[::step] *= factor
        return changed

    return cut


SAME = "the same agent"
ONE_BROKEN = "one task broken"
FAULTS: dict[str, Fault] = {
    SAME: unchanged,
    ONE_BROKEN: best_tasks(1, 0.0),
    "three tasks halved": best_tasks(3, 0.5),
    "every task slips by a tenth": slip(0.9),
    "truncated answers (every third task halved)": every(3, 0.5),
    "wrong language (every task halved)": slip(0.5),
    "broken prompt template (next to nothing passes)": slip(0.02),
}
