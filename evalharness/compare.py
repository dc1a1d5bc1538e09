"""Two outcome tables to a Comparison: everything that a policy looks at, each number with its uncertainty."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import msgspec
import numpy as np
import pandas as pd

from evalharness.comparison import faults
from evalharness.comparison.classes import task_pairs, with_confirmation
from evalharness.comparison.concerns import concerns
from evalharness.comparison.grader_flakes import grader_flakes
from evalharness.comparison.missing import (
    ArmCounts,
    best_counts,
    decides,
    measured_counts,
    seen_counts,
    share,
    worst_counts,
)
from evalharness.comparison.onsets import onsets
from evalharness.comparison.pairing import Accepted, Critical, Pairing, pair
from evalharness.comparison.plan_notes import unusual
from evalharness.comparison.screening import screen
from evalharness.comparison.slices import slices
from evalharness.gate import check_names, error_budget, held_out_tags, needs
from evalharness.measures import Arms, measure
from evalharness.model import Allowance, Comparison, FlipCounts, Holdout, Missing, Policy, Side
from evalharness.outcomes import Outcomes
from evalharness.rules import Need
from evalharness.stats.estimate import pass_rate, repeatability
from evalharness.stats.flips import noise_floor
from evalharness.stats.paired import cmh_test, paired_delta
from evalharness.stats.reliability import curve
from evalharness.stats.results import Estimate

__all__ = ["alone", "compare", "side", "visible_drop", "with_confirmation"]

BOUND_LEVEL = 0.90  # two-sided, so that each bound is a one-sided 95 % one
POWER = 0.8
ESTIMANDS = ("suite", "population")


def compare(
    baseline: Outcomes,
    candidate: Outcomes,
    policy: Policy,
    *,
    allowances: Sequence[Allowance] = (),
    holdout: Holdout | None = None,
) -> Comparison:
    """Pair two runs by task and measure what changed, and whatever else the policy's rules look at.

    NotComparable where too few tasks remain, or a critical one is gone. `allowances` are differences that somebody
    accepts; `holdout` says how often held-out tasks have been looked at.
    """
    accepted = Accepted(allowances=allowances)
    within = [faults.find(each) for each in (baseline, candidate)]
    found = [*within[0], *within[1], *faults.between(baseline, candidate)]
    baseline, candidate = map(faults.without, (baseline, candidate), within)
    critical, held_out = Critical.of(policy), held_out_tags(policy)
    pairing = pair(baseline, candidate, accepted=accepted, critical=critical, held_out=held_out)
    _check_names(policy, baseline, candidate)
    arms = Arms(baseline=baseline, candidate=candidate, task_ids=pairing.task_ids, estimand=policy.estimand)
    comparison = _core(arms, policy, pairing)
    said = concerns(baseline, candidate, policy, accepted, undigested=pairing.undigested)
    return msgspec.structs.replace(
        _with_needs(comparison, arms, policy, pairing),
        faults=tuple(fault.said for fault in found if fault.kind not in accepted),
        warnings=(*said, *(f"{fault.said} (accepted)" for fault in found if fault.kind in accepted)),
        allowances=pairing.allowances,
        holdout=holdout,
    )


def alone(candidate: Outcomes, policy: Policy) -> Comparison:
    """Put a run that has no baseline beside itself, for rules that look at the candidate alone (`gate.absolute`)."""
    accepted = [Allowance(kind=kind, reason="there is no baseline") for kind in ("copies", "agent", "seed")]
    comparison = compare(candidate, candidate, policy, allowances=accepted)
    said = "there is no baseline: only absolute rules decide"
    return msgspec.structs.replace(comparison, warnings=(said,), allowances=())


def _core(arms: Arms, policy: Policy, pairing: Pairing) -> Comparison:
    """Measure what every comparison holds."""
    base, cand = arms.tables
    counts, seen = measured_counts(base, cand), seen_counts(base, cand)
    alpha = error_budget(policy).get("aggregate", policy.false_block)
    harm = paired_delta(*_flat(seen), estimand=policy.estimand, level=1 - 2 * alpha)
    return Comparison(
        baseline=side(arms.baseline),
        candidate=side(arms.candidate),
        estimand=policy.estimand,
        tasks=task_pairs(
            seen,
            arms.tables,
            arms.baseline.header.tasks,
            grader_flakes=grader_flakes(arms.measured, arms.task_ids),
        ),
        delta={each: paired_delta(*_flat(counts), estimand=each, level=BOUND_LEVEL) for each in ESTIMANDS},
        harm=harm,
        significance=cmh_test(*_flat(seen)),
        flips=_flips(seen),
        missing=_missing(base, cand, policy, alpha),
        left_out=pairing.left_out,
        smallest_visible_drop=visible_drop(harm, alpha),
    )


def _missing(base: pd.DataFrame, cand: pd.DataFrame, policy: Policy, alpha: float) -> Missing:
    worst, best = _flat(worst_counts(base, cand)), _flat(best_counts(base, cand))
    return Missing(
        baseline=share(base),
        candidate=share(cand),
        worst_case=paired_delta(*worst, estimand=policy.estimand, level=BOUND_LEVEL),
        best_case=paired_delta(*best, estimand=policy.estimand, level=1 - 2 * alpha),
        decides=decides(base, cand),
    )


def _with_needs(comparison: Comparison, arms: Arms, policy: Policy, pairing: Pairing) -> Comparison:
    """Measure what the rules of the policy ask for."""
    seen, entries = seen_counts(*arms.tables), arms.baseline.header.tasks
    measures = {}
    for need, error in needs(policy):
        if need.quantity == "slices":
            cut = slices(arms.task_ids, entries, seen, estimand=policy.estimand, tags=need.names)
            comparison = msgspec.structs.replace(comparison, slices=cut)
        elif need.quantity == "onsets":
            comparison = msgspec.structs.replace(comparison, onsets=onsets(*seen))
        elif need.quantity == "screen":
            comparison = msgspec.structs.replace(comparison, screen=screen(*seen))
        elif need.quantity == "held_out":
            apart = replace(arms, task_ids=pairing.left_out.held_out)
            as_delta = Need(quantity="delta", names=(policy.estimand,))
            measures[need.key] = msgspec.structs.replace(measure(as_delta, error, apart), name=need.key)
        else:
            measures[need.key] = measure(need, error, arms)
    return msgspec.structs.replace(comparison, measures=measures)


def _check_names(policy: Policy, baseline: Outcomes, candidate: Outcomes) -> None:
    if not any(rule.options for rule in policy.rules):
        return
    entries = (baseline.header.tasks, candidate.header.tasks)
    tags = {tag for each in entries for entry in each.values() for tag in entry.tags}
    check_names(policy, tags=tags, task_ids={*baseline.tasks.index, *candidate.tasks.index})


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
    floor, base = noise_floor(*_flat(arms)), arms[0]
    passing = 2 * base.passed > base.trials
    return FlipCounts(
        broken=floor.observed_broken,
        expected_broken=floor.expected_broken,
        pvalue_broken=floor.pvalue_broken,
        fixed=floor.observed_fixed,
        expected_fixed=floor.expected_fixed,
        pvalue_fixed=floor.pvalue_fixed,
        passing=int(passing.sum()),
        failing=int((~passing & (base.trials > 0)).sum()),
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
        plan=unusual(outcomes),
    )


def _total(column: "pd.Series[float]") -> float | None:
    """Add up what is known; None where nothing is."""
    return float(column.sum()) if column.notna().any() else None
