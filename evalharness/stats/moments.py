"""Mean and within-task variance of each task's trials, the same for pass/fail and for scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evalharness.stats.counts import BoolArray, Counts, FloatArray, IntArray

Scores = Sequence[ArrayLike]
"""One sequence of scores per task."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Per task: mean, unbiased within-task variance (0 where there is one trial), trials, range."""

    mean: FloatArray
    variance: FloatArray
    trials: IntArray
    low: FloatArray
    high: FloatArray

    @property
    def n(self) -> int:
        """How many tasks."""
        return self.mean.size


def count_moments(tasks: Counts) -> Moments:
    """Moments of pass/fail trials; every task must be measured."""
    c, k = tasks.passed, tasks.trials
    variance = c * (k - c) / (k * np.maximum(k - 1.0, 1.0))
    return Moments(tasks.rates, variance, k, (c == k).astype(np.float64), (c > 0).astype(np.float64))


def score_moments(scores: Scores, *, name: str = "scores", keep: BoolArray | None = None) -> Moments:
    """Moments of scores in [0, 1]; tasks without scores, or not in `keep`, are left out."""
    lists = [np.asarray(one, dtype=np.float64).ravel() for one in scores]
    chosen = [one for i, one in enumerate(lists) if one.size and (keep is None or keep[i])]
    if not chosen:
        none = np.zeros(0)
        return Moments(none, none, np.zeros(0, dtype=np.int64), none, none)
    flat = np.concatenate(chosen)
    if not ((flat >= 0) & (flat <= 1)).all():
        bad = flat[~((flat >= 0) & (flat <= 1))][0]
        raise ValueError(f"{name} must lie between 0 and 1, but hold {bad}")
    trials = np.array([one.size for one in chosen], dtype=np.int64)
    starts = np.concatenate(([0], np.cumsum(trials)[:-1]))
    low, high = np.minimum.reduceat(flat, starts), np.maximum.reduceat(flat, starts)
    mean = np.clip(np.add.reduceat(flat, starts) / trials, low, high)
    squares = np.add.reduceat((flat - np.repeat(mean, trials)) ** 2, starts)
    return Moments(mean, squares / np.maximum(trials - 1, 1), trials, low, high)


@dataclass(frozen=True, eq=False)
class ScorePairs:
    """Both arms' moments over the tasks that have scores in both; `measured` says which of all tasks those are."""

    base: Moments
    cand: Moments
    measured: BoolArray

    @property
    def left_out(self) -> int:
        """How many tasks lack scores in an arm."""
        return int((~self.measured).sum())


def score_pairs(base_scores: Scores, cand_scores: Scores) -> ScorePairs:
    """Check both arms and keep the tasks that have scores in both."""
    if len(base_scores) != len(cand_scores):
        raise ValueError(
            f"base_scores and cand_scores must list the same tasks, but got {len(base_scores)} and {len(cand_scores)}"
        )
    both = np.array(
        [np.size(a) > 0 and np.size(b) > 0 for a, b in zip(base_scores, cand_scores, strict=True)],
        dtype=np.bool_,
    )
    return ScorePairs(
        score_moments(base_scores, name="base_scores", keep=both),
        score_moments(cand_scores, name="cand_scores", keep=both),
        both,
    )
