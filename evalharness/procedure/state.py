"""What the procedure knows, asks for and says: plain values that go in and out of it."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from evalharness.model import Decision
from evalharness.stats.counts import IntArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Tally:
    """Passed and measured trials of both arms, one entry per task in the order of the procedure's tasks."""

    base_passed: IntArray
    base_trials: IntArray
    cand_passed: IntArray
    cand_trials: IntArray

    @property
    def columns(self) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Return the four columns in the order that every statistic takes them."""
        return self.base_passed, self.base_trials, self.cand_passed, self.cand_trials

    @property
    def size(self) -> int:
        """Count the tasks."""
        return int(self.base_trials.size)

    @property
    def measured(self) -> int:
        """Count the trials of both arms."""
        return int(self.base_trials.sum() + self.cand_trials.sum())

    def __add__(self, other: "Tally") -> "Tally":
        """Add trials of the same tasks."""
        return tally(*(mine + theirs for mine, theirs in zip(self.columns, other.columns, strict=True)))

    def at(self, task: int) -> tuple[int, int, int, int]:
        """Return one task's baseline passes and trials, then the candidate's."""
        passed, trials, after, later = (int(column[task]) for column in self.columns)
        return passed, trials, after, later


def tally(base_passed: IntArray, base_trials: IntArray, cand_passed: IntArray, cand_trials: IntArray) -> Tally:
    """Make a tally of four columns."""
    return Tally(base_passed=base_passed, base_trials=base_trials, cand_passed=cand_passed, cand_trials=cand_trials)


def empty(tasks: int) -> Tally:
    """Make a tally of no trials."""
    nothing = np.zeros(tasks, dtype=np.int64)
    return tally(nothing, nothing, nothing, nothing)


class Purpose(StrEnum):
    """Why trials are run."""

    ROUND = "round"  # every task; counts for the suite as a whole
    CONFIRM = "confirm"  # suspects only; counts for nothing but their confirmation
    HOLDOUT = "holdout"  # held-out tasks, when all else is decided; counts for their own rule alone


@dataclass(frozen=True, kw_only=True)
class Request:
    """Trials to run next: how many more of each task, per arm; tasks are indices."""

    purpose: Purpose
    baseline: dict[int, int]
    candidate: dict[int, int]

    @property
    def trials(self) -> int:
        """Count the trials of both arms."""
        return sum(self.baseline.values()) + sum(self.candidate.values())


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at the data, as it is recorded: how far the evidence of harm is, and what it may spend.

    `z` is the evidence that the candidate is worse, `boundary` where it is shown (None where nothing may be spent),
    `spent` the share of `false_block` used up to and including this look. `low` is the one-sided bound of delta that
    a promotion looks at, `low_level` its level. `trials` are per task, of (baseline, candidate).
    """

    family: str
    trials: tuple[float, float]
    fraction: float
    z: float
    boundary: float | None
    spent: float
    tasks: int
    delta: float | None = None
    low: float | None = None
    low_level: float | None = None

    @property
    def shown(self) -> bool:
        """Whether the boundary is reached."""
        return self.boundary is not None and self.z >= self.boundary


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A task that the screen names; `weight` is the chance that it broke, as its trials so far suggest.

    Fresh counts are passed and measured trials of (baseline, candidate). A suspect is live while it is worth more
    fresh trials.
    """

    task: int
    weight: float
    live: bool = True
    baseline: tuple[int, int] = (0, 0)
    candidate: tuple[int, int] = (0, 0)
    confirmed: bool = False


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything known at one moment; screen and fresh trials never mix.

    `asked` is the number of trials per task that rounds have asked for, of (baseline, candidate); `suspects` is None
    until the base is complete.
    """

    screen: Tally
    asked: tuple[int, int]
    extra_rounds: int = 0
    batches: int = 0
    evidence: tuple[float, ...] = ()  # one z per batch of fresh trials
    suspects: tuple[Suspect, ...] | None = None
    looks: tuple[Look, ...] = ()
    base_ended: bool = False
    fresh: Tally = field(default_factory=lambda: empty(0))

    def of(self, family: str) -> tuple[Look, ...]:
        """Return the looks of one family, in order."""
        return tuple(look for look in self.looks if look.family == family)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one family says, in a sentence."""

    family: str
    decision: Decision
    because: str


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The end: the decision, a finding per family, every look, and the suspects with their fresh trials."""

    decision: Decision
    findings: tuple[Finding, ...]
    looks: tuple[Look, ...]
    suspects: tuple[Suspect, ...]
    complete: bool = True  # False where it had to decide before it was done

    @property
    def confirmed(self) -> tuple[int, ...]:
        """Return the tasks that are shown worse one by one."""
        return tuple(suspect.task for suspect in self.suspects if suspect.confirmed)
