"""What statistics return: an `Estimate` or a `Significance`, never a bare number."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measured number with its uncertainty; `value` is None where it is undefined, and `note` says why.

    `low` and `high` bound the value at confidence `level`; None means that no finite bound exists. `n` counts the
    independent units (tasks, unless the method says otherwise).
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    n: int
    method: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Significance:
    """The outcome of a test: how surprising the data are if nothing changed.

    `statistic` is None for tests that have none (exact ones). `n` counts the units that carry information.
    """

    pvalue: float
    statistic: float | None
    n: int
    method: str
    note: str = ""
