"""Exact distributions of counts: hypergeometric splits, their sums, and tails that respect ties.

Everything is made of sums and products of positive numbers, so that probabilities are right to about 1e-13 relative,
far into the tails.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from evalharness.stats.counts import FloatArray, IntArray

TIE = 1e-12
"""How much two p-values, or probabilities, may differ and still be the same number."""

NEGLIGIBLE = 1e-200
"""Mass that is cut from the ends of long distributions; no p-value is ever reported below it."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """A distribution over whole numbers: `mass[i]` is the probability of `start + i`."""

    start: int
    mass: FloatArray

    @property
    def support(self) -> IntArray:
        """The numbers that can occur."""
        return np.arange(self.start, self.start + self.mass.size)

    def at_most(self, x: int) -> float:
        """P(X <= x)."""
        return min(1.0, max(float(self.mass[: max(0, x - self.start + 1)].sum()), NEGLIGIBLE))

    def at_least(self, x: int) -> float:
        """P(X >= x)."""
        return min(1.0, max(float(self.mass[max(0, x - self.start) :].sum()), NEGLIGIBLE))

    def at(self, x: int) -> float:
        """P(X = x)."""
        i = x - self.start
        return float(self.mass[i]) if 0 <= i < self.mass.size else 0.0

    def pvalue(self, x: int, *, alternative: str, mid: bool = False) -> float:
        """How probable an outcome at least as extreme as `x` is.

        `worse` looks at low values, `better` at high ones, `two-sided` at everything no more probable than `x`. With
        `mid`, outcomes exactly as extreme as `x` count half (Lancaster 1961).
        """
        if alternative == "two-sided":
            probability = self.at(x)
            same = np.abs(self.mass - probability) <= TIE * probability
            p = float(self.mass[(self.mass < probability) | same].sum())
            ties = float(self.mass[same].sum())
        else:
            p = self.at_most(x) if alternative == "worse" else self.at_least(x)
            ties = self.at(x)
        return min(1.0, max(p - ties / 2 if mid else p, NEGLIGIBLE))


@lru_cache(maxsize=1 << 14)
def hypergeometric(base_trials: int, cand_trials: int, total: int) -> Lattice:
    """How `total` passes fall to the candidate's trials if both arms are the same agent."""
    start, end = max(0, total - base_trials), min(cand_trials, total)
    x = np.arange(start, end, dtype=np.float64)
    ratio = (total - x) * (cand_trials - x) / ((x + 1) * (base_trials - total + x + 1))
    peak = int(np.searchsorted(-ratio, -1.0))  # ratios fall; mass is built outwards from its mode
    up, down = np.cumprod(ratio[peak:]), np.cumprod(1 / ratio[:peak][::-1])[::-1]
    mass = np.concatenate((down, [1.0], up))
    mass /= mass.sum()
    mass.flags.writeable = False
    return Lattice(start, mass)


@lru_cache(maxsize=32)
def split_distribution(tables: tuple[tuple[int, int, int, int], ...]) -> Lattice:
    """The candidate's passes summed over tasks, given each task's total passes.

    `tables` holds (baseline trials, candidate trials, total passes, number of such tasks).
    """
    return convolve(_power(hypergeometric(a, b, m), times) for a, b, m, times in tables)


def poisson_binomial(chances: FloatArray) -> Lattice:
    """How many of independent events occur, each with its own chance."""
    chance, times = np.unique(chances, return_counts=True)
    return convolve(
        _power(Lattice(0, np.array([1 - q, q])), int(t)) for q, t in zip(chance.tolist(), times.tolist(), strict=True)
    )


def convolve(parts: Iterable[Lattice]) -> Lattice:
    """The distribution of a sum of independent numbers; of none, it is 0 for sure."""
    todo = list(parts) or [Lattice(0, np.ones(1))]
    while len(todo) > 1:
        todo.sort(key=lambda part: part.mass.size)
        halves = [_add(a, b) for a, b in zip(todo[::2], todo[1::2], strict=False)]
        todo = halves + todo[2 * len(halves) :]
    return todo[0]


def _add(a: Lattice, b: Lattice) -> Lattice:
    mass = np.convolve(a.mass, b.mass)
    kept = np.flatnonzero(mass > NEGLIGIBLE)
    return Lattice(a.start + b.start + int(kept[0]), mass[kept[0] : kept[-1] + 1])


def _power(part: Lattice, times: int) -> Lattice:
    """The sum of `times` independent copies, by repeated doubling."""
    result = None
    while times:
        if times & 1:
            result = part if result is None else _add(result, part)
        times >>= 1
        if times:
            part = _add(part, part)
    return result or Lattice(0, np.ones(1))
