"""Does trying again help when an imperfect grader picks the answer? Ceilings, reward curves, the best number of tries.

The first answer that the grader accepts is used. With false passes, more tries find more right answers and more wrong
ones; beyond a ceiling, P(right | accepted), no budget helps (Stroebl, Kapoor & Narayanan 2024).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evalharness.stats.counts import counts, one_of
from evalharness.stats.estimate import bounded_mean
from evalharness.stats.results import Estimate


@dataclass(frozen=True, kw_only=True)
class TaskType:
    """A kind of task: how common it is, and how often one answer to it is right."""

    share: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """A grader as a filter: how often it accepts right answers and rejects wrong ones."""

    completeness: float
    soundness: float

    def __post_init__(self) -> None:
        for name in ("completeness", "soundness"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, but got {getattr(self, name)}")

    def accepts_right(self, accuracy: float) -> float:
        """The chance that an answer is right and accepted."""
        return self.completeness * accuracy

    def accepts_wrong(self, accuracy: float) -> float:
        """The chance that an answer is wrong and accepted."""
        return (1 - self.soundness) * (1 - accuracy)

    def rejects(self, accuracy: float) -> float:
        """The chance that an answer is rejected."""
        return 1 - self.accepts_right(accuracy) - self.accepts_wrong(accuracy)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The expected reward per task of 1, 2, ... tries, where a wrong accepted answer costs `cost` right ones."""

    cost: float
    rewards: tuple[float, ...]

    @property
    def best(self) -> int:
        """The number of tries with the highest reward; 0 where not answering is at least as good."""
        if not self.rewards or max(self.rewards) <= 0:
            return 0
        return 1 + int(np.argmax(np.array(self.rewards) > max(self.rewards) - 1e-12))


@dataclass(frozen=True, kw_only=True)
class Picked:
    """What up to K tries yield: a right answer, a wrong one that was accepted, or none (the rest)."""

    right: float
    wrong: float


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A straight line through points, with the share of variance that it explains."""

    slope: float
    intercept: float
    r_squared: float


def picked(tries: float, *, accuracy: float, verifier: Verifier) -> Picked:
    """Give the outcome of choosing the first accepted of `tries` answers (may be infinite) to tasks of one kind."""
    if not tries >= 0:
        raise ValueError(f"tries must not be negative, but got {tries}")
    again = verifier.rejects(accuracy)
    reached = float(tries) if again >= 1 else (1 - again**tries) / (1 - again)
    right, wrong = verifier.accepts_right(accuracy), verifier.accepts_wrong(accuracy)
    return Picked(right=right * reached if right else 0.0, wrong=wrong * reached if wrong else 0.0)


def theory_curve(
    types: Sequence[TaskType], *, verifier: Verifier, cost: float, most: int = 100, weighting: str = "exact"
) -> Curve:
    """Give the reward of 1 to `most` tries over a mix of task types.

    `exact` sums what each type yields. `published` weighs reaching a try by the posterior once more, as the paper and
    its code do, which favours hard tasks; the best number of tries is the same in the paper's example.
    """
    one_of(weighting, ("exact", "published"), name="weighting")
    share, accuracy = np.array([t.share for t in types]), np.array([t.accuracy for t in types])
    if not types or abs(share.sum() - 1) > 1e-9 or not ((accuracy >= 0) & (accuracy <= 1)).all():
        raise ValueError(f"types must have shares that sum to 1 and accuracies between 0 and 1, but got {types}")
    right, wrong, again = (
        np.array([of(r) for r in accuracy]) for of in (verifier.accepts_right, verifier.accepts_wrong, verifier.rejects)
    )
    rewards, total = [], 0.0
    for k in range(most):
        alive = share * again**k
        if alive.sum() <= 0:
            rewards.append(total)
            continue
        reach = alive.sum() if weighting == "exact" else float(again**k @ alive / alive.sum())
        total += float((right - cost * wrong) @ alive / alive.sum()) * reach
        rewards.append(total)
    return Curve(cost=cost, rewards=tuple(rewards))


def reward_curve(
    accepted: ArrayLike, accepted_right: ArrayLike, trials: ArrayLike, *, cost: float, most: int | None = None
) -> Curve:
    """Give the reward of 1, 2, ... tries from real trials.

    Per task: how many trials, how many the grader accepted, and how many of those are right. The exact average over all
    orders in which the trials could have come, so nothing is drawn. A task without an accepted trial earns nothing.
    `most` is at most the fewest trials of a task.
    """
    tasks, good = counts(accepted, trials), counts(accepted_right, accepted)
    if tasks.trials.size == 0 or int(tasks.trials.min()) < 1:
        raise ValueError("trials must hold at least one trial of every task")
    fewest = int(tasks.trials.min())
    last = fewest if most is None else most
    if not 1 <= last <= fewest:
        raise ValueError(f"most must lie between 1 and the fewest trials of a task, {fewest}, but got {last}")
    right = np.divide(good.passed, good.trials, out=np.zeros(good.trials.size), where=good.trials > 0)
    worth = right - cost * (good.trials > 0) * (1 - right)
    none_yet, rewards = np.ones(tasks.trials.size), []
    for k in range(last):
        rejected = tasks.trials - tasks.passed - k
        none_yet = none_yet * np.maximum(rejected, 0) / (tasks.trials - k)
        rewards.append(float(((1 - none_yet) * worth).mean()))
    return Curve(cost=cost, rewards=tuple(rewards))


def ceiling(accepted: ArrayLike, accepted_right: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Estimate P(right | accepted), which no number of tries exceeds: the mean over tasks with an accepted trial.

    A weaker agent whose ceiling lies below a stronger one's single try can never catch up by trying again.
    """
    good = counts(accepted_right, accepted)
    kept = good.keep(good.measured)
    return bounded_mean(kept.rates, level=level, note="tasks without an accepted trial left out")


def trend(x: Sequence[float], y: Sequence[float]) -> Trend:
    """Fit a straight line by least squares, such as ceilings against single-try rates of many models."""
    if len(x) != len(y) or len(set(x)) < 2:
        raise ValueError(f"x and y must be equally long with two different x, but got {len(x)} and {len(y)}")
    slope, intercept = (float(c) for c in np.polyfit(x, y, 1))
    left = math.fsum((b - intercept - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    spread = float(np.var(y)) * len(y)
    return Trend(slope=slope, intercept=intercept, r_squared=1 - left / spread if spread > 0 else 1.0)
