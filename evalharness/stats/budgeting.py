"""How to spend a budget: runs per agent, trials against tasks, and the best split of what one can afford."""

import math
from dataclasses import dataclass

from evalharness.stats.power import GOAL, Figure, Goal, Noise

BOTH_SIDES = Goal(sides=2)


@dataclass(frozen=True, kw_only=True)
class Split:
    """A plan that a budget pays for, and the smallest drop that it sees."""

    tasks: int
    trials: int
    cost: float
    effect: float


def runs_needed(effect: float, *, sd: float, goal: Goal = BOTH_SIDES) -> Figure:
    """Give the whole runs per agent at which a t-like test of run scores sees `effect` (Bjarnason et al. 2026).

    `sd` is the run-to-run standard deviation in the unit of `effect`. Treats the tasks as given, ignores pairing, and
    needs far more runs than a test that is stratified by task.
    """
    for name, value in (("effect", effect), ("sd", sd)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive, but got {value}")
    return Figure(value=2 * (goal.distance * sd / effect) ** 2)


def runs_resolve(runs: int, *, sd: float, goal: Goal = BOTH_SIDES) -> Figure:
    """Give the smallest difference of run scores that this many runs per agent see (Bjarnason et al. 2026)."""
    if runs < 1:
        return Figure(value=None, note="no runs")
    return Figure(value=goal.distance * sd * math.sqrt(2 / runs))


def optimal_trials(noise: Noise, *, cost_per_task: float, cost_per_trial: float) -> Figure:
    """Give the trials per task and arm that cost least for a given precision (Miller 2024).

    `cost_per_task` is what a new task costs once, `cost_per_trial` one trial of one arm. For a fixed suite there is no
    optimum: tasks are given, and the whole budget goes into trials.
    """
    if cost_per_task < 0:
        raise ValueError(f"cost_per_task must not be negative, but got {cost_per_task}")
    if not cost_per_trial > 0:
        raise ValueError(f"cost_per_trial must be positive, but got {cost_per_trial}")
    if noise.between == 0:
        return Figure(value=None, note="effects do not differ between tasks: spend everything on trials")
    within = noise.within_baseline + noise.within_candidate
    best = math.sqrt(within / noise.between * cost_per_task / (2 * cost_per_trial))
    return Figure(value=max(1.0, best))


def best_split(
    budget: float,
    *,
    noise: Noise,
    costs: tuple[float, float],
    most_tasks: int,
    most_trials: int = 100,
    goal: Goal = GOAL,
) -> Split | None:
    """Find the whole numbers of tasks and trials (equal arms) that see the smallest drop within a budget.

    `costs` are those of (a task, a trial of one arm). None where the budget does not pay for one task.
    """
    per_task, per_trial = costs
    if not per_trial > 0 or per_task < 0:
        raise ValueError(f"costs must be positive for a trial and not negative for a task, but got {costs}")
    found: Split | None = None
    for trials in range(1, most_trials + 1):
        each = per_task + 2 * trials * per_trial
        tasks = min(most_tasks, int(budget / each + 1e-9))
        if tasks < 1:
            break
        effect = goal.distance * math.sqrt(noise.per_task((trials, trials)) / tasks)
        if found is None or effect < found.effect - 1e-12:
            found = Split(tasks=tasks, trials=trials, cost=tasks * each, effect=effect)
    return found
