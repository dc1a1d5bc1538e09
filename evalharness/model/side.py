"""One arm by itself: its trials of a task, its run as a whole, and the tasks that stand out."""

from msgspec import Struct

from evalharness.stats.results import Estimate


class Counts(Struct, frozen=True, kw_only=True):
    """The trials of one task in one arm."""

    passed: int
    measured: int
    planned: int

    @property
    def unmeasured(self) -> int:
        """Count the planned trials that nothing is known about."""
        return max(self.planned - self.measured, 0)


class Side(Struct, frozen=True, kw_only=True):
    """One arm as a whole, over all of its tasks; `pass_rate` is for tasks like these (population).

    `plan` says what is unusual about its plan, such as uneven trials.
    """

    place: str
    run_id: str
    suite: str
    agent: str
    version: str
    fingerprint: str
    models: tuple[str, ...]
    tasks: int
    trials: int
    unmeasured: int
    causes: dict[str, int]
    pass_rate: Estimate
    repeatability: Estimate
    pass_hat_k: tuple[Estimate, ...]
    pass_at_k: tuple[Estimate, ...]
    cost_usd: float | None
    seconds: float | None
    plan: tuple[str, ...] = ()


class TaskLine(Struct, frozen=True, kw_only=True):
    """One task of a run worth a look; `seconds` is the mean of its trials."""

    task_id: str
    passed: int
    measured: int
    unmeasured: int
    seconds: float | None


class RunSummary(Struct, frozen=True, kw_only=True):
    """A run as a whole, and the tasks that stand out; `fails` counts failed trials that have a cause other than grades.

    `faults` say what is wrong with the data of an imported run.
    """

    side: Side
    complete: bool
    varying: int
    always: int
    never: int
    tokens: int | None
    seconds_median: float | None
    seconds_p95: float | None
    slowest: tuple[TaskLine, ...]
    flakiest: tuple[TaskLine, ...]
    retries: int
    fails: dict[str, int]
    faults: tuple[str, ...] = ()
