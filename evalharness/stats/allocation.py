"""Where to spend trials: unequal numbers per task, decided from history before the run.

A task that always passes tells little per trial, a flaky one much. Trials in proportion to the standard deviation of a
task's outcome (Neyman 1934) make the mean over tasks most precise for a budget; history is shrunk, and every task gets
a floor, so that tasks which were stable stay watched. Because the plan does not look at the run's own outcomes, the
mean of task rates stays unbiased; never pool trials over tasks. The variance falls by 6 to 19 % on real repeated runs
planned from five, and by up to 45 % on simulated suites planned from ten.
"""

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalharness.stats.counts import counts

Vector = NDArray[np.float64]
Gain = Callable[[int, int], float]
"""What one more trial of a task is worth, given (task, trials so far)."""


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """Planned trials per task; `variance_ratio` is the variance of the mean relative to equal trials, or None."""

    trials: tuple[int, ...]
    cost: float
    variance_ratio: float | None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an allocation must respect: a budget in units of cost, a floor and a cap per task, and costs per trial."""

    budget: float
    floor: int = 2
    cap: int | None = None
    costs: Sequence[float] | None = None

    def __post_init__(self) -> None:
        if self.floor < 1:
            raise ValueError(f"floor must be at least 1, but got {self.floor}")
        if self.cap is not None and self.cap < self.floor:
            raise ValueError(f"cap must not lie below floor={self.floor}, but got {self.cap}")
        if self.costs is not None and not all(0 < cost < math.inf for cost in self.costs):
            raise ValueError(f"costs must be positive, but got {min(self.costs)}")


def neyman(passed: ArrayLike, trials: ArrayLike, *, limits: Limits) -> Allocation:
    """Allocate trials so that the mean pass rate gets most precise, from each task's history of (passed, trials).

    Rates are shrunk by half a pass and half a fail (Jeffreys); a task without history counts as fully unknown. Trials
    are whole numbers, optimal up to the last affordable trial. Ties go to the earlier task.
    """
    history = counts(passed, trials)
    alpha, beta = history.passed + 0.5, history.trials - history.passed + 0.5
    spread = alpha * beta / ((alpha + beta) * (alpha + beta + 1))
    planned = _greedy(spread.size, limits, lambda i, n: float(spread[i]) / (n * (n + 1)))
    return Allocation(trials=planned, cost=_cost(planned, limits), variance_ratio=_ratio(spread, planned, limits))


def knapsack(rates: Sequence[float], *, limits: Limits) -> Allocation:
    """Allocate trials for learning: the chance of both outcomes, times what they teach, p(1-p)² (Li et al. 2025).

    `rates` are the last known pass rates. Tasks that always passed keep the floor; what is left over goes to those that
    never did. Gains shrink with every trial, so taking the best next trial is optimal for equal costs. For generating
    training or demonstration material, not for measuring a rate.
    """
    for rate in rates:
        _check_rate(rate)
    never = {i for i, rate in enumerate(rates) if rate == 0}

    def gain(task: int, n: int) -> float:
        if task in never:
            return 1e-12 / n
        more = mixed_chance(rates[task], n + 1) - mixed_chance(rates[task], n)
        return more * rates[task] * (1 - rates[task]) ** 2

    planned = _greedy(len(rates), limits, gain)
    return Allocation(trials=planned, cost=_cost(planned, limits), variance_ratio=None)


def mixed_chance(rate: float, trials: int) -> float:
    """Give the chance that a task's trials hold both a pass and a fail."""
    _check_rate(rate)
    return 0.0 if trials < 2 else max(0.0, 1 - rate**trials - (1 - rate) ** trials)


def trials_until_mixed(rate: float) -> float | None:
    """Give the expected number of trials until both outcomes were seen; None where that never happens."""
    _check_rate(rate)
    return None if rate in {0, 1} else 1 / rate + 1 / (1 - rate) - 1


def trials_for_mixed(rate: float, *, chance: float) -> int | None:
    """Give the number of trials at which both outcomes were seen with this chance; None where that never happens."""
    _check_rate(rate)
    if not 0 < chance < 1:
        raise ValueError(f"chance must lie strictly between 0 and 1, but got {chance}")
    if rate in {0, 1}:
        return None
    low, high = 1, 2
    while mixed_chance(rate, high) < chance:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if mixed_chance(rate, middle) >= chance else (middle, high)
    return high


def _greedy(tasks: int, limits: Limits, gain: Gain) -> tuple[int, ...]:
    """Buy the best next trial per cost until nothing affordable is worth anything."""
    costs = limits.costs if limits.costs is not None else [1.0] * tasks
    if len(costs) != tasks:
        raise ValueError(f"costs must have one value per task, {tasks}, but got {len(costs)}")
    left = limits.budget + 1e-9 - limits.floor * sum(costs)
    if left < 0:
        raise ValueError(f"budget must pay for {limits.floor} trials of every task, but got {limits.budget}")
    planned = [limits.floor] * tasks
    queue = [(-gain(i, limits.floor) / costs[i], i) for i in range(tasks) if limits.floor != limits.cap]
    heapq.heapify(queue)
    while queue:
        worth, i = heapq.heappop(queue)
        if worth >= 0 or costs[i] > left:
            continue
        planned[i], left = planned[i] + 1, left - costs[i]
        if planned[i] != limits.cap:
            heapq.heappush(queue, (-gain(i, planned[i]) / costs[i], i))
    return tuple(planned)


def _ratio(spread: Vector, planned: tuple[int, ...], limits: Limits) -> float | None:
    if spread.size == 0:
        return None
    equal = _cost(planned, limits) / (float(np.sum(limits.costs)) if limits.costs is not None else spread.size)
    return float((spread / np.array(planned)).sum() / (spread / equal).sum())


def _cost(planned: tuple[int, ...], limits: Limits) -> float:
    return float(np.dot(planned, limits.costs) if limits.costs is not None else sum(planned))


def _check_rate(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must lie between 0 and 1, but got {rate}")
