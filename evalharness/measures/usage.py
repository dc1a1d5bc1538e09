"""What trials use: cost, tokens and steps as ratios of means, and how long they take as ratios of quantiles."""

from dataclasses import replace

import numpy as np
import pandas as pd

from evalharness.measures.arms import ARM_LEVEL, LEVEL, Arms, Floats, nothing
from evalharness.model import Measure
from evalharness.rules import Need
from evalharness.stats.cost import cost_per_success, cost_per_success_ratio, mean_ratio
from evalharness.stats.latency import quantile
from evalharness.stats.results import Estimate

SAME_TASKS = 20
ARMS = ("baseline", "candidate")


def ratio(need: Need, error: float, arms: Arms) -> Measure:
    """How many times the baseline's use the candidate's is, per trial or per success; tasks are the units."""
    per_success = "success" in need.names
    means = [_task_means(arms, trials, need.column) for trials in arms.measured]
    rates = [
        (table["passed"] / table["measured"].where(table["measured"] > 0)).to_numpy(dtype=np.float64)
        for table in arms.tables
    ]
    known = ~np.isnan(np.array([*means, *rates])).any(axis=0)
    if not known.any():
        return nothing(need.key, "unknown in every trial of an arm")
    (base, cand), (before, after) = ([each[known] for each in both] for both in (means, rates))

    def change(level: float) -> Estimate:
        if per_success:
            return _exact(cost_per_success_ratio((base, before), (cand, after), level=level))
        return _exact(mean_ratio(base, cand, level=level))

    gaps = _gaps(arms, need.column)
    return Measure(
        name=need.key,
        baseline=cost_per_success(base, before) if per_success else _mean(base),
        candidate=cost_per_success(cand, after) if per_success else _mean(cand),
        change=change(LEVEL),
        harm=change(1 - 2 * error),
        note=f"unknown in {gaps}" if gaps else "",
    )


def _exact(ratio: Estimate) -> Estimate:
    """Take a ratio that is the same on every one of many tasks for what it is, as of agents that never vary."""
    if ratio.value is None or ratio.high is not None or ratio.n < SAME_TASKS:
        return ratio
    return replace(ratio, low=ratio.value, high=ratio.value, method="equal on every task", note="")


def _task_means(arms: Arms, trials: pd.DataFrame, column: str) -> Floats:
    grouped = arms.grouped(trials, trials[column].to_numpy())
    return np.array([each.mean() if each.size else np.nan for each in grouped])


def _gaps(arms: Arms, column: str) -> str:
    """Say in how many trials of each arm a use is unknown."""
    counts = [(int(trials[column].isna().sum()), len(trials)) for trials in arms.measured]
    return " and ".join(
        f"{unknown} of {size} trials of the {arm}" for arm, (unknown, size) in zip(ARMS, counts, strict=True) if unknown
    )


def _mean(values: Floats) -> Estimate:
    mean = float(values.mean())
    return Estimate(value=mean, low=None, high=None, level=ARM_LEVEL, n=values.size, method="mean of task means")


def quantiles(need: Need, error: float, arms: Arms) -> Measure:
    """How many times the baseline's quantile the candidate's is: each arm's bounds take half of the error."""
    durations = [arms.grouped(trials, durations_of(trials, need.column)) for trials in arms.measured]
    if not all(any(each.size for each in arm) for arm in durations):
        return nothing(need.key, "unknown in every trial of an arm")

    def both(level: float) -> tuple[Estimate, Estimate]:
        base, cand = (quantile([each.tolist() for each in arm], need.q, level=level) for arm in durations)
        return base, cand

    base, cand = both(ARM_LEVEL)
    workers = [each.header.options.get("workers") for each in arms.both]
    apart = f"the arms ran with {workers[0]} and {workers[1]} workers" if workers[0] != workers[1] else ""
    return Measure(
        name=need.key,
        baseline=base,
        candidate=cand,
        change=_over(*both((1 + LEVEL) / 2), level=LEVEL),
        harm=_over(*both(1 - error), level=1 - 2 * error),
        note=apart,
    )


def durations_of(trials: pd.DataFrame, column: str) -> Floats:
    """Return how long trials took; one that ran out of time lasted at least so long, and counts as endless."""
    seconds = trials[column].to_numpy(dtype=np.float64, copy=True)
    seconds[(trials["cause"] == "limit:seconds").to_numpy(dtype=bool)] = np.inf
    return seconds


def _over(base: Estimate, cand: Estimate, *, level: float) -> Estimate:
    """The ratio of two estimates, bounded by the bounds of both."""

    def divided(top: float | None, bottom: float | None) -> float | None:
        return top / bottom if top is not None and bottom else None

    value = divided(cand.value, base.value)
    note = "" if value is not None else "; ".join({cand.note, base.note} - {""}) or "a value is unbounded or 0"
    low, high = divided(cand.low, base.high), divided(cand.high, base.low)
    n = min(base.n, cand.n)
    return Estimate(value=value, low=low, high=high, level=level, n=n, method="ratio of order statistics", note=note)
