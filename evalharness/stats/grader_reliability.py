"""What grader errors do to pass@k and pass^k, and both corrected for them.

False passes make pass@k explode (an agent that never succeeds, 5 % false passes: pass@10 = .40), false fails make
pass^k collapse (one that always succeeds, 95 % of it seen: pass^10 = .60).
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalharness.stats.counts import counts, fraction, one_of
from evalharness.stats.graders import Confusion
from evalharness.stats.results import Estimate

KINDS = ("pass_at_k", "pass_hat_k")


def apparent_pass_at_k(rate: float, k: int, *, sensitivity: float, false_pass_rate: float) -> float:
    """Give the pass@k that a grader with these errors shows for a task of this true rate."""
    return -math.expm1(k * math.log1p(-seen)) if (seen := _seen(rate, sensitivity, false_pass_rate)) < 1 else 1.0


def apparent_pass_hat_k(rate: float, k: int, *, sensitivity: float, false_pass_rate: float) -> float:
    """Give the pass^k that a grader with these errors shows for a task of this true rate."""
    return _seen(rate, sensitivity, false_pass_rate) ** k


def corrected_pass_hat_k(
    passed: int, trials: int, k: int, *, sensitivity: float, false_pass_rate: float
) -> float | None:
    """Estimate one task's pass^k behind a grader's known errors, without bias.

    May leave [0, 1]: clip means over tasks only. None for k above the trials and for a grader that knows nothing.
    """
    weights = _weights(k, sensitivity, false_pass_rate)
    if weights is None or k > trials:
        return None
    counts([passed], [trials])
    return float(_moments(np.array([passed]), np.array([trials]), k)[0] @ weights)


def corrected_pass_at_k(
    passed: int, trials: int, k: int, *, sensitivity: float, false_pass_rate: float
) -> float | None:
    """Estimate one task's pass@k behind a grader's known errors: one minus the chance of k true failures."""
    failures = corrected_pass_hat_k(
        trials - passed, trials, k, sensitivity=1 - false_pass_rate, false_pass_rate=1 - sensitivity
    )
    return None if failures is None else 1 - failures


def corrected_reliability(  # noqa: PLR0913 - counts, the audit and four options
    passed: ArrayLike,
    trials: ArrayLike,
    k: int,
    *,
    table: Confusion,
    rng: np.random.Generator,
    kind: str = "pass_hat_k",
    level: float = 0.95,
    draws: int = 4000,
) -> Estimate:
    """Estimate a suite's corrected pass@k or pass^k, with the audit's own uncertainty in the interval.

    Tasks are resampled and the grader's rates drawn from their Jeffreys posteriors; two pseudo-tasks, one that always
    and one that never passes, keep the interval open where tasks agree. Tasks with fewer than k trials are left out.
    """
    fraction(level, name="level")
    one_of(kind, KINDS, name="kind")
    tasks = counts(passed, trials)
    tasks = tasks.keep(tasks.trials >= k)
    n, failing = tasks.trials.size, kind == "pass_at_k"
    method = f"corrected {kind}, bootstrap"
    se, fp = table.true_pass / max(1, table.right), table.false_pass / max(1, table.wrong)
    weights = _suite_weights(k, se, fp, failing=failing)
    problem = _problem(n, table, weights)
    if problem or weights is None:
        return Estimate(value=None, low=0.0, high=1.0, level=level, n=n, method=method, note=problem)
    counted = tasks.trials - tasks.passed if failing else tasks.passed
    moments = _moments(counted, tasks.trials, k)
    sensitivity = rng.beta(table.true_pass + 0.5, table.false_fail + 0.5, draws)
    false_passes = rng.beta(table.false_pass + 0.5, table.true_fail + 0.5, draws)
    values = np.full(draws, np.nan)
    for i, row in enumerate(_resampled(moments, rng, draws)):
        drawn = _suite_weights(k, sensitivity[i], false_passes[i], failing=failing)
        if drawn is not None:
            values[i] = row @ drawn
    value = float(moments.mean(axis=0) @ weights)
    return _interval(1 - value if failing else value, 1 - values if failing else values, level, n, method)


def _interval(value: float, values: NDArray[np.float64], level: float, n: int, method: str) -> Estimate:
    shown, why = min(1.0, max(0.0, value)), ""
    if np.isnan(values).mean() > (1 - level) / 2:
        why = "the audit is too small to tell the grader from chance"
    else:
        low, high = np.clip(np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2]), 0, 1).tolist()
        low, high = min(low, shown), max(high, shown)
        if low == high:
            why = "the trials contradict the audit"
    if why:
        return Estimate(value=None, low=0.0, high=1.0, level=level, n=n, method=method, note=why)
    note = f"clipped from {value:.4f}" if shown != value else ""
    return Estimate(value=shown, low=low, high=high, level=level, n=n, method=method, note=note)


def _problem(tasks: int, table: Confusion, weights: NDArray[np.float64] | None) -> str:
    if tasks < 2:
        return "one task says nothing about others" if tasks else "no task has k trials"
    if min(table.right, table.wrong) == 0:
        return "needs audited answers of both kinds"
    return "" if weights is not None else "the grader tells right from wrong no better than chance"


def _resampled(moments: NDArray[np.float64], rng: np.random.Generator, draws: int) -> NDArray[np.float64]:
    """Means of resampled tasks, pseudo-tasks included."""
    always, never = np.ones_like(moments[0]), np.zeros_like(moments[0])
    always *= [math.comb(moments.shape[1] - 1, j) for j in range(moments.shape[1])]
    never[0] = 1.0
    all_tasks = np.vstack([moments, always, never])
    size = len(all_tasks)
    drawn: NDArray[np.float64] = rng.multinomial(size, np.full(size, 1 / size), draws) @ all_tasks / size
    return drawn


def _moments(passed: NDArray[np.int64], trials: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """C(k,j) C(c,j) / C(n,j) per task (rows) and j = 0 .. k."""
    columns = [np.ones(passed.size)]
    for j in range(k):
        columns.append(columns[-1] * (k - j) / (j + 1) * np.maximum(passed - j, 0) / (trials - j))
    return np.stack(columns, axis=1)


def _suite_weights(k: int, se: float, fp: float, *, failing: bool) -> NDArray[np.float64] | None:
    return _weights(k, 1 - fp, 1 - se) if failing else _weights(k, se, fp)


def _weights(k: int, sensitivity: float, false_pass_rate: float) -> NDArray[np.float64] | None:
    if k < 1:
        raise ValueError(f"k must be at least 1, but got {k}")
    gain = sensitivity - false_pass_rate
    if gain <= 0:
        return None
    return np.array([(-false_pass_rate) ** (k - j) / gain**k for j in range(k + 1)])


def _seen(rate: float, sensitivity: float, false_pass_rate: float) -> float:
    for name, value in (("rate", rate), ("sensitivity", sensitivity), ("false_pass_rate", false_pass_rate)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must lie between 0 and 1, but got {value}")
    return rate * sensitivity + (1 - rate) * false_pass_rate
