"""One gate after another on made-up trials, driven by the very procedure that decides.

Every trial of a task passes by chance at the task's rate, independently. Rates are given, or drawn anew for each gate
from what a stored run says of them: a task's passes with a beta prior fitted to all tasks, so that three passes of
three are not taken for certainty.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.calibrate.faults import Fault
from evalharness.model import Decision
from evalharness.model.calibration import Shares
from evalharness.procedure import Decided, Procedure, Request, Tally, tally
from evalharness.stats.betabinomial import fit
from evalharness.stats.counts import FloatArray, IntArray
from evalharness.stats.estimate import proportion

Rates = Callable[[np.random.Generator], FloatArray]
SMALLEST = 1e-9
HOMOGENEOUS = 1e4  # the strength of a prior where tasks do not differ


@dataclass(frozen=True, kw_only=True)
class Played:
    """One simulated gate: what it decided, and its trials in the base and beyond."""

    decided: Decided
    base_trials: int
    extra_trials: int


def play(procedure: Procedure, before: FloatArray, after: FloatArray, rng: np.random.Generator) -> Played:
    """Run one gate from its first trial on, on a baseline and a candidate with these rates."""
    state, base, extra = procedure.start(), 0, 0
    while isinstance(step := procedure.next(state), Request):
        if state.base_ended:
            extra += step.trials
        else:
            base += step.trials
        state = procedure.update(state, step, drawn(step, before, after, rng))
    return Played(decided=step, base_trials=base, extra_trials=extra)


def drawn(request: Request, before: FloatArray, after: FloatArray, rng: np.random.Generator) -> Tally:
    """Draw the trials of a request."""
    base, cand = (_wanted(arm, before.size) for arm in (request.baseline, request.candidate))
    return tally(rng.binomial(base, before), base, rng.binomial(cand, after), cand)


def _wanted(arm: dict[int, int], tasks: int) -> IntArray:
    wanted = np.zeros(tasks, dtype=np.int64)
    wanted[list(arm)] = list(arm.values())
    return wanted


def simulated(procedure: Procedure, rates: Rates, fault: Fault, *, reps: int, rng: np.random.Generator) -> list[Played]:
    """Run many gates on one fault, with rates drawn anew for each."""
    games = []
    for _ in range(reps):
        before = rates(rng)
        games.append(play(procedure, before, fault(before), rng))
    return games


def shares(scenario: str, games: Sequence[Played], *, seconds: float | None = None) -> Shares:
    """Count what gates did; `seconds` is the time that a trial adds to a gate."""
    decisions = [game.decided.decision for game in games]
    base = float(np.mean([game.base_trials for game in games]))
    extra = float(np.mean([game.extra_trials for game in games]))
    block, promote, rest = (
        proportion(decisions.count(each), len(games), method="clopper_pearson")
        for each in (Decision.BLOCK, Decision.PROMOTE, Decision.INCONCLUSIVE)
    )
    findings = [finding for game in games for finding in game.decided.findings]
    blocking = [finding.family for finding in findings if finding.decision is Decision.BLOCK]
    return Shares(
        scenario=scenario,
        block=block,
        promote=promote,
        inconclusive=rest,
        base_trials=base,
        extra_trials=extra,
        blocked_by={family: blocking.count(family) / len(games) for family in dict.fromkeys(blocking)},
        minutes=None if seconds is None else (base + extra) * seconds / 60,
    )


def fixed(rates: FloatArray) -> Rates:
    """Return the same known rates for every gate."""
    return lambda _: rates


def resampled(passed: IntArray, trials: IntArray) -> Rates:
    """Return rates as stored trials let one expect them, drawn anew for every gate."""
    known = trials > 0
    if not known.any():
        raise ValueError("trials must have at least one measured task, but there are none")
    model = fit(passed[known], trials[known])
    mean, strength = model.mu, 1 / model.rho - 1 if model.rho > 0 else HOMOGENEOUS
    if not 0 < mean < 1:  # nothing varied at all: half an odd trial is assumed
        mean, strength = float((passed.sum() + 0.5) / (trials.sum() + 1)), 1.0
    strength = max(strength, 2 / int(known.sum()))  # no task varied within itself: about one odd trial in all
    a, b = mean * strength + passed, (1 - mean) * strength + trials - passed
    return lambda rng: rng.beta(np.maximum(a, SMALLEST), np.maximum(b, SMALLEST))
