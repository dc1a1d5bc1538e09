"""Which tasks flipped, and how many flips are noise?

A task counts as passing in a run when more than half of its trials pass; *broken* is passing to not passing, *fixed*
the reverse. Raw flips are mostly noise, so single tasks are judged in two stages: a generous screen names suspects, and
only fresh trials of those can confirm one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evalharness.stats.counts import BoolArray, Counts, FloatArray, Pairs, arms, fraction, pairs
from evalharness.stats.exact import TIE, hypergeometric, poisson_binomial
from evalharness.stats.multiple import adjust, significant
from evalharness.stats.states import task_state
from evalharness.stats.tables import per_table, smallest_pvalue, task_pvalues

__all__ = [
    "Confirmation",
    "FlipChances",
    "NoiseFloor",
    "confirm",
    "flip_chances",
    "noise_floor",
    "suspects",
    "task_pvalues",
    "task_state",
]


@dataclass(frozen=True, kw_only=True)
class NoiseFloor:
    """Flips seen, and flips to expect of an unchanged agent with these totals; `n` tasks measured in both arms.

    The p-values say how often an unchanged agent shows as many flips or more.
    """

    observed_broken: int
    expected_broken: float
    pvalue_broken: float
    observed_fixed: int
    expected_fixed: float
    pvalue_fixed: float
    n: int


@dataclass(frozen=True, eq=False, kw_only=True)
class FlipChances:
    """Each task's chance to break, or to be fixed, by noise alone; tasks measured in both arms."""

    broken: FloatArray
    fixed: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Confirmation:
    """The second look at suspects, on fresh trials only; one entry per suspect."""

    confirmed: BoolArray
    pvalues: FloatArray
    adjusted: FloatArray
    level: float
    method: str


def flip_chances(
    base_passed: ArrayLike, base_trials: ArrayLike, cand_passed: ArrayLike, cand_trials: ArrayLike
) -> FlipChances:
    """Chance of a majority flip if nothing changed, given each task's passes over both arms.

    Given the total, the split over the arms is hypergeometric, so the chance is known without estimating a pass rate;
    the plug-in p(1-p) is 0 for one trial and 17 % too small for three.
    """
    return _chances(pairs(base_passed, base_trials, cand_passed, cand_trials))


def noise_floor(
    base_passed: ArrayLike, base_trials: ArrayLike, cand_passed: ArrayLike, cand_trials: ArrayLike
) -> NoiseFloor:
    """Compare the flips seen with what an unchanged agent would show (see `flip_chances`).

    p-values are exact (Poisson-binomial); at one trial per task that is McNemar's test of broken and fixed each. Tasks
    unmeasured in an arm are left out.
    """
    both = pairs(base_passed, base_trials, cand_passed, cand_trials)
    chances = _chances(both)
    before, after = _passing(both.base), _passing(both.cand)
    broken, fixed = int((before & ~after).sum()), int((after & ~before).sum())
    return NoiseFloor(
        observed_broken=broken,
        expected_broken=float(chances.broken.sum()),
        pvalue_broken=poisson_binomial(chances.broken).at_least(broken),
        observed_fixed=fixed,
        expected_fixed=float(chances.fixed.sum()),
        pvalue_fixed=poisson_binomial(chances.fixed).at_least(fixed),
        n=before.size,
    )


def suspects(
    base_passed: ArrayLike,
    base_trials: ArrayLike,
    cand_passed: ArrayLike,
    cand_trials: ArrayLike,
    *,
    threshold: float = 0.25,
) -> BoolArray:
    """Which tasks are worth fresh trials: their rate dropped and Fisher's p is at most `threshold`.

    Where even a total break cannot reach the threshold (one trial per arm), every total break is a suspect. A screen,
    not evidence: of 100 tasks of an unchanged flaky suite it names two to six. Tasks unmeasured in an arm never are.
    """
    fraction(threshold, name="threshold")
    base, cand = arms(base_passed, base_trials, cand_passed, cand_trials)
    p = task_pvalues(base.passed, base.trials, cand.passed, cand.trials)
    dropped = cand.passed * base.trials < base.passed * cand.trials
    hopeless = smallest_pvalue(base.trials, cand.trials) > threshold + TIE
    total = (base.passed == base.trials) & (cand.passed == 0)
    named = dropped & ((p <= threshold + TIE) | (hopeless & total))
    return np.asarray(named, dtype=np.bool_)


def confirm(  # noqa: PLR0913 - two arms of counts and three options
    base_passed: ArrayLike,
    base_trials: ArrayLike,
    cand_passed: ArrayLike,
    cand_trials: ArrayLike,
    *,
    level: float = 0.10,
    adjustment: str = "bh",
    method: str = "fisher",
) -> Confirmation:
    """Confirm regressions among suspects, from their fresh trials in both arms and nothing else.

    Pass one entry per suspect, also for those whose fresh trials are missing (they stay unconfirmed, and count as
    tests). `bh` bounds the share of false ones among the confirmed, and for an unchanged agent the chance of any, by
    `level`; `holm` bounds the chance of any false one always. Adding the screening trials would raise false alarms from
    3 to 21 %.
    """
    fraction(level, name="level")
    p = task_pvalues(base_passed, base_trials, cand_passed, cand_trials, method=method)
    adjusted = adjust(p, method=adjustment)
    return Confirmation(
        confirmed=significant(adjusted, level=level),
        pvalues=p,
        adjusted=adjusted,
        level=level,
        method=f"{method} on fresh trials, {adjustment}",
    )


def _passing(tasks: Counts) -> BoolArray:
    return np.asarray(2 * tasks.passed > tasks.trials, dtype=np.bool_)


def _chances(both: Pairs) -> FlipChances:
    def broken(c_base: int, k_base: int, c_cand: int, k_cand: int) -> float:
        split = hypergeometric(k_base, k_cand, c_base + c_cand)
        before, after = 2 * (c_base + c_cand - split.support) > k_base, 2 * split.support > k_cand
        return float(split.mass[before & ~after].sum())

    def fixed(c_base: int, k_base: int, c_cand: int, k_cand: int) -> float:
        return broken(c_cand, k_cand, c_base, k_base)

    return FlipChances(broken=per_table(both.base, both.cand, broken), fixed=per_table(both.base, both.cand, fixed))
