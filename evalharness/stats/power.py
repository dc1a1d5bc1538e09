"""How many tasks and trials does it take to see an effect, and what can a plan not see?

Normal planning formulas (Miller 2024): the variance of the mean difference over n tasks is
(between + within_baseline / k_baseline + within_candidate / k_candidate) / n. For the suite estimand `between` is 0:
these tasks are all there is, and more trials always help. For the population it is the variance of true effects over
tasks, which no number of trials removes. Effects are positive here: the size of a drop. Against simulation (50 to 200
tasks): within .06 where every task slips a little, but for total breaks up to .07 too hopeful at three trials per task,
and up to .25 at one; for the population within .11.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from evalharness.stats.counts import Counts, arms, counts, fraction, one_of

Trials = tuple[float, float]  # per task, of (baseline, candidate)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A planning figure; `value` is None where none exists, and `note` says why."""

    value: float | None
    note: str = ""

    @property
    def count(self) -> int | None:
        """The next whole number, for figures that count tasks, trials or runs."""
        return None if self.value is None else max(1, math.ceil(self.value - 1e-9))


@dataclass(frozen=True, kw_only=True)
class Goal:
    """How sure to be: the error of the test (per side or both) and the chance to see a true effect."""

    alpha: float = 0.05
    power: float = 0.8
    sides: int = 1

    def __post_init__(self) -> None:
        fraction(self.alpha, name="alpha")
        fraction(self.power, name="power")
        if self.sides not in {1, 2}:
            raise ValueError(f"sides must be 1 or 2, but got {self.sides}")
        if self.power <= self.alpha / self.sides:
            raise ValueError(f"power must exceed alpha, but got {self.power} and {self.alpha}")

    @property
    def critical(self) -> float:
        """The z value at which the test rejects."""
        return float(-ndtri(self.alpha / self.sides))

    @property
    def distance(self) -> float:
        """How many standard errors the effect must measure."""
        return self.critical + float(ndtri(self.power))


GOAL = Goal()


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What blurs a comparison, as variances: of trials within a task per arm, and of true effects between tasks.

    `between` 0 plans for the suite. `within` is the mean of p(1-p) over tasks, at most rate * (1 - rate).
    """

    within_baseline: float
    within_candidate: float
    between: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("within_baseline", "within_candidate", "between"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and not negative, but got {getattr(self, name)}")

    def per_task(self, trials: Trials) -> float:
        """The variance that one task contributes to the mean difference, times the number of tasks."""
        base, cand = _checked(trials)
        return self.between + self.within_baseline / base + self.within_candidate / cand


def detectable_effect(tasks: int, trials: Trials, *, noise: Noise, goal: Goal = GOAL) -> Figure:
    """Give the smallest drop that this plan sees with the goal's power.

    A gate with this as its margin promotes an unchanged candidate with the same power.
    """
    problem = _unplannable(tasks, noise.per_task(trials))
    if problem:
        return Figure(value=None, note=problem)
    return Figure(value=goal.distance * math.sqrt(noise.per_task(trials) / tasks), note=noise.note)


def achieved_power(effect: float, tasks: int, trials: Trials, *, noise: Noise, goal: Goal = GOAL) -> Figure:
    """Give the chance that this plan sees a drop of `effect`; two-sided tests count both tails."""
    problem = _unplannable(tasks, noise.per_task(trials))
    if problem:
        return Figure(value=None, note=problem)
    shift = abs(effect) / math.sqrt(noise.per_task(trials) / tasks)
    far_tail = float(ndtr(-shift - goal.critical)) if goal.sides == 2 else 0.0
    return Figure(value=float(ndtr(shift - goal.critical)) + far_tail, note=noise.note)


def tasks_needed(effect: float, trials: Trials, *, noise: Noise, goal: Goal = GOAL) -> Figure:
    """Give the number of tasks at which a drop of `effect` is seen with the goal's power."""
    _check_effect(effect)
    if noise.per_task(trials) == 0:
        return Figure(value=None, note=_unplannable(1, 0.0))
    return Figure(value=noise.per_task(trials) * (goal.distance / effect) ** 2, note=noise.note)


