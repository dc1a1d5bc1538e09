"""A beta-binomial model of a suite: each task's pass rate drawn from one beta distribution.

Described by the mean rate `mu` and by `rho` in (0, 1), the correlation of two trials of a task; a = mu(1/rho - 1), b =
(1 - mu)(1/rho - 1). A model, not a fact: where tasks are a mixture (most saturated, some hard) it is confidently wrong,
so it is used only for what nothing else can answer, k above the trials.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, gammaln

from evalharness.stats.counts import FloatArray, counts, distinct, fraction
from evalharness.stats.results import Estimate


@dataclass(frozen=True, kw_only=True)
class BetaBinomial:
    """A fitted model: mean rate, within-task correlation and log-likelihood; `n` tasks."""

    mu: float
    rho: float
    loglik: float
    n: int


@dataclass(frozen=True, eq=False)
class _Grid:
    """Log-likelihood over a rectangle of (mu, rho)."""

    mu: FloatArray
    rho: FloatArray
    loglik: FloatArray


def beta_moment(a: float, b: float, k: int) -> float:
    """E[p^k] of a Beta(a, b): what pass^k is for a task drawn from it."""
    steps = np.arange(k)
    return float(np.exp(np.log((a + steps) / (a + b + steps)).sum()))


def posterior_moment(passed: int, trials: int, *, k: int, a: float = 0.5, b: float = 0.5) -> float:
    """Posterior mean of p^k for one task under a Beta(a, b) prior; a uniform prior shrinks suites hard."""
    counts([passed], [trials])
    return beta_moment(a + passed, b + trials - passed, k)


def fit(passed: ArrayLike, trials: ArrayLike) -> BetaBinomial:
    """The most likely model; on the boundary (everything passes) mu is 1 or 0 and rho 0."""
    tasks = _table(passed, trials)
    if tasks.n == 0:
        raise ValueError("trials must have at least one measured task, but there are none")
    if (tasks.passed == 0).all() or (tasks.passed == tasks.trials).all():
        return BetaBinomial(mu=float(tasks.passed.any()), rho=0.0, loglik=0.0, n=tasks.n)
    box = _grid(tasks, (0.0, 1.0), (0.0, 1.0), size=25)
    for _ in range(11):
        i, j = divmod(int(box.loglik.argmax()), box.rho.size)
        box = _grid(tasks, _around(box.mu, i), _around(box.rho, j), size=25)
    i, j = divmod(int(box.loglik.argmax()), box.rho.size)
    return BetaBinomial(mu=float(box.mu[i]), rho=float(box.rho[j]), loglik=float(box.loglik[i, j]), n=tasks.n)


def posterior(
    passed: ArrayLike,
    trials: ArrayLike,
    *,
    k: int = 1,
    kind: str = "pass_hat_k",
    level: float = 0.95,
    note: str = "",
) -> Estimate:
    """pass@k or pass^k of tasks like these for any `k`: value of the best fit, interval of a flat (mu, rho) posterior.

    Covers about as well as `bounded_mean` up to 100 tasks and falls behind above (70 % at 500 mixed tasks).
    """
    fraction(level, name="level")
    tasks = _table(passed, trials)
    method = f"beta-binomial, {kind} at k={k}"
    if tasks.n == 0:
        return Estimate(value=None, low=None, high=None, level=level, n=0, method=method, note="no tasks")
    best = fit(passed, trials)
    value = float(_moment(np.array([best.mu]), np.array([best.rho]), k, kind)[0])
    low, high = _credible(tasks, k, kind, level)
    return Estimate(
        value=value, low=min(low, value), high=max(high, value), level=level, n=tasks.n, method=method, note=note
    )


def _credible(tasks: "_Table", k: int, kind: str, level: float) -> tuple[float, float]:
    """Return the equal-tailed interval of the posterior, on a grid around where it has its mass."""
    coarse = _grid(tasks, (0.0, 1.0), (0.0, 1.0), size=60)
    likely = coarse.loglik > coarse.loglik.max() - 16
    fine = _grid(tasks, _span(coarse.mu, likely.any(axis=1)), _span(coarse.rho, likely.any(axis=0)), size=100)
    mass = np.exp(fine.loglik - fine.loglik.max()).ravel()
    mu, rho = (side.ravel() for side in np.meshgrid(fine.mu, fine.rho, indexing="ij"))
    moments = _moment(mu, rho, k, kind)
    order = np.argsort(moments)
    cumulative = np.cumsum(mass[order]) / mass.sum()
    low, high = (
        float(moments[order[min(int(np.searchsorted(cumulative, q)), order.size - 1)]])
        for q in ((1 - level) / 2, (1 + level) / 2)
    )
    return low, high


@dataclass(frozen=True, eq=False)
class _Table:
    """Distinct (passed, trials) and how many tasks have them."""

    passed: FloatArray
    trials: FloatArray
    times: FloatArray
    n: int


def _table(passed: ArrayLike, trials: ArrayLike) -> _Table:
    tasks = counts(passed, trials)
    tasks = tasks.keep(tasks.measured)
    found = distinct(tasks.passed, tasks.trials)
    c, k = found.rows.T.astype(np.float64)
    return _Table(c, k, found.times.astype(np.float64), n=tasks.trials.size)


def _grid(tasks: _Table, mu: tuple[float, float], rho: tuple[float, float], *, size: int) -> _Grid:
    """The log-likelihood at the midpoints of `size` x `size` cells."""
    mus, rhos = (low + (high - low) * (np.arange(size) + 0.5) / size for low, high in (mu, rho))
    weight = 1 / rhos - 1
    a, b = np.outer(mus, weight)[..., None], np.outer(1 - mus, weight)[..., None]
    c, f = tasks.passed, tasks.trials - tasks.passed
    ways = gammaln(tasks.trials + 1) - gammaln(c + 1) - gammaln(f + 1)
    loglik = ((ways + betaln(a + c, b + f) - betaln(a, b)) * tasks.times).sum(axis=-1)
    return _Grid(mus, rhos, loglik)


def _around(points: FloatArray, i: int) -> tuple[float, float]:
    """The interval two cells to each side of the best point, inside (0, 1)."""
    step = float(points[1] - points[0])
    return max(0.0, float(points[i]) - 2.5 * step), min(1.0, float(points[i]) + 2.5 * step)


def _span(points: FloatArray, likely: np.ndarray) -> tuple[float, float]:
    inside, step = points[likely], float(points[1] - points[0])
    return max(0.0, float(inside[0]) - step / 2), min(1.0, float(inside[-1]) + step / 2)


def _moment(mu: FloatArray, rho: FloatArray, k: int, kind: str) -> FloatArray:
    """E[p^k], or 1 - E[(1-p)^k], over the model; rho 0 is a point mass."""
    mean = mu if kind == "pass_hat_k" else 1 - mu
    product = np.ones_like(mean)
    for j in range(k):
        product *= (mean * (1 - rho) + j * rho) / (1 - rho + j * rho)
    return product if kind == "pass_hat_k" else 1 - product
