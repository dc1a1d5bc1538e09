"""Rates and scores: the pass rate of another estimand, pass@k and pass^k, an absolute rate, and the mean score."""

from collections.abc import Sequence

import numpy as np

from evalharness.comparison.missing import MOST_MISSING, ArmCounts, measured_counts, seen_counts, share, worst_counts
from evalharness.measures.arms import ARM_LEVEL, LEVEL, Arms, Floats, Integers, nothing
from evalharness.model import Measure
from evalharness.rules import Need
from evalharness.stats.differences import bonett_price, skewed_t_interval
from evalharness.stats.estimate import bounded_mean, mean_score, pass_rate, repeatability
from evalharness.stats.paired import PAIRED_T_TASKS, fixed_suite_score_delta, paired_delta, population_score_delta
from evalharness.stats.reliability import SHORT_TASKS, pass_at_k, pass_hat_k
from evalharness.stats.results import Estimate


def delta(need: Need, error: float, arms: Arms) -> Measure:
    """The change in pass rate for a named estimand."""
    (estimand,) = need.names
    measured, seen = (_columns(each(*arms.tables)) for each in (measured_counts, seen_counts))
    return Measure(
        name=need.key,
        baseline=pass_rate(*seen[:2]),
        candidate=pass_rate(*seen[2:]),
        change=paired_delta(*measured, estimand=estimand, level=LEVEL),
        harm=paired_delta(*seen, estimand=estimand, level=1 - 2 * error),
    )


def _columns(both: Sequence[ArmCounts]) -> tuple[Integers, Integers, Integers, Integers]:
    base, cand = both
    return base.passed, base.trials, cand.passed, cand.trials


def reliability(need: Need, error: float, arms: Arms) -> Measure:
    """The change of pass@k or pass^k, from the unbiased value of each task."""
    seen = _columns(seen_counts(*arms.tables))
    values = [_per_task(need, passed, trials) for passed, trials in (seen[:2], seen[2:])]
    known = ~np.isnan(values[0]) & ~np.isnan(values[1])
    short = int((~known).sum())
    if not known.any() or short > SHORT_TASKS * known.size:
        return nothing(need.key, f"{short} of {known.size} tasks have fewer than {need.k} trials in an arm")
    differences = (values[1] - values[0])[known]
    few = differences.size < PAIRED_T_TASKS or float(np.ptp(differences)) == 0
    interval = bonett_price if few else skewed_t_interval
    return Measure(
        name=need.key,
        baseline=bounded_mean(values[0][known], level=ARM_LEVEL),
        candidate=bounded_mean(values[1][known], level=ARM_LEVEL),
        change=interval(differences, level=LEVEL),
        harm=interval(differences, level=1 - 2 * error),
    )


def _per_task(need: Need, passed: Integers, trials: Integers) -> Floats:
    one = {"pass_at_k": pass_at_k, "pass_hat_k": pass_hat_k}[need.quantity]
    rows = list(zip(passed.tolist(), trials.tolist(), strict=True))
    known = {row: one(*row, need.k) for row in set(rows)}
    return np.array([known[row] for row in rows], dtype=np.float64)


def rate(need: Need, error: float, arms: Arms) -> Measure:
    """The candidate's own pass rate, of tasks with one of the named tags; what is missing counts against it."""
    entries = arms.candidate.header.tasks
    tags = set(need.names)
    table = arms.tables[1]
    chosen = [not tags or (each in entries and not tags.isdisjoint(entries[each].tags)) for each in table.index]
    table = table[chosen]
    many = share(table) > MOST_MISSING
    counted = (worst_counts if many else measured_counts)(table, table)[1]
    seen = seen_counts(table, table)[1]
    estimate = _suite_rate if arms.estimand == "suite" else _population_rate
    return Measure(
        name=need.key,
        baseline=None,
        candidate=estimate(seen.passed, seen.trials, ARM_LEVEL),
        change=estimate(counted.passed, counted.trials, LEVEL),
        harm=estimate(seen.passed, seen.trials, 1 - 2 * error),
        note=f"{share(table):.1%} of the trials are missing and count as fails" if many else "",
    )


def _population_rate(passed: Integers, trials: Integers, level: float) -> Estimate:
    return pass_rate(passed, trials, level=level)


def _suite_rate(passed: Integers, trials: Integers, level: float) -> Estimate:
    fixed = repeatability(passed, trials, level=level)
    return _population_rate(passed, trials, level) if fixed.low is None else fixed


def score(need: Need, error: float, arms: Arms) -> Measure:
    """The change of the mean score."""
    scores = [arms.grouped(trials, trials["score"].to_numpy()) for trials in arms.measured]
    flat = [np.concatenate(each) if each else np.zeros(0) for each in scores]
    if not all(each.size for each in flat):
        return nothing(need.key, "an arm has no scores")
    if any(((each < 0) | (each > 1)).any() for each in flat):
        return nothing(need.key, "scores lie outside 0 to 1")
    change = fixed_suite_score_delta if arms.estimand == "suite" else population_score_delta
    return Measure(
        name=need.key,
        baseline=mean_score(scores[0]),
        candidate=mean_score(scores[1]),
        change=change(scores[0], scores[1], level=LEVEL),
        harm=change(scores[0], scores[1], level=1 - 2 * error),
    )
