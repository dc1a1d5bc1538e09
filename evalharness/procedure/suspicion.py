"""Which single tasks may have broken, and do fresh trials show it? Bayes factors choose and weigh, exact tests decide.

A task's Bayes factor compares "it got worse" with "it did not change", given how often it passed over both arms, so
that nobody need know its pass rate: under no change the passes fall on the arms at random (hypergeometric); a task that
got worse is a mixture of odds ratios. Suspects stand trial together: the product of their Bayes factors, each weighed
by what the screen saw, is compared with every way in which the same fresh passes could have fallen on the two arms.
That keeps its level exactly, for any weights and any number of suspects, and many small pieces of evidence add up
while one total break is enough alone.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from evalharness.stats.counts import FloatArray, IntArray
from evalharness.stats.exact import TIE, hypergeometric

ODDS_RATIOS = (0.02, 0.1, 0.3)  # of passing, after against before, in a task that got worse
PRIOR = 0.05  # one task in twenty, before anything is seen
UNIT = 1 / 16  # scores are whole multiples of it, so that their null distribution is a lattice
WEIGHTS = (0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.6, 0.8, 0.95)  # scores are computed once for each of these
LARGEST_Z = 8.0

Counted = tuple[int, int, int, int]  # baseline passes and trials, candidate passes and trials


@dataclass(frozen=True, eq=False)
class Factors:
    """Bayes factors and chances of every split of one task's passes; index 0 is `start` candidate passes."""

    start: int
    factor: FloatArray
    chance: FloatArray


@lru_cache(maxsize=1 << 16)
def factors(base_trials: int, cand_trials: int, passed: int) -> Factors:
    """Compute the Bayes factor of every split of `passed` passes over both arms."""
    split = hypergeometric(base_trials, cand_trials, passed)
    steps = (split.support - split.start).astype(np.float64)
    tilted = [ratio**steps for ratio in ODDS_RATIOS]
    mixed = np.mean([tilt / float(split.mass @ tilt) for tilt in tilted], axis=0)
    return Factors(split.start, mixed, split.mass)


@lru_cache(maxsize=1 << 16)
def suspicion(counted: Counted, prior: float = PRIOR) -> float:
    """Update the chance that a task got worse by its trials; without trials in both arms nothing is learnt."""
    base_passed, base_trials, cand_passed, cand_trials = counted
    if not base_trials or not cand_trials:
        return prior
    found = factors(base_trials, cand_trials, base_passed + cand_passed)
    evidence = prior * float(found.factor[cand_passed - found.start])
    return evidence / (1 - prior + evidence)


@lru_cache(maxsize=1 << 14)
def total_break(base_trials: int, cand_trials: int) -> float:
    """Return the suspicion of a task that always passed and now never does."""
    return suspicion((base_trials, base_trials, 0, cand_trials))


def joint_pvalue(tasks: tuple[tuple[Counted, float], ...]) -> float:
    """Test that none of these tasks got worse, from fresh trials and a weight for each that was set before them.

    Exact: the chance, given each task's passes over both arms, of a product of weighed Bayes factors as large as this.
    """
    seen = [(counted, nearest_weight(weight)) for counted, weight in tasks if counted[1] and counted[3]]
    keys = [(base, cand, before + after, weight) for (before, base, after, cand), weight in seen]
    score = sum(
        int(_scores(*key).values[counted[2] - _scores(*key).start])
        for key, (counted, _) in zip(keys, seen, strict=True)
    )
    null = _null(tuple(sorted(keys)))
    return min(1.0, float(null.tail[max(0, score - null.start)]))


def evidence(pvalue: float) -> float:
    """Turn a p-value into a z, kept within reach of sums."""
    return float(np.clip(-ndtri(pvalue), -LARGEST_Z, LARGEST_Z))


@lru_cache(maxsize=1 << 12)
def nearest_weight(weight: float) -> float:
    """Return the tabled weight whose odds are nearest."""
    inside = min(max(weight, 1e-6), 1 - 1e-6)
    return min(WEIGHTS, key=lambda each: abs(math.log(each / (1 - each)) - math.log(inside / (1 - inside))))


@dataclass(frozen=True, eq=False)
class _Scores:
    start: int
    values: IntArray
    chance: FloatArray


@dataclass(frozen=True, eq=False)
class _Null:
    start: int
    tail: FloatArray  # chance of this score or more


@lru_cache(maxsize=1 << 16)
def _scores(base_trials: int, cand_trials: int, passed: int, weight: float) -> _Scores:
    found = factors(base_trials, cand_trials, passed)
    logs = np.log(1 - weight + weight * found.factor)
    return _Scores(found.start, np.rint(logs / UNIT).astype(np.int64), found.chance)


@lru_cache(maxsize=1 << 12)
def _null(keys: tuple[tuple[int, int, int, float], ...]) -> _Null:
    start, mass = 0, np.ones(1)
    for key in keys:
        scores = _scores(*key)
        low = int(scores.values.min())
        one = np.bincount(scores.values - low, weights=scores.chance)
        start, mass = start + low, np.convolve(mass, one)
    return _Null(start, np.cumsum(mass[::-1])[::-1] + TIE)
