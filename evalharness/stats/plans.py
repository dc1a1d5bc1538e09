"""What a plan of tasks and trials costs and sees, as plain data."""

from dataclasses import dataclass

from evalharness.stats.results import Estimate


@dataclass(frozen=True, kw_only=True)
class PowerRow:
    """One number of trials per task: what it shows, and what the asked effect takes.

    `power` comes from the formula and `simulated` from drawn runs; unknown is None.
    """

    trials: int
    baseline_trials: int
    visible_drop: float | None
    tasks_needed: int | None
    power: float | None
    simulated: Estimate | None


@dataclass(frozen=True, kw_only=True)
class PowerPlan:
    """The answer to "what does it take", for one estimand.

    `purpose` is `detect` (a drop of `size` raises the alarm) or `certify` (an unchanged agent is shown to lose less
    than `size`). `trials_needed` are those per task at `tasks`, `tasks_needed` those at `trials`; `fewest_tasks` can
    certify the size at all. `baseline_trials` is set for a stored baseline.
    """

    estimand: str
    purpose: str
    size: float | None
    tasks: int | None
    trials: int
    baseline_trials: int | None
    alpha: float
    power: float
    pass_rate: float
    within: tuple[float, float]
    between: float
    visible_drop: float | None
    trials_needed: int | None
    tasks_needed: int | None
    fewest_tasks: int | None
    rows: tuple[PowerRow, ...]
    notes: tuple[str, ...]
