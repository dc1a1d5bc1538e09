"""The table of what a gate does: the same agent again, and the faults it should see."""

from collections.abc import Mapping

import numpy as np

from evalharness.calibrate.faults import FAULTS, Fault, slip
from evalharness.calibrate.forecast import POWER, names
from evalharness.calibrate.simulation import Rates, shares, simulated
from evalharness.errors import ConfigError
from evalharness.model import Decision, Policy
from evalharness.model.calibration import Calibration
from evalharness.outcomes import Outcomes
from evalharness.procedure import Procedure, early_looks

STEPS = 8  # of the search for the smallest visible drop


def calibrate(  # noqa: PLR0913 - what a gate is, and how often to try it
    rates: Rates,
    policy: Policy,
    *,
    tasks: int,
    trials: tuple[int, int],
    source: str = "",
    faults: Mapping[str, Fault] = FAULTS,
    reps: int = 400,
    seed: int = 1,
    seconds: float | None = None,
) -> Calibration:
    """Try a gate on an unchanged agent and on every fault; `seconds` is the time that one trial adds to a gate."""
    procedure = Procedure(policy=policy, tasks=names(tasks), trials=trials, looks=early_looks(trials[1]))
    streams = np.random.default_rng(seed).spawn(len(faults) + 1)
    rows = tuple(
        shares(name, simulated(procedure, rates, fault, reps=reps, rng=rng), seconds=seconds)
        for (name, fault), rng in zip(faults.items(), streams[1:], strict=True)
    )
    return Calibration(
        source=source,
        tasks=tasks,
        trials=trials,
        policy=policy,
        error_budget=procedure.budget,
        reps=reps,
        seed=seed,
        rows=rows,
        visible_drop=smallest_drop(procedure, rates, reps=max(50, reps // 4), rng=streams[0]),
    )


def smallest_drop(procedure: Procedure, rates: Rates, *, reps: int, rng: np.random.Generator) -> float | None:
    """Search for the drop, spread over all tasks, that is blocked 80 % of the time; None where not even all is."""

    def blocked(factor: float) -> float:
        games = simulated(procedure, rates, slip(factor), reps=reps, rng=rng)
        return sum(game.decided.decision is Decision.BLOCK for game in games) / reps

    if blocked(0.0) < POWER:
        return None
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if blocked(middle) >= POWER else (low, middle)
    return (1 - (low + high) / 2) * float(np.mean([rates(rng).mean() for _ in range(reps)]))


def measured_counts(outcomes: Outcomes) -> tuple["np.ndarray", "np.ndarray"]:
    """Return passed and measured trials per task; an empty run is refused."""
    tasks = outcomes.tasks
    passed, measured = (tasks[name].to_numpy(dtype=np.int64) for name in ("passed", "measured"))
    if not measured.any():
        raise ConfigError(f"{outcomes.place}: nothing is measured yet: nothing to calibrate with")
    return passed, measured