def trials_needed(
    effect: float, tasks: int, *, noise: Noise, goal: Goal = GOAL, baseline_trials: float | None = None
) -> Figure:
    """Give the trials per task and arm at which a drop of `effect` is seen.

    With a stored baseline of `baseline_trials` they are the candidate's. None where no number suffices:
    task differences or the stored baseline alone are already too noisy.
    """
    _check_effect(effect)
    within = noise.within_baseline + noise.within_candidate
    problem = _unplannable(tasks, noise.between + within)
    if problem:
        return Figure(value=None, note=problem)
    allowed = tasks * (effect / goal.distance) ** 2 - noise.between
    if baseline_trials is not None:
        allowed -= noise.within_baseline / _checked((baseline_trials, 1))[0]
        within = noise.within_candidate
    if allowed <= 0:
        culprit = "the spread of effects over tasks" if noise.between else "the stored baseline"
        return Figure(value=None, note=f"no number of trials suffices: {culprit} is too noisy for {tasks} tasks")
    return Figure(value=within / allowed, note=noise.note)


def tasks_to_certify(
    margin: float, *, trials: Trials = (1, 1), estimand: str = "population", alpha: float = 0.05
) -> Figure:
    """Give the smallest number of tasks that can certify a margin at all, when not one trial differs.

    From the intervals that never shrink to a point: Bonett & Price (2012) for the population (trials do not help) and
    for single trials, the fixed-suite interval with floor for a suite that is tried more often.
    """
    _check_effect(margin)
    base, cand = _checked(trials)
    z = float(-ndtri(fraction(alpha, name="alpha")))
    one_of(estimand, ("suite", "population"), name="estimand")
    if estimand == "population" or max(base, cand) <= 1:
        limit = z * math.sqrt(2) / margin - 2
    elif min(base, cand) > 1:
        limit = z * math.hypot(1 / base, 1 / cand) / margin
    else:
        limit = z * math.sqrt((1 / base + 1 / cand) / (base + cand)) / margin
    return Figure(value=float(max(1, math.floor(limit + 1e-9) + 1)))


def pilot_noise(
    baseline: tuple[ArrayLike, ArrayLike],
    candidate: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    estimand: str = "suite",
) -> Noise:
    """Estimate the noise of a plan from (passed, trials) per task of one run, or of two on the same tasks.

    One run stands in for both arms, and says nothing about `between`, which stays 0. With one trial per task the noise
    within tasks is unknown and its upper bound, rate * (1 - rate), is used; where nothing varied, one odd trial is
    assumed.
    """
    one_of(estimand, ("suite", "population"), name="estimand")
    if candidate is None:
        within, note = _within(counts(*baseline))
        return Noise(within_baseline=within, within_candidate=within, note=note)
    base, cand = arms(*baseline, *candidate)
    both = base.measured & cand.measured
    base, cand = base.keep(both), cand.keep(both)
    (first, note), (second, other) = _within(base), _within(cand)
    noise = Noise(within_baseline=first, within_candidate=second, note=note or other)
    if estimand == "suite" or base.trials.size < 2:
        return noise
    explained = float(np.mean(first / base.trials + second / cand.trials))
    between = max(0.0, float(np.var(cand.rates - base.rates, ddof=1)) - explained)
    return Noise(within_baseline=first, within_candidate=second, between=between, note=noise.note)


def _within(run: Counts) -> tuple[float, str]:
    """The mean of p(1-p) over tasks, and what is not certain about it."""
    run = run.keep(run.measured)
    if run.trials.size == 0:
        raise ValueError("passed and trials must hold at least one measured task, but got none")
    repeated = run.keep(run.trials > 1)
    if repeated.trials.size == 0:
        rate = float(run.rates.mean())
        odd = 1 / (4 * run.trials.size)
        return max(rate * (1 - rate), odd), "one trial per task: noise within tasks is an upper bound"
    c, k = repeated.passed, repeated.trials
    within = float(np.mean(c * (k - c) / (k * (k - 1))))
    floor = 1 / float(k.sum())
    if within < floor:
        return floor, "no task varied: one odd trial assumed"
    return within, ""


def _unplannable(tasks: int, variance: float) -> str:
    if tasks < 0:
        raise ValueError(f"tasks must not be negative, but got {tasks}")
    if tasks == 0:
        return "no tasks"
    return "" if variance > 0 else "nothing varies, so there is no noise to plan with"


def _check_effect(effect: float) -> None:
    if not 0 < effect < math.inf:
        raise ValueError(f"effect must be positive (the size of a drop), but got {effect}")


def _checked(trials: Trials) -> Trials:
    if not min(trials) > 0:
        raise ValueError(f"trials must be positive, but got {trials}")
    return trials
