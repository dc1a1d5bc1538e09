"""Tasks that share a repository, a template or an author: standard errors that know it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evalharness.stats.counts import one_of

ERRORS = ("CR0", "CR1", "CR2", "miller")


@dataclass(frozen=True, kw_only=True)
class ClusterMean:
    """A mean over clustered tasks, its standard error, and the degrees of freedom of that error."""

    value: float
    error: float
    df: float
    clusters: int


def cluster_mean(values: ArrayLike, clusters: ArrayLike, *, method: str = "CR2") -> ClusterMean:
    """The mean of per-task values with a cluster-robust standard error; `clusters` labels each task.

    CR1 multiplies the sandwich by G/(G-1) and has G-1 degrees of freedom; CR2 (Bell and McCaffrey 2002) is unbiased
    where tasks are independent and has Satterthwaite degrees of freedom, and is the better one for few or unequal
    clusters. `CR0` and `miller` (2024, eq. 4) are there to reproduce published numbers and are too small for few
    clusters. Fewer than two clusters: error 0 with 0 degrees of freedom, which nothing should be concluded from.
    """
    one_of(method, ERRORS, name="method")
    u = np.asarray(values, dtype=np.float64)
    labels = np.asarray(clusters)
    if u.ndim != 1 or labels.shape != u.shape:
        raise ValueError(f"clusters must hold one label per value ({u.size}), but got {labels.shape}")
    if not np.isfinite(u).all():
        raise ValueError(f"values must be finite, but got {u[~np.isfinite(u)][0]}")
    if u.size == 0:
        raise ValueError("values must not be empty")
    _, group = np.unique(labels, return_inverse=True)
    size = np.bincount(group).astype(np.float64)
    n, g = u.size, size.size
    mean = float(u.mean())
    if g < 2:
        return ClusterMean(value=mean, error=0.0, df=0.0, clusters=g)
    residual = np.bincount(group, weights=u - mean)
    weight = 1 / (1 - size / n) if method == "CR2" else np.full(g, _factor(method, g))
    squares = float((weight * residual**2).sum())
    if method == "miller":
        squares += float(((u - mean) ** 2).sum()) / (n - 1)
    df = _satterthwaite(size) if method == "CR2" else g - 1.0
    return ClusterMean(value=mean, error=math.sqrt(squares) / n, df=df, clusters=g)


def _factor(method: str, g: int) -> float:
    return g / (g - 1) if method == "CR1" else 1.0


def _satterthwaite(size: np.ndarray) -> float:
    """Degrees of freedom of CR2 for a mean whose tasks are independent with equal variance."""
    n = float(size.sum())
    off = size**2 / n / (1 - size / n)
    frobenius = float((size**2).sum() + off.sum() ** 2 - (off**2).sum())
    return n**2 / frobenius
