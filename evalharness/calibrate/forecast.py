"""What to expect of a gate before its first trial, in a second or two."""

import numpy as np
from scipy.special import ndtri

from evalharness.calibrate.faults import FAULTS, ONE_BROKEN, SAME
from evalharness.calibrate.simulation import Rates, fixed, shares, simulated
from evalharness.model import Policy
from evalharness.model.calibration import Forecast
from evalharness.procedure import Procedure, early_looks
from evalharness.stats.counts import FloatArray

POWER = 0.8
SEED = 1
TASKS_SIMULATED = 12_000  # per scenario
FEWEST, MOST = 40, 300  # gates per scenario


def forecast(tasks: int, trials: tuple[int, int], policy: Policy, *, rates: Rates | None = None) -> Forecast:
    """Forecast a gate with `trials` per task of (baseline, candidate).

    Without `rates` (see `resampled`) a suite is assumed of which 60 % always pass, 20 % nearly always, and 20 % half to
    most of the time.
    """
    reps = int(np.clip(TASKS_SIMULATED // max(tasks, 1), FEWEST, MOST))
    procedure = Procedure(policy=policy, tasks=names(tasks), trials=trials, looks=early_looks(trials[1]))
    known, rng = rates or fixed(assumed_rates(tasks)), np.random.default_rng(SEED)
    same, broken = (
        shares(name, simulated(procedure, known, FAULTS[name], reps=reps, rng=rng)) for name in (SAME, ONE_BROKEN)
    )
    return Forecast(
        tasks=tasks,
        trials=trials,
        reps=reps,
        base_trials=same.base_trials,
        extra_trials=same.extra_trials,
        green=1 - (same.block.value or 0.0),
        promoted=same.promote.value or 0.0,
        one_break=broken.block.value or 0.0,
        visible_drop=visible_drop(procedure, known(rng)),
        assumed=rates is None,
    )


def names(tasks: int) -> tuple[str, ...]:
    """Name tasks that have no names."""
    return tuple(f"task {number}" for number in range(1, tasks + 1))


def assumed_rates(tasks: int) -> FloatArray:
    """Guess the rates of a suite that nothing is known of."""
    place = (np.arange(tasks) + 0.5) / max(tasks, 1)
    flaky = np.interp(place, (0.8, 1.0), (0.8, 0.5))
    return np.where(place < 0.6, 1.0, np.where(place < 0.8, 0.95, flaky))


def visible_drop(procedure: Procedure, rates: FloatArray) -> float | None:
    """Return the drop of the suite that the base trials show with 80 % power; None without a rule on the suite."""
    first = procedure.first_boundary
    if first is None or not rates.size:
        return None
    base, cand = procedure.trials
    noise = float((rates * (1 - rates)).sum()) * (1 / base + 1 / cand) + 1 / base**2 + 1 / cand**2
    return (first + float(ndtri(POWER))) * float(np.sqrt(noise)) / rates.size
