"""What is judged: two arms side by side, task by task, each number with its uncertainty."""

from enum import StrEnum

from msgspec import Struct, field

from evalharness.model.side import Counts, Side
from evalharness.stats.results import Estimate, Significance


class Flip(StrEnum):
    """A task whose majority of trials changed sides."""

    BROKEN = "broken"
    FIXED = "fixed"


class TaskClass(StrEnum):
    """What two arms say about one task."""

    STABLE_PASS = "stable_pass"
    STABLE_FAIL = "stable_fail"
    FLAKY = "flaky"  # passes sometimes, in both arms alike
    FLAKE_ONSET = "flake_onset"  # always passed, now sometimes
    SUSPECTED_BROKEN = "suspected_broken"  # the screen names it; no fresh trials have settled it
    CONFIRMED_BROKEN = "confirmed_broken"  # fresh trials of both arms show it
    CLEARED = "cleared"  # was suspected; fresh trials exclude a drop that matters
    SUSPECTED_FIXED = "suspected_fixed"
    CONFIRMED_FIXED = "confirmed_fixed"
    GRADER_FLAKE = "grader_flake"  # the same output was graded differently
    UNDETERMINED = "undetermined"  # too few trials to say
    UNMEASURED = "unmeasured"  # an arm has no measured trial of it
    MISSING = "missing"  # only one arm has it
    CHANGED = "changed"  # it asks, judges or allows something else now


class TaskPair(Struct, frozen=True, kw_only=True):
    """One task in both arms; `pvalue` is Fisher's, one-sided, that the candidate did not get worse.

    Fresh counts are of trials run after the screen, for its suspects alone; they never enter the other numbers.
    `note` is evidence that counts cannot show.
    """

    task_id: str
    tags: tuple[str, ...]
    baseline: Counts
    candidate: Counts
    pvalue: float
    flip: Flip | None = None
    suspected: bool = False
    state: TaskClass = TaskClass.UNDETERMINED
    fresh_baseline: Counts | None = None
    fresh_candidate: Counts | None = None
    note: str = ""


class LeftOut(Struct, frozen=True, kw_only=True):
    """Tasks that are not compared: changed between the arms (`parts` says in what), new, removed, or held out."""

    changed: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    parts: dict[str, tuple[str, ...]] = {}


class Allowance(Struct, frozen=True, kw_only=True):
    """A difference between the arms that somebody accepted, and why."""

    kind: str
    reason: str = ""
    tasks: tuple[str, ...] = ()


class FlipCounts(Struct, frozen=True, kw_only=True):
    """Majority flips, beside what an unchanged agent would show; p-values are exact."""

    broken: int
    expected_broken: float
    pvalue_broken: float
    fixed: int
    expected_fixed: float
    pvalue_fixed: float
    passing: int = 0  # tasks that the baseline mostly passes
    failing: int = 0


class Missing(Struct, frozen=True, kw_only=True):
    """What the missing trials can do: `worst_case` counts them against the candidate, `best_case` for it.

    `decides` says why these are what the checks look at, to promote and to block, or is empty.
    """

    baseline: float
    candidate: float
    worst_case: Estimate
    best_case: Estimate
    decides: str = ""


class Measure(Struct, frozen=True, kw_only=True):
    """One quantity that a rule asked for, in both arms, and its change from the baseline.

    `change` has one-sided 95 % bounds, for promoting; `harm` has bounds at the error that the rule's share of the
    budget leaves, for blocking. `note` says why nothing can be said, where that is so.
    """

    name: str
    baseline: Estimate | None
    candidate: Estimate | None
    change: Estimate
    harm: Estimate
    note: str = ""


class Slice(Struct, frozen=True, kw_only=True):
    """The tasks with one tag; `adjusted` is the p-value of "not worse" corrected for all slices that are tested.

    `shrunken` is pulled towards the change of all tasks as far as the slices' spread allows: read that one when slices
    are compared with each other.
    """

    tag: str
    tasks: int
    trials: int
    delta: Estimate
    shrunken: Estimate
    pvalue: float
    adjusted: float


class Onsets(Struct, frozen=True, kw_only=True):
    """Tasks that always passed and now pass sometimes, beside what an unchanged agent would show."""

    seen: int
    expected: float
    pvalue: float


class Screened(Struct, frozen=True, kw_only=True):
    """Tasks that the screen names, beside what it would name of an unchanged agent.

    `certain` of them stand up to a correction for all tasks, without any fresh trial.
    """

    seen: int
    expected: float
    pvalue: float
    certain: int


class Holdout(Struct, frozen=True, kw_only=True):
    """How often held-out tasks have been looked at, this time included."""

    reading: int
    budget: int
    record: str


class Comparison(Struct, frozen=True, kw_only=True):
    """Two runs of one suite, task by task; delta is candidate minus baseline.

    `delta` holds both estimands with two-sided 90 % intervals: each bound is a one-sided 95 % one. `harm` has the
    bounds at the error that the budget leaves to the aggregate. `measures`, `slices`, `onsets` and `screen` hold what
    the rules of the policy asked for and nothing else. `faults` are reasons not to believe the trials themselves.
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
    faults: tuple[str, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    measures: dict[str, Measure] = field(default_factory=dict)
    slices: tuple[Slice, ...] = ()
    onsets: Onsets | None = None
    screen: dict[str, Screened] = field(default_factory=dict)
    holdout: Holdout | None = None

    @property
    def suspected(self) -> tuple[TaskPair, ...]:
        """Return the tasks that the screen names and no fresh trials have settled."""
        settled = (TaskClass.CONFIRMED_BROKEN, TaskClass.CLEARED)
        return tuple(task for task in self.tasks if task.suspected and task.state not in settled)

    @property
    def rerun(self) -> bool:
        """Say whether any task was run again on fresh trials."""
        return any(task.fresh_candidate is not None for task in self.tasks)

    def of(self, state: TaskClass) -> tuple[TaskPair, ...]:
        """Return the tasks of one class."""
        return tuple(task for task in self.tasks if task.state == state)

    @property
    def classes(self) -> dict[TaskClass, int]:
        """Count all tasks of both arms by class; classes without a task are left out."""
        counted = dict.fromkeys(TaskClass, 0)
        for task in self.tasks:
            counted[task.state] += 1
        counted[TaskClass.MISSING] += len(self.left_out.new) + len(self.left_out.removed)
        counted[TaskClass.CHANGED] += len(self.left_out.changed)
        return {state: count for state, count in counted.items() if count}
