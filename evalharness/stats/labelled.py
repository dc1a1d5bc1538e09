"""Rates of answers of which several belong to one task: the task is the unit, however the answers were picked.

An audit labels whatever answers there are: one of this task, five of that one. Answers of one task are right or wrong
together, so they are worth fewer than they look.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri, stdtrit

from evalharness.stats.counts import Counts, FloatArray, counts, fraction
from evalharness.stats.estimate import proportion
from evalharness.stats.graders import ENOUGH_LABELS, ENOUGH_RARE
from evalharness.stats.results import Estimate

METHOD = "clopper_pearson, answers weighed by task"


def design_effect(hits: ArrayLike, answers: ArrayLike) -> float:
    """How many times fewer independent answers these are worth; 1 where no task has two, and never below it.

    Where all answers agree nothing tells them apart, and a task counts as one answer.
    """
    tasks = _answered(hits, answers)
    size, n = tasks.trials.size, int(tasks.trials.sum())
    if size < 2 or n == size:
        return n / max(1, size)
    rate = float(tasks.passed.sum() / n)
    if rate in (0.0, 1.0):
        return n / size
    variance = size / (size - 1) * float(((tasks.passed - rate * tasks.trials) ** 2).sum()) / n**2
    return max(1.0, variance * n / (rate * (1 - rate)))


def pooled_rate(hits: ArrayLike, answers: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Estimate the share of answers that are hits, from hits and answers per task (Korn & Graubard 1998).

    Clopper-Pearson's interval with the effective number of answers and a t quantile; exactly Clopper-Pearson's where
    no task has two answers. `n` counts tasks. No answers: undefined, between 0 and 1; one task alone says nothing.
    """
    fraction(level, name="level")
    tasks = _answered(hits, answers)
    size, hit, n = tasks.trials.size, int(tasks.passed.sum()), int(tasks.trials.sum())
    if n == size:
        return proportion(hit, n, level=level, method="clopper_pearson")
    if size < 2:
        note = "one task says nothing about others"
        return Estimate(value=hit / n, low=0.0, high=1.0, level=level, n=size, method=METHOD, note=note)
    rate, tail = hit / n, (1 - level) / 2
    varies = 0 < hit < n
    shrink = float(ndtri(1 - tail) / stdtrit(size - 1, 1 - tail)) ** 2 if varies else 1.0
    worth = n / design_effect(hits, answers) * shrink
    x = rate * worth
    low = 0.0 if hit == 0 else float(betaincinv(x, worth - x + 1, tail))
    high = 1.0 if hit == n else float(betaincinv(x + 1, worth - x, 1 - tail))
    return Estimate(value=rate, low=low, high=high, level=level, n=size, method=METHOD)


def labelled_rate(
    right: ArrayLike, seen: ArrayLike, labels: ArrayLike, *, passed: ArrayLike, answers: ArrayLike, level: float = 0.95
) -> Estimate:
    """Estimate the share of right answers from a random part that is labelled and the grades of all.

    Per task: labels that say right, labelled answers that the grader passed, labels; and of all answers, how many
    passed, and how many there are. The difference estimator of survey sampling with PPI++'s weight of the grades
    (Angelopoulos et al. 2023) and a variance over tasks. Unbiased however bad the grader is. Below 100 labels, or with
    the rarer kind of label in fewer than ten tasks, the labels alone.
    """
    fraction(level, name="level")
    marked, whole = counts(right, labels), counts(passed, answers)
    by_grade = counts(seen, labels)
    size, m = int(whole.measured.sum()), int(marked.trials.sum())
    alone = pooled_rate(right, labels, level=level)
    rare = min(int((marked.passed > 0).sum()), int((marked.passed < marked.trials).sum()))
    if m < ENOUGH_LABELS or rare < ENOUGH_RARE:
        need = f"labels alone: PPI++ needs {ENOUGH_LABELS} of them, and {ENOUGH_RARE} tasks with one of the rarer kind"
        return replace(alone, note=need)
    error, shift = _influence(marked), _influence(whole) - _influence(by_grade)
    spread = float(shift @ shift)
    weight = min(1.0, max(0.0, -float(error @ shift) / spread)) if spread > 0 else 0.0
    drift = float(whole.passed.sum() / whole.trials.sum() - by_grade.passed.sum() / m)
    value = float(marked.passed.sum()) / m + weight * drift
    around = error + weight * shift
    half = float(stdtrit(size - 1, 0.5 + level / 2)) * math.sqrt(size / (size - 1) * float(around @ around))
    shown = min(1.0, max(0.0, value))
    return Estimate(
        value=shown,
        low=min(shown, max(0.0, value - half)),
        high=max(shown, min(1.0, value + half)),
        level=level,
        n=size,
        method="PPI++ by task",
        note=f"weight of the grades {weight:.2f}",
    )


def _answered(hits: ArrayLike, answers: ArrayLike) -> Counts:
    tasks = counts(hits, answers)
    return tasks.keep(tasks.measured)


def _influence(tasks: Counts) -> FloatArray:
    """What each task adds to the error of the pooled rate."""
    n = tasks.trials.sum()
    return np.asarray((tasks.passed - tasks.passed.sum() / n * tasks.trials) / n, dtype=np.float64)
