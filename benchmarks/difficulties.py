"""Made-up suites for the simulations: how hard tasks are, and what a release may do to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DIFFICULTIES = ("u-shaped", "hump", "saturated", "high", "noisy-high")
EFFECTS = ("none", "swap", "shift", "break")
SIZES = (20, 50, 100, 500)
TRIALS = (1, 3, 5, 10)
DROP = 0.05
REFERENCE = 3_000_000


@dataclass(frozen=True)
class Cell:
    """One cell of a simulation: a difficulty, tasks, and trials in each arm."""

    difficulty: str
    n: int
    base_trials: int
    cand_trials: int


def cells(*, sizes: tuple[int, ...] = SIZES, trials: tuple[int, ...] = TRIALS) -> Iterator[Cell]:
    """Every difficulty, size and number of trials, equal in both arms."""
    for difficulty in DIFFICULTIES:
        for n in sizes:
            for k in trials:
                yield Cell(difficulty, n, k, k)


def rates(difficulty: str, n: int, rng: np.random.Generator) -> Floats:
    """True pass rates of `n` tasks."""
    if difficulty == "u-shaped":
        return rng.beta(0.3, 0.3, n)
    if difficulty == "hump":
        return rng.beta(2, 2, n)
    if difficulty == "noisy-high":
        return rng.beta(18, 2, n)
    kind = rng.random(n)
    if difficulty == "saturated":
        return np.where(kind < 0.6, 1.0, np.where(kind < 0.75, 0.0, rng.random(n)))
    return np.where(kind < 0.85, 1.0, rng.beta(2, 2, n))


def changed(before: Floats, difficulty: str, effect: str, rng: np.random.Generator) -> Floats:
    """True pass rates after a release.

    `none` changes nothing; `swap` gives 30 % of the tasks an unrelated rate of the same kind (mean effect 0); `shift`
    makes every unsaturated task a little worse, 5 points on average; `break` makes so many tasks fail always that the
    mean falls by 5 points.
    """
    n = before.size
    if effect == "swap":
        return np.where(rng.random(n) < 0.3, rates(difficulty, n, rng), before)
    if effect == "shift":
        inside = np.clip(before, 1e-12, 1 - 1e-12)
        moved = expit(logit(inside) - _shift(difficulty))
        return np.where((before > 0) & (before < 1), moved, before)
    if effect == "break":
        return np.where(rng.random(n) < DROP / _mean(difficulty), 0.0, before)
    return before


def population_delta(effect: str) -> float:
    """The true mean change over all tasks like these."""
    return -DROP if effect in {"shift", "break"} else 0.0


def outcomes(p: Floats, trials: int, rng: np.random.Generator) -> Ints:
    """Passed trials per task."""
    return rng.binomial(trials, p)


@lru_cache(maxsize=8)
def population_rates(difficulty: str) -> Floats:
    """So many true rates that their means stand for the population's."""
    return rates(difficulty, REFERENCE, np.random.default_rng(7))


@lru_cache(maxsize=8)
def _mean(difficulty: str) -> float:
    return float(population_rates(difficulty).mean())


@lru_cache(maxsize=8)
def _shift(difficulty: str) -> float:
    """The shift on the logit scale that costs 5 points on average; the largest possible where none does."""
    p = population_rates(difficulty)
    p = p[(p > 0) & (p < 1)]
    share, low, high = p.size / REFERENCE, 0.0, 20.0
    for _ in range(40):
        middle = (low + high) / 2
        loss = share * float((p - expit(logit(np.clip(p, 1e-12, 1 - 1e-12)) - middle)).mean())
        low, high = (middle, high) if loss < DROP else (low, middle)
    return low
