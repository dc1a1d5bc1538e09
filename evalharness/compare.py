"""Two outcome tables to a Comparison: everything that a policy looks at, each number with its uncertainty."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd

from evalharness.classes import task_pairs, with_confirmation
from evalharness.gate import error_budget
from evalharness.missing import ArmCounts, decides, measured_counts, seen_counts, share, worst_counts
from evalharness.model import (
    Comparison,
    FlipCounts,
    Missing,
    Policy,
    Side,
)
from evalharness.outcomes import Outcomes
from evalharness.pairing import pair
from evalharness.stats.estimate import pass_rate, repeatability
from evalharness.stats.flips import noise_floor
from evalharness.stats.paired import cmh_test, paired_delta
from evalharness.stats.reliability import curve
from evalharness.stats.results import Estimate

__all__ = ["compare", "side", "visible_drop", "with_confirmation"]

BOUND_LEVEL = 0.90  # two-sided, so that each bound is a one-sided 95 % one
POWER = 0.8
ESTIMANDS = ("suite", "population")


def compare(baseline: Outcomes, candidate: Outcomes, policy: Policy) -> Comparison:
    """Pair two runs by task and measure what changed; NotComparable where too few tasks remain."""
    pairing = pair(baseline, candidate)
    base, cand = (each.tasks.loc[pairing.task_ids] for each in (baseline, candidate))
    counts = _flat(measured_counts(base, cand))
    arms = seen_counts(base, cand)
    alpha = error_budget(policy).get("aggregate", policy.false_block)
    harm = paired_delta(*counts, estimand=policy.estimand, level=1 - 2 * alpha)
    worst = paired_delta(*_flat(worst_counts(base, cand)), estimand=policy.estimand, level=BOUND_LEVEL)
    return Comparison(
        baseline=side(baseline),
        candidate=side(candidate),
        estimand=policy.estimand,
        tasks=task_pairs(arms, (base, cand), baseline.header.tasks, regraded={}),
        delta={each: paired_delta(*counts, estimand=each, level=BOUND_LEVEL) for each in ESTIMANDS},
        harm=harm,
        significance=cmh_test(*counts),
        flips=_flips(arms),
        missing=Missing(baseline=share(base), candidate=share(cand), worst_case=worst, decides=decides(base, cand)),
        left_out=pairing.left_out,
        smallest_visible_drop=visible_drop(harm, alpha),
        warnings=tuple(_warnings(baseline, candidate)),
    )


def _flat(arms: tuple[ArmCounts, ArmCounts]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    base, cand = arms
    return base.passed, base.trials, cand.passed, cand.trials


def visible_drop(harm: Estimate, alpha: float) -> float | None:
    """Return the drop that trials as noisy as these show with 80 % power at this error."""
    if harm.low is None or harm.high is None:
        return None
    normal = NormalDist()
    error = (harm.high - harm.low) / 2 / normal.inv_cdf(1 - alpha)
    return (normal.inv_cdf(1 - alpha) + normal.inv_cdf(POWER)) * error


def _flips(arms: tuple[ArmCounts, ArmCounts]) -> FlipCounts:
    floor = noise_floor(*_flat(arms))
    return FlipCounts(
        broken=floor.observed_broken,
        expected_broken=floor.expected_broken,
        pvalue_broken=floor.pvalue_broken,
        fixed=floor.observed_fixed,
        expected_fixed=floor.expected_fixed,
        pvalue_fixed=floor.pvalue_fixed,
    )


def side(outcomes: Outcomes) -> Side:
    """Summarise one run over all of its tasks."""
    header, tasks, trials = outcomes.header, outcomes.tasks, outcomes.trials
    counts = tasks["passed"].to_numpy(), tasks["measured"].to_numpy()
    return Side(
        place=outcomes.place,
        run_id=header.run_id,
        suite=header.suite.name,
        agent=header.agent.name,
        version=header.agent.version,
        fingerprint=header.agent.fingerprint,
        models=tuple(sorted(trials["model"].dropna().unique())),
        tasks=len(tasks),
        trials=int(tasks["planned"].sum()),
        unmeasured=int((tasks["planned"] - tasks["measured"]).sum()),
        causes=outcomes.causes,
        pass_rate=pass_rate(*counts),
        repeatability=repeatability(*counts),
        pass_hat_k=tuple(curve(*counts, kind="pass_hat_k")),
        pass_at_k=tuple(curve(*counts, kind="pass_at_k")),
        cost_usd=_total(trials["cost_usd"]),
        seconds=_total(trials["seconds"]),
    )


def _total(column: "pd.Series[float]") -> float | None:
    """Add up what is known; None where nothing is."""
    return float(column.sum()) if column.notna().any() else None


def _warnings(baseline: Outcomes, candidate: Outcomes) -> Sequence[str]:
    """Say what a reader should know before believing the numbers."""
    base, cand = baseline.header, candidate.header
    warnings = []
    if base.run_id == cand.run_id:
        warnings.append(f"both arms are the same run ({base.run_id})")
    elif base.agent.fingerprint == cand.agent.fingerprint:
        warnings.append("both arms have the same agent fingerprint: check that the change reached the agent")
    if base.suite.name != cand.suite.name:
        warnings.append(f"the arms ran different suites: {base.suite.name} and {cand.suite.name}")
    models = [set(arm.trials["model"].dropna()) for arm in (baseline, candidate)]
    if all(models) and models[0] != models[1]:
        warnings.append(f"other models answered: {', '.join(sorted(models[0]))} and {', '.join(sorted(models[1]))}")
    if base.seed == cand.seed and base.arm == cand.arm:
        warnings.append(f"both arms share the seed {base.seed}: their trials are not independent")
    return warnings
