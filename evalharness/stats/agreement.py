"""Do raters agree beyond chance? Undefined, not perfect, where every rater always says the same.

Agreement is no calibration: a judge is trusted for its false passes and false fails (see `graders`), not for its kappa.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from evalharness.stats.counts import fraction, one_of
from evalharness.stats.results import Estimate

Matrix = NDArray[np.float64]
METRICS = ("nominal", "ordinal", "interval", "ratio")
NO_SPREAD = "every rating is the same: agreement beyond chance is undefined"


@dataclass(frozen=True, kw_only=True)
class Kappa:
    """Cohen's kappa beside the plain share of equal ratings; `variance` is None where it is undefined."""

    kappa: Estimate
    agreement: float | None
    variance: float | None


def cohen_kappa(table: ArrayLike, *, level: float = 0.95) -> Kappa:
    """Measure the agreement of two raters from their square table of counts (Cohen 1960).

    Normal interval with the large-sample variance of Fleiss, Cohen & Everitt (1969). Low where one rating dominates,
    even if raters nearly always agree.
    """
    p = _table(table)
    n = int(p.sum())
    if n == 0:
        return Kappa(kappa=_undefined(level, 0, "Cohen's kappa", "no ratings"), agreement=None, variance=None)
    p = p / n
    row, column = p.sum(axis=1), p.sum(axis=0)
    agreement, chance = float(np.trace(p)), float(row @ column)
    if chance >= 1 - 1e-12:
        return Kappa(kappa=_undefined(level, n, "Cohen's kappa", NO_SPREAD), agreement=agreement, variance=None)
    kappa = (agreement - chance) / (1 - chance)
    same = float((np.diag(p) * (1 - (row + column) * (1 - kappa)) ** 2).sum())
    cross = p * (column[:, None] + row) ** 2
    differ = (1 - kappa) ** 2 * float(cross.sum() - np.trace(cross))
    variance = max(0.0, same + differ - (kappa - chance * (1 - kappa)) ** 2) / (n * (1 - chance) ** 2)
    known = variance > 1e-15
    half = float(ndtri(0.5 + fraction(level, name="level") / 2)) * math.sqrt(variance)
    estimate = Estimate(
        value=kappa,
        low=max(-1.0, kappa - half) if known else None,
        high=min(1.0, kappa + half) if known else None,
        level=level,
        n=n,
        method="Cohen's kappa",
        note="" if known else "no disagreement to estimate a variance from",
    )
    return Kappa(kappa=estimate, agreement=agreement, variance=variance if known else None)


def fleiss_kappa(
    table: ArrayLike, *, level: float = 0.95, rng: np.random.Generator | None = None, draws: int = 2000
) -> Estimate:
    """Measure the agreement of several raters from counts per answer (rows) and category (Fleiss 1971).

    Every answer has equally many ratings. With `rng` a bootstrap over answers gives the interval.
    """
    counted = np.asarray(table, dtype=np.float64)
    if counted.ndim != 2 or not np.isfinite(counted).all() or (counted < 0).any():
        raise ValueError(f"table must hold counts in rows and columns, but got {table!r}")
    raters = set(counted.sum(axis=1).tolist())
    if len(raters) > 1 or any(r < 2 for r in raters):
        raise ValueError(
            f"table must have the same number of ratings, 2 or more, in every row, but got {sorted(raters)}"
        )
    return _bootstrapped(counted, _fleiss, "Fleiss' kappa", level, rng, draws)


def krippendorff_alpha(
    ratings: Sequence[Sequence[float | None]],
    *,
    metric: str = "nominal",
    level: float = 0.95,
    rng: np.random.Generator | None = None,
    draws: int = 2000,
) -> Estimate:
    """Measure the agreement of any number of raters (rows) over answers (columns), with gaps (Krippendorff 2011).

    `metric` says how far two ratings differ. With `rng` a bootstrap over answers gives the interval.
    """
    one_of(metric, METRICS, name="metric")
    lengths = {len(row) for row in ratings}
    if len(lengths) > 1:
        raise ValueError(f"ratings must have one value per answer from every rater, but got lengths {sorted(lengths)}")
    table = np.array([[math.nan if v is None else float(v) for v in row] for row in ratings], dtype=np.float64)
    by_answer = table.T if table.ndim == 2 else np.zeros((0, 0))
    return _bootstrapped(
        by_answer, lambda rows: _alpha(rows, metric), f"Krippendorff's alpha, {metric}", level, rng, draws
    )


def _bootstrapped(
    rows: Matrix,
    measure: Callable[[Matrix], float | None],
    method: str,
    level: float,
    rng: np.random.Generator | None,
    draws: int,
) -> Estimate:
    fraction(level, name="level")
    value = measure(rows) if len(rows) else None
    if value is None:
        return _undefined(level, len(rows), method, NO_SPREAD if len(rows) else "no ratings")
    low = high = None
    if rng is not None and len(rows) > 1:
        picks = rng.integers(len(rows), size=(draws, len(rows)))
        found = [v for pick in picks if (v := measure(rows[pick])) is not None]
        tails = [(1 - level) / 2, (1 + level) / 2]
        low, high = (float(q) for q in np.quantile(found, tails)) if len(set(found)) > 1 else (None, None)
    note = "" if low is not None else "no interval"
    return Estimate(value=value, low=low, high=high, level=level, n=len(rows), method=method, note=note)


def _fleiss(table: Matrix) -> float | None:
    raters = table[0].sum()
    shares = table.sum(axis=0) / table.sum()
    agreement = float(((table**2).sum(axis=1) - raters).mean() / (raters * (raters - 1)))
    chance = float((shares**2).sum())
    return (agreement - chance) / (1 - chance) if chance < 1 - 1e-12 else None


def _alpha(answers: Matrix, metric: str) -> float | None:
    """One minus observed over expected disagreement, from the coincidences of pairable ratings."""
    values = np.unique(answers[~np.isnan(answers)])
    per_answer = (answers[:, :, None] == values).sum(axis=1).astype(np.float64)
    per_answer = per_answer[per_answer.sum(axis=1) > 1]
    if not per_answer.size:
        return None
    size = per_answer.sum(axis=1)[:, None]
    pairs = (per_answer / (size - 1)).T @ per_answer - np.diag((per_answer / (size - 1)).sum(axis=0))
    totals = pairs.sum(axis=1)
    distance = _distances(values, totals, metric)
    expected = float((np.outer(totals, totals) * distance).sum()) / (totals.sum() - 1)
    return 1 - float((pairs * distance).sum()) / expected if expected > 0 else None


def _distances(values: Matrix, totals: Matrix, metric: str) -> Matrix:
    first, second = values[:, None], values[None, :]
    if metric == "nominal":
        return np.asarray(first != second, dtype=np.float64)
    if metric == "interval":
        return np.asarray((first - second) ** 2)
    if metric == "ratio":
        total = first + second
        return np.asarray(np.divide(first - second, total, out=np.zeros_like(total), where=total != 0) ** 2)
    ranks = np.cumsum(totals) - totals / 2
    return np.asarray((ranks[:, None] - ranks) ** 2)


def _table(table: ArrayLike) -> Matrix:
    square = np.asarray(table, dtype=np.float64)
    if square.ndim != 2 or square.shape[0] != square.shape[1] or not (square >= 0).all():
        raise ValueError(f"table must be square and hold counts, but got {table!r}")
    return square


def _undefined(level: float, n: int, method: str, why: str) -> Estimate:
    return Estimate(value=None, low=None, high=None, level=level, n=n, method=method, note=why)
