"""Where the noise comes from: trials of one task, tasks, or whole runs."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from evalharness.stats.counts import FloatArray, counts, fraction


@dataclass(frozen=True, kw_only=True)
class Components:
    """Variance of one run's outcomes; None where too few trials or tasks say nothing about it.

    `within` is the mean of p(1-p) over tasks and `between` the variance of p; `icc` is between/(between + within), and
    `design_effect` = 1 + (k-1)·icc says how many times fewer independent outcomes the trials are worth. `run_sd` is the
    standard deviation of a whole run's pass rate (one trial per task) that trial noise alone predicts. The shares are
    of the tasks tried more than once.
    """

    n: int
    trials: int
    within: float | None
    between: float | None
    icc: float | None
    design_effect: float | None
    run_sd: float | None
    share_varying: float | None
    share_always: float | None
    share_never: float | None


@dataclass(frozen=True, kw_only=True)
class RunSpread:
    """How whole runs scatter: `sd` with ddof 1 (None for one run), lowest, highest and their distance."""

    n: int
    mean: float
    sd: float | None
    low: float
    high: float
    range: float


@dataclass(frozen=True, kw_only=True)
class Crossed:
    """Variance components of tasks x runs, by the method of moments (they may be slightly negative)."""

    task: float
    run: float
    residual: float


def within_task_variance(passed: int, trials: int) -> float | None:
    """The unbiased estimate c(n-c)/(n(n-1)) of p(1-p) of one task; undefined, not 0, for one trial."""
    task = counts([passed], [trials])
    c, k = int(task.passed[0]), int(task.trials[0])
    return None if k < 2 else c * (k - c) / (k * (k - 1))


def components(passed: ArrayLike, trials: ArrayLike) -> Components:
    """Split the variance of outcomes into tasks and trials (Miller 2024), for any, also unequal, trials.

    Both parts are unbiased before `between` is cut at 0. Tasks tried once count for `between` only; unmeasured tasks
    not at all.
    """
    tasks = counts(passed, trials)
    tasks = tasks.keep(tasks.measured)
    n, k = tasks.trials.size, tasks.trials
    repeated = tasks.keep(k > 1)
    if repeated.trials.size == 0:
        unknown = dict.fromkeys(("within", "between", "icc", "design_effect", "run_sd", "share_varying"), None)
        return Components(n=n, trials=int(k.sum()), share_always=None, share_never=None, **unknown)
    c, r = repeated.passed, repeated.trials
    within = float((c * (r - c) / (r * (r - 1.0))).mean())
    between = _between(tasks.rates, within, k)
    total = None if between is None else between + within
    icc = None if between is None or not total else between / total
    return Components(
        n=n,
        trials=int(k.sum()),
        within=within,
        between=between,
        icc=icc,
        design_effect=None if icc is None else 1 + (float(k.mean()) - 1) * icc,
        run_sd=math.sqrt(within / n),
        share_varying=float(((c > 0) & (c < r)).mean()),
        share_always=float((c == r).mean()),
        share_never=float((c == 0).mean()),
    )


def _between(rates: FloatArray, within: float, trials: np.ndarray) -> float | None:
    if rates.size < 2:
        return None
    return max(0.0, float(rates.var(ddof=1)) - within * float((1 / trials).mean()))


def run_spread(run_rates: ArrayLike) -> RunSpread:
    """Mean, standard deviation (ddof 1) and range of the pass rates of whole runs."""
    rates = _rates(run_rates, name="run_rates")
    low, high = float(rates.min()), float(rates.max())
    sd = float(rates.std(ddof=1)) if rates.size > 1 else None
    return RunSpread(n=rates.size, mean=float(rates.mean()), sd=sd, low=low, high=high, range=high - low)


def run_level_difference(base_rates: ArrayLike, cand_rates: ArrayLike, *, level: float = 0.95) -> float | None:
    """The difference of two means of whole runs that run-to-run noise could just hide; None for one run.

    t(min(n)-1) · sqrt(s_A²/n_A + s_B²/n_B): crude beside the paired methods, which know the tasks, but it
    needs only totals.
    """
    fraction(level, name="level")
    base, cand = run_spread(base_rates), run_spread(cand_rates)
    if base.sd is None or cand.sd is None:
        return None
    quantile = float(stdtrit(min(base.n, cand.n) - 1, 0.5 + level / 2))
    return quantile * math.sqrt(base.sd**2 / base.n + cand.sd**2 / cand.n)


def crossed_components(outcomes: ArrayLike) -> Crossed:
    """Tasks x runs, without missing cells: do whole runs have a good or a bad day, or is noise local to tasks?"""
    y = np.asarray(outcomes, dtype=np.float64)
    if y.ndim != 2 or min(y.shape) < 2 or not np.isfinite(y).all():
        raise ValueError(f"outcomes must be a full table of at least 2 tasks x 2 runs, but got {y.shape}")
    n, k = y.shape
    grand, rows, columns = y.mean(), y.mean(axis=1), y.mean(axis=0)
    residual = float(((y - rows[:, None] - columns + grand) ** 2).sum()) / ((n - 1) * (k - 1))
    return Crossed(
        task=float(rows.var(ddof=1)) - residual / k,
        run=float(columns.var(ddof=1)) - residual / n,
        residual=residual,
    )


def _rates(values: ArrayLike, *, name: str) -> FloatArray:
    rates = np.asarray(values, dtype=np.float64)
    if rates.ndim != 1 or rates.size == 0 or not np.isfinite(rates).all():
        raise ValueError(f"{name} must be a list of at least one finite number, but got {values!r}")
    return rates
