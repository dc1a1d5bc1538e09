"""Per-task counts of passed and measured trials, checked once for every method that takes them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Counts:
    """One entry per task: how many trials passed, of how many that were measured."""

    passed: IntArray
    trials: IntArray

    def keep(self, tasks: BoolArray) -> "Counts":
        """Only these tasks."""
        return Counts(self.passed[tasks], self.trials[tasks])

    @property
    def measured(self) -> BoolArray:
        """Which tasks have at least one measured trial."""
        return self.trials > 0

    @property
    def rates(self) -> FloatArray:
        """Pass rate of each task; every task must be measured."""
        return self.passed / self.trials


@dataclass(frozen=True, eq=False)
class Pairs:
    """Two arms over the tasks that are measured in both; `measured` says which of all tasks those are."""

    base: Counts
    cand: Counts
    measured: BoolArray

    @property
    def differences(self) -> FloatArray:
        """Candidate minus baseline, per task."""
        return self.cand.rates - self.base.rates

    @property
    def totals(self) -> IntArray:
        """Passed trials of both arms together, per task."""
        return self.base.passed + self.cand.passed

    @property
    def single_trial(self) -> bool:
        """Whether every task was tried exactly once in both arms."""
        return bool((self.base.trials == 1).all() and (self.cand.trials == 1).all())

    @property
    def note(self) -> str:
        """What a reader must know about the tasks that are not here."""
        return left_out_note(int((~self.measured).sum()))


@dataclass(frozen=True, eq=False)
class Distinct:
    """The distinct rows of some columns, how often each occurs, and where: `rows[where]` is the original."""

    rows: IntArray
    where: IntArray
    times: IntArray


def distinct(*columns: IntArray) -> Distinct:
    """Find the distinct rows, so that work is done once for each of them."""
    bases = [int(column.max(initial=0)) + 1 for column in columns]
    if math.prod(bases) >= 1 << 62:
        rows, where, times = np.unique(np.column_stack(columns), axis=0, return_inverse=True, return_counts=True)
        return Distinct(rows, where.ravel(), times)
    key = np.zeros(columns[0].size, dtype=np.int64)  # one number per row sorts far faster
    for column, base in zip(columns, bases, strict=True):
        key = key * base + column
    _, first, where, times = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return Distinct(np.column_stack(columns)[first], where.ravel(), times)


def left_out_note(left_out: int, why: str = "without measured trials") -> str:
    """Say how many tasks are left out, or nothing."""
    return f"{left_out} task{'s' * (left_out != 1)} {why} left out" if left_out else ""


def task_labels(clusters: ArrayLike, measured: BoolArray) -> NDArray[np.generic]:
    """The cluster labels of the measured tasks; there must be one label for every task."""
    labels = np.asarray(clusters)
    if labels.shape != measured.shape:
        raise ValueError(f"clusters must hold one label per task ({measured.size}), but got {labels.shape}")
    return labels[measured]


def whole_numbers(values: ArrayLike, *, name: str) -> IntArray:
    """A one-dimensional array of counts from 0 up; anything else raises and names the entry."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, but has {array.ndim} dimensions")
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold whole numbers, but holds {array.dtype}")
    bad = ~np.isfinite(array) | (array < 0) | (array != np.floor(array))
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise ValueError(f"{name}[{i}] must be a whole number from 0 up, but got {array[i]}")
    return array.astype(np.int64)


def counts(passed: ArrayLike, trials: ArrayLike, *, arm: str = "") -> Counts:
    """Check both arrays; `arm` is the prefix of the arguments' names in messages (`base_`)."""
    c = whole_numbers(passed, name=f"{arm}passed")
    k = whole_numbers(trials, name=f"{arm}trials")
    if c.size != k.size:
        raise ValueError(f"{arm}passed and {arm}trials must be equally long, but got {c.size} and {k.size}")
    if (c > k).any():
        i = int(np.flatnonzero(c > k)[0])
        raise ValueError(f"{arm}passed[{i}] must be at most {arm}trials[{i}]={k[i]}, but got {c[i]}")
    return Counts(c, k)


def arms(
    base_passed: ArrayLike, base_trials: ArrayLike, cand_passed: ArrayLike, cand_trials: ArrayLike
) -> tuple[Counts, Counts]:
    """Check both arms and that they list the same number of tasks."""
    base = counts(base_passed, base_trials, arm="base_")
    cand = counts(cand_passed, cand_trials, arm="cand_")
    if base.trials.size != cand.trials.size:
        raise ValueError(
            f"base_trials and cand_trials must list the same tasks, but got {base.trials.size} and {cand.trials.size}"
        )
    return base, cand


def pairs(base_passed: ArrayLike, base_trials: ArrayLike, cand_passed: ArrayLike, cand_trials: ArrayLike) -> Pairs:
    """Check both arms and keep the tasks that are measured in both."""
    base, cand = arms(base_passed, base_trials, cand_passed, cand_trials)
    both = base.measured & cand.measured
    return Pairs(base.keep(both), cand.keep(both), both)


def fraction(value: float, *, name: str) -> float:
    """A number strictly between 0 and 1, such as a confidence level; anything else raises."""
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, but got {value}")
    return float(value)


def one_of(value: str, options: tuple[str, ...], *, name: str) -> str:
    """One of the named options; anything else raises and lists them."""
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(options)}, but got {value!r}")
    return value
