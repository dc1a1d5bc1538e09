"""Several candidates against one baseline: each judged on its own, and seen beside the others.

With more candidates there are more chances to be wrong, so everything is corrected for their number: each is judged
with its part of `false_block`, p-values are adjusted over all candidates (Holm), and intervals hold together.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import msgspec
import numpy as np

from evalharness.compare import compare
from evalharness.comparison.missing import measured_counts, seen_counts
from evalharness.comparison.pairing import Accepted, pair
from evalharness.comparison.slices import slices
from evalharness.gate import judge
from evalharness.measures import Arms, measure
from evalharness.measures.usage import durations_of
from evalharness.model import Allowance, Contender, Holdout, Lineup, Policy, Slice, Standing
from evalharness.outcomes import Outcomes
from evalharness.rules import Need
from evalharness.stats.cost import Dominance, cost_per_success, dominance
from evalharness.stats.estimate import pass_rate
from evalharness.stats.latency import quantile
from evalharness.stats.multiple import holm
from evalharness.stats.paired import paired_delta
from evalharness.stats.results import Estimate

JOINT_ERROR = 0.05
COST = Need(quantity="ratio", column="cost_usd", names=("per", "success"))


def line_up(
    baseline: Outcomes,
    candidates: Sequence[Outcomes],
    policy: Policy,
    *,
    allowances: Sequence[Allowance] = (),
    holdout: Holdout | None = None,
) -> Lineup:
    """Compare every candidate with the baseline, and the arms with each other."""
    each_policy = msgspec.structs.replace(policy, false_block=policy.false_block / len(candidates))
    comparisons = [compare(baseline, each, each_policy, allowances=allowances, holdout=holdout) for each in candidates]
    arms = [_arms(baseline, each, policy, allowances) for each in candidates]
    level = 1 - JOINT_ERROR / len(candidates)
    deltas = [_delta(each, level=level) for each in arms]
    adjusted = holm([each.significance.pvalue for each in comparisons]).tolist()
    cut = _slices(arms)
    beaten = _beaten([baseline, *candidates], policy, allowances)
    standings = [_standing(each, places) for each, places in zip((baseline, *candidates), beaten, strict=True)]
    return Lineup(
        baseline=standings[0],
        contenders=tuple(
            Contender(
                comparison=comparison,
                verdict=judge(comparison, each_policy),
                standing=standing,
                delta=delta,
                adjusted=pvalue,
                slices=own,
            )
            for comparison, standing, delta, pvalue, own in zip(
                comparisons, standings[1:], deltas, adjusted, cut, strict=True
            )
        ),
    )


def _arms(baseline: Outcomes, candidate: Outcomes, policy: Policy, allowances: Sequence[Allowance]) -> Arms:
    paired = pair(baseline, candidate, accepted=Accepted(allowances=allowances))
    return Arms(baseline=baseline, candidate=candidate, task_ids=paired.task_ids, estimand=policy.estimand)


def _delta(arms: Arms, *, level: float) -> Estimate:
    base, cand = measured_counts(*arms.tables)
    return paired_delta(base.passed, base.trials, cand.passed, cand.trials, estimand=arms.estimand, level=level)


def _slices(arms: Sequence[Arms]) -> list[tuple[Slice, ...]]:
    """Measure the slices of every candidate, adjusted over all of them."""
    cut = [
        slices(each.task_ids, each.baseline.header.tasks, seen_counts(*each.tables), estimand=each.estimand)
        for each in arms
    ]
    adjusted = iter(holm([each.pvalue for one in cut for each in one]).tolist())
    return [tuple(msgspec.structs.replace(each, adjusted=next(adjusted)) for each in one) for one in cut]


def _beaten(runs: Sequence[Outcomes], policy: Policy, allowances: Sequence[Allowance]) -> list[tuple[str, ...]]:
    """Name, for each arm, the arms that are surely cheaper per success and surely pass more, all pairs together."""
    pairs = list(combinations(range(len(runs)), 2))
    error = JOINT_ERROR / (2 * len(pairs))
    found: list[list[str]] = [[] for _ in runs]
    for first, second in pairs:
        arms = _arms(runs[first], runs[second], policy, allowances)
        cost = measure(COST, error / 2, arms)
        if cost.note or cost.harm.value is None:
            continue
        winner = dominance(_shifted(cost.harm), _delta(arms, level=1 - error))
        if winner is Dominance.CANDIDATE:
            found[first].append(runs[second].place)
        elif winner is Dominance.BASELINE:
            found[second].append(runs[first].place)
    return [tuple(each) for each in found]


def _shifted(ratio: Estimate) -> Estimate:
    """Write a ratio as a relative difference, 0 where nothing changed."""
    low, high = (None if bound is None else bound - 1 for bound in (ratio.low, ratio.high))
    return replace(ratio, value=None if ratio.value is None else ratio.value - 1, low=low, high=high)


def _standing(run: Outcomes, beaten_by: tuple[str, ...]) -> Standing:
    arms = Arms(baseline=run, candidate=run, task_ids=run.tasks.index.tolist(), estimand="suite")
    trials = arms.measured[0]
    costs = arms.grouped(trials, trials["cost_usd"].to_numpy())
    seconds = [each.tolist() for each in arms.grouped(trials, durations_of(trials, "working_seconds"))]
    counts = run.tasks["passed"].to_numpy(), run.tasks["measured"].to_numpy()
    unknown = int(trials["cost_usd"].isna().sum())
    known = [place for place, each in enumerate(costs) if each.size]
    return Standing(
        place=run.place,
        agent=run.header.agent.name,
        version=run.header.agent.version,
        pass_rate=pass_rate(*counts),
        cost_per_success=_unknown(f"unknown in {unknown} of {len(trials)} trials")
        if unknown
        else cost_per_success(
            np.array([costs[place].mean() for place in known]), (counts[0][known] / counts[1][known])
        ),
        seconds_p50=quantile(seconds, 0.5),
        seconds_p95=quantile(seconds, 0.95),
        beaten_by=beaten_by,
    )


def _unknown(why: str) -> Estimate:
    return Estimate(value=None, low=None, high=None, level=0.95, n=0, method="cost per success", note=why)
