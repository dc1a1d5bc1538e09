"""Two runs and the tasks that are compared: what every measure is made from."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evalharness.model import Measure
from evalharness.outcomes import Outcomes
from evalharness.stats.results import Estimate

LEVEL = 0.90  # two-sided, so that each bound is a one-sided 95 % one
ARM_LEVEL = 0.95
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Arms:
    """Two runs and the tasks that are compared."""

    baseline: Outcomes
    candidate: Outcomes
    task_ids: Sequence[str]
    estimand: str

    @property
    def both(self) -> tuple[Outcomes, Outcomes]:
        """Return both runs, the baseline first."""
        return self.baseline, self.candidate

    @cached_property
    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return passed, measured and planned trials of the compared tasks, aligned."""
        base, cand = (each.tasks.loc[list(self.task_ids)] for each in self.both)
        return base, cand

    @cached_property
    def measured(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the measured trials of the compared tasks, with `place`, the task's position."""
        index = pd.Index(self.task_ids)
        found = []
        for each in self.both:
            place = index.get_indexer(pd.Index(each.trials["task_id"]))
            found.append(each.trials.assign(place=place)[(place >= 0) & (each.trials["outcome"] != "error").to_numpy()])
        return found[0], found[1]

    def grouped(self, trials: pd.DataFrame, values: Floats) -> list[Floats]:
        """Return one array of values per compared task, in order; unknown values are left out."""
        known = ~np.isnan(values)
        place = trials["place"].to_numpy()[known]
        order = np.argsort(place, kind="stable")
        ends = np.searchsorted(place[order], np.arange(len(self.task_ids) + 1))
        kept = values[known][order]
        return [kept[low:high] for low, high in itertools.pairwise(ends)]


def nothing(name: str, why: str) -> Measure:
    """Say that a quantity cannot be told, and why."""
    unknown = Estimate(value=None, low=None, high=None, level=LEVEL, n=0, method=name, note=why)
    return Measure(name=name, baseline=None, candidate=None, change=unknown, harm=unknown, note=why)
