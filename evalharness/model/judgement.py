"""What is judged: two arms side by side, the checks that a policy makes, and the verdict."""

from enum import StrEnum

from msgspec import Struct

from evalharness.model.suite import Policy
from evalharness.stats.results import Estimate, Significance


class Decision(StrEnum):
    """What a check or a verdict says about the candidate."""

    PROMOTE = "promote"
    BLOCK = "block"
    INCONCLUSIVE = "inconclusive"


class Stance(StrEnum):
    """What a policy is for, and so when it exits with an error."""

    GUARD = "guard"  # pull requests: only evidence of harm
    CERTIFY = "certify"  # releases: everything but a promotion
    REPORT = "report"  # never


class Flip(StrEnum):
    """A task whose majority of trials changed sides."""

    BROKEN = "broken"
    FIXED = "fixed"


class Counts(Struct, frozen=True, kw_only=True):
    """The trials of one task in one arm."""

    passed: int
    measured: int
    planned: int

    @property
    def unmeasured(self) -> int:
        """Count the planned trials that nothing is known about."""
        return max(self.planned - self.measured, 0)


class TaskPair(Struct, frozen=True, kw_only=True):
    """One task in both arms; `pvalue` is Fisher's, one-sided, that the candidate did not get worse."""

    task_id: str
    tags: tuple[str, ...]
    baseline: Counts
    candidate: Counts
    pvalue: float
    flip: Flip | None = None
    suspected: bool = False


class Side(Struct, frozen=True, kw_only=True):
    """One arm as a whole, over all of its tasks; `pass_rate` is for tasks like these (population)."""

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


class TaskLine(Struct, frozen=True, kw_only=True):
    """One task of a run worth a look; `seconds` is the mean of its trials."""

    task_id: str
    passed: int
    measured: int
    unmeasured: int
    seconds: float | None


class RunSummary(Struct, frozen=True, kw_only=True):
    """A run as a whole, and the tasks that stand out."""

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


class LeftOut(Struct, frozen=True, kw_only=True):
    """Tasks that are not compared: changed between the arms, new in the candidate, or removed."""

    changed: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class FlipCounts(Struct, frozen=True, kw_only=True):
    """Majority flips, beside what an unchanged agent would show; p-values are exact."""

    broken: int
    expected_broken: float
    pvalue_broken: float
    fixed: int
    expected_fixed: float
    pvalue_fixed: float


class Missing(Struct, frozen=True, kw_only=True):
    """What the missing trials can do: `worst_case` counts them against the candidate.

    `decides` says why the worst case is what the checks look at, or is empty.
    """

    baseline: float
    candidate: float
    worst_case: Estimate
    decides: str = ""


class Comparison(Struct, frozen=True, kw_only=True):
    """Two runs of one suite, task by task; delta is candidate minus baseline.

    `delta` holds both estimands with two-sided 90 % intervals: each bound is a one-sided 95 % one. `harm` has the
    bounds at the error that the budget leaves to the aggregate.
    """

    baseline: Side
    candidate: Side
    estimand: str
    tasks: tuple[TaskPair, ...]
    delta: dict[str, Estimate]
    harm: Estimate
    significance: Significance
    flips: FlipCounts
    missing: Missing
    left_out: LeftOut
    smallest_visible_drop: float | None
    warnings: tuple[str, ...] = ()

    @property
    def suspected(self) -> tuple[TaskPair, ...]:
        """Return the tasks that the screen names."""
        return tuple(task for task in self.tasks if task.suspected)


class Check(Struct, frozen=True, kw_only=True):
    """What one rule says, and why, in a sentence that can be read aloud."""

    rule: str
    decision: Decision
    because: str


class Verdict(Struct, frozen=True, kw_only=True):
    """What a policy says about a comparison; the decision is computed from the checks, never stored."""

    policy: Policy
    checks: tuple[Check, ...]
    error_budget: dict[str, float]
    settled_by: str = ""

    @property
    def stance(self) -> Stance:
        """Return what the policy is for."""
        return Stance(self.policy.stance)

    @property
    def decision(self) -> Decision:
        """Block if any check blocks, promote if every check promotes; no checks promote nothing."""
        decisions = {check.decision for check in self.checks}
        if Decision.BLOCK in decisions:
            return Decision.BLOCK
        return Decision.PROMOTE if decisions == {Decision.PROMOTE} else Decision.INCONCLUSIVE

    @property
    def exit_code(self) -> int:
        """Return what the command line ends with under this stance."""
        if self.stance is Stance.REPORT:
            return 0
        if self.decision is Decision.BLOCK:
            return 1
        return 3 if self.stance is Stance.CERTIFY and self.decision is Decision.INCONCLUSIVE else 0
