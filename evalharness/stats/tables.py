"""One task, two runs: p-values of its 2x2 table, computed once per distinct table."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, gammaln, xlog1py, xlogy

from evalharness.stats.counts import Counts, FloatArray, IntArray, arms, distinct, one_of
from evalharness.stats.exact import TIE, hypergeometric
from evalharness.stats.stratified import ALTERNATIVES

METHODS = ("fisher", "midp", "boschloo")


def task_pvalues(
    base_passed: ArrayLike,
    base_trials: ArrayLike,
    cand_passed: ArrayLike,
    cand_trials: ArrayLike,
    *,
    method: str = "fisher",
    alternative: str = "worse",
) -> FloatArray:
    """A p-value for each task that it did not change; 1 where an arm has no measured trial.

    `fisher` (1935) conditions on the task's total and never exceeds its level; `midp` is its less conservative form;
    `boschloo` (1970) maximises over the unknown pass rate, never exceeds its level and is stronger than Fisher. With k
    trials an arm the smallest Fisher p is 1/C(2k, k): .5, .167, .05, .014 for k = 1 to 4, so few trials can never
    single out one of many tasks. Compare with a tolerance: 3/3 against 0/3 is .05 only up to rounding.
    """
    one_of(method, METHODS, name="method")
    one_of(alternative, ALTERNATIVES, name="alternative")
    base, cand = arms(base_passed, base_trials, cand_passed, cand_trials)
    if method == "boschloo":
        return per_table(base, cand, lambda *table: boschloo(*table, alternative=alternative))
    mid = method == "midp"
    return per_table(base, cand, lambda *table: fisher(*table, alternative=alternative, mid=mid))


def per_table(base: Counts, cand: Counts, answer: Callable[[int, int, int, int], float]) -> FloatArray:
    """`answer(c_base, k_base, c_cand, k_cand)`, asked once per distinct table, for every task."""
    found = distinct(base.passed, base.trials, cand.passed, cand.trials)
    return np.array([answer(*row) for row in found.rows.tolist()], dtype=np.float64)[found.where]


def fisher(
    base_passed: int,
    base_trials: int,
    cand_passed: int,
    cand_trials: int,
    *,
    alternative: str = "worse",
    mid: bool = False,
) -> float:
    """Fisher's exact p of one table, or its mid-p."""
    split = hypergeometric(base_trials, cand_trials, base_passed + cand_passed)
    return split.pvalue(cand_passed, alternative=alternative, mid=mid)


def attainable(base_trials: int, cand_trials: int, total: int) -> FloatArray:
    """Every one-sided Fisher p (candidate worse) that a task with these margins can show, ascending."""
    return np.minimum(1.0, np.cumsum(hypergeometric(base_trials, cand_trials, total).mass))


def smallest_pvalue(base_trials: IntArray, cand_trials: IntArray) -> FloatArray:
    """The one-sided Fisher p of a total break, everything passing to everything failing: 1/C(k_A+k_B, k_A)."""
    a, b = base_trials.astype(np.float64), cand_trials.astype(np.float64)
    log = gammaln(a + 1) + gammaln(b + 1) - gammaln(a + b + 1)
    return np.asarray(np.exp(log), dtype=np.float64)


@lru_cache(maxsize=1 << 14)
def boschloo(
    base_passed: int,
    base_trials: int,
    cand_passed: int,
    cand_trials: int,
    *,
    alternative: str = "worse",
) -> float:
    """Boschloo's (1970) unconditional p: the chance of so small a Fisher p, at its worst over all pass rates.

    Two-sided is twice the smaller one-sided p.
    """
    if alternative == "two-sided":
        table = (base_passed, base_trials, cand_passed, cand_trials)
        return min(1.0, 2 * min(boschloo(*table), boschloo(*table, alternative="better")))
    if alternative == "better":
        base_passed, cand_passed = base_trials - base_passed, cand_trials - cand_passed
    if base_trials == 0 or cand_trials == 0:
        return 1.0
    observed = fisher(base_passed, base_trials, cand_passed, cand_trials)
    edge = (_fisher_table(base_trials, cand_trials) <= observed + TIE).sum(axis=1) - 1
    low, high = 0.0, 1.0
    best = 0.0
    for points in (513, 65, 65, 65):
        rates = np.linspace(low, high, points)
        chance = _rejection(edge, base_trials, cand_trials, rates)
        peak = int(chance.argmax())
        best = max(best, float(chance[peak]))
        low, high = float(rates[max(0, peak - 1)]), float(rates[min(points - 1, peak + 1)])
    return min(1.0, best)


@lru_cache(maxsize=64)
def _fisher_table(base_trials: int, cand_trials: int) -> FloatArray:
    """Fisher's p (candidate worse) for every number of baseline (rows) and candidate passes."""
    table = np.ones((base_trials + 1, cand_trials + 1))
    for total in range(base_trials + cand_trials + 1):
        split = hypergeometric(base_trials, cand_trials, total)
        table[total - split.support, split.support] = np.cumsum(split.mass)
    return table


def _rejection(edge: IntArray, base_trials: int, cand_trials: int, rates: FloatArray) -> FloatArray:
    """Chance that the candidate passes at most `edge[x]` trials when the baseline passes x, by pass rate."""
    x = np.arange(base_trials + 1)[:, None]
    ways = gammaln(base_trials + 1) - gammaln(x + 1) - gammaln(base_trials - x + 1)
    passes = np.exp(ways + xlogy(x, rates) + xlog1py(base_trials - x, -rates))
    few = np.where(edge[:, None] < 0, 0.0, bdtr(np.maximum(edge, 0)[:, None], cand_trials, rates))
    return np.asarray((passes * few).sum(axis=0), dtype=np.float64)
