"""One question about power, answered for several numbers of trials, by formula and by simulation."""

import math
from dataclasses import dataclass

import numpy as np

from evalharness.stats.counts import one_of
from evalharness.stats.plans import PowerPlan, PowerRow
from evalharness.stats.power import (
    GOAL,
    Goal,
    Noise,
    achieved_power,
    detectable_effect,
    tasks_needed,
    tasks_to_certify,
    trials_needed,
)
from evalharness.stats.power_simulation import (
    Scenario,
    plausible_rates,
    simulated_certification,
    simulated_power,
    slipped,
)
from evalharness.stats.results import Estimate

ALIKE = "effects are taken to be alike in all tasks (between-variance 0): this is the least it takes"
MOST_DRAWN = 5_000_000  # task outcomes per row and arm
LADDER = (1, 2, 3, 5, 10, 20)
STRETCHES = (1, 1.25, 1.5, 2, 3)  # times what the formula asks for, until a simulation finds it enough
PURPOSES = ("detect", "certify")


@dataclass(frozen=True, kw_only=True)
class PowerQuestion:
    """What is planned (unknown is None), how noisy it is, and what should be seen.

    `baseline_trials` is the number of a stored baseline; without one both arms run equally often.
    """

    noise: Noise
    pass_rate: float
    trials: int
    tasks: int | None = None
    baseline_trials: int | None = None
    size: float | None = None
    purpose: str = "detect"
    estimand: str = "suite"
    goal: Goal = GOAL

    def __post_init__(self) -> None:
        one_of(self.purpose, PURPOSES, name="purpose")
        one_of(self.estimand, ("suite", "population"), name="estimand")
        if self.trials < 1:
            raise ValueError(f"trials must be at least 1, but got {self.trials}")
        if not 0 <= self.pass_rate <= 1:
            raise ValueError(f"pass_rate must lie between 0 and 1, but got {self.pass_rate}")
        if self.size is not None and not 0 < self.size < 1:
            raise ValueError(f"size must lie strictly between 0 and 1, but got {self.size}")
        if self.tasks is None and self.size is None:
            raise ValueError("tasks must be given where no size is, but got None")

    def arms(self, trials: int) -> tuple[int, int]:
        """The trials per task of (baseline, candidate) when the candidate has this many."""
        return (self.baseline_trials or trials, trials)


def power_plan(question: PowerQuestion, *, rng: np.random.Generator | None = None, draws: int = 1000) -> PowerPlan:
    """Answer a question about power; with `rng` also by drawing that many comparisons."""
    q, notes = question, [question.noise.note]
    if q.estimand == "population" and q.noise.between == 0:
        notes.append(ALIKE)
    draws = min(draws, MOST_DRAWN // max(1, q.tasks or 1))
    visible = detectable_effect(q.tasks, q.arms(q.trials), noise=q.noise, goal=q.goal) if q.tasks is not None else None
    each = tasks_needed(q.size, q.arms(q.trials), noise=q.noise, goal=q.goal) if q.size else None
    more = None
    if q.size and q.tasks is not None:
        more = trials_needed(q.size, q.tasks, noise=q.noise, goal=q.goal, baseline_trials=q.baseline_trials)
    fewest = (
        tasks_to_certify(q.size, trials=q.arms(q.trials), estimand=q.estimand, alpha=q.goal.alpha) if q.size else None
    )
    notes += [planned.note for planned in (visible, each, more) if planned is not None and planned.value is None]
    wanted = rng is not None and draws >= 100 and q.size and q.tasks
    rates = _rates(q) if wanted else None
    if wanted and rates is None:
        notes.append("not simulated: how tasks and effects differ is not known well enough")
    simulated = _ladder(q, more.count if more else None, rates, rng, draws)
    return PowerPlan(
        estimand=q.estimand,
        purpose=q.purpose,
        size=q.size,
        tasks=q.tasks,
        trials=q.trials,
        baseline_trials=q.baseline_trials,
        alpha=q.goal.alpha,
        power=q.goal.power,
        pass_rate=q.pass_rate,
        within=(q.noise.within_baseline, q.noise.within_candidate),
        between=q.noise.between,
        visible_drop=visible.value if visible else None,
        trials_needed=more.count if more else None,
        tasks_needed=each.count if each else None,
        fewest_tasks=fewest.count if fewest else None,
        rows=tuple(_row(q, trials, simulated[trials]) for trials in sorted(simulated)),
        notes=tuple(dict.fromkeys(filter(None, notes))),
    )


def _ladder(
    q: PowerQuestion, formula: int | None, rates: np.ndarray | None, rng: np.random.Generator | None, draws: int
) -> dict[int, Estimate | None]:
    """Simulate usual numbers of trials, and from the formula's own upwards until one is enough."""
    found = {trials: _simulated(q, trials, rates, rng, draws) for trials in sorted({*LADDER, q.trials})}
    stretches = STRETCHES if formula is not None and rates is not None else ()
    for trials in dict.fromkeys(math.ceil((formula or 0) * each) for each in stretches):
        found[trials] = simulated = _simulated(q, trials, rates, rng, draws)
        if simulated is None or (simulated.value or 0.0) >= q.goal.power:
            break
    return found


def _row(q: PowerQuestion, trials: int, simulated: Estimate | None) -> PowerRow:
    arms = q.arms(trials)
    known = q.tasks is not None
    visible = detectable_effect(q.tasks or 0, arms, noise=q.noise, goal=q.goal).value if known else None
    reached = achieved_power(q.size, q.tasks or 0, arms, noise=q.noise, goal=q.goal).value if known and q.size else None
    needed = tasks_needed(q.size, arms, noise=q.noise, goal=q.goal).count if q.size else None
    return PowerRow(
        trials=trials,
        baseline_trials=arms[0],
        visible_drop=visible,
        tasks_needed=needed,
        power=reached,
        simulated=simulated,
    )


def _rates(q: PowerQuestion) -> np.ndarray | None:
    """Plausible rates of the planned tasks; None where noise, pass rate and effect do not fit one simple story."""
    within = (q.noise.within_baseline + q.noise.within_candidate) / 2
    fits = 0 < q.pass_rate < 1 and 0 < within <= q.pass_rate * (1 - q.pass_rate) * (1 + 1e-9)
    if not fits or q.noise.between > 0 or (q.size or 0) > q.pass_rate:
        return None
    return plausible_rates(q.tasks or 0, pass_rate=q.pass_rate, within=within)


def _simulated(
    q: PowerQuestion, trials: int, rates: np.ndarray | None, rng: np.random.Generator | None, draws: int
) -> Estimate | None:
    if rates is None or rng is None or q.size is None:
        return None
    certify = q.purpose == "certify"
    size = min(q.size, float(rates.mean()))
    scenario = Scenario(baseline=rates, candidate=rates if certify else slipped(rates, size), trials=q.arms(trials))
    if certify:
        return simulated_certification(
            scenario, margin=q.size, rng=rng, alpha=q.goal.alpha, estimand=q.estimand, draws=draws
        )
    return simulated_power(scenario, rng=rng, alpha=q.goal.alpha, estimand=q.estimand, draws=draws)
