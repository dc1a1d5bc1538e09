"""What a report can show beside the numbers: trials one by one, transcripts, looks, where everything came from.

A reporter reads no run; whoever calls it gathers this first. Everything is optional: a report without it says less.
"""

from msgspec import Struct, field

from evalharness.model import Grade, RunSummary, Slice
from evalharness.procedure import Look

PASS, FAIL, UNMEASURED = "PFE"


class TaskTrials(Struct, frozen=True, kw_only=True):
    """One task's trials in one arm: a letter per trial in their order, their total cost and mean time."""

    marks: str
    cost_usd: float | None = None
    seconds: float | None = None


class ShownTrial(Struct, frozen=True, kw_only=True):
    """One trial to read: what was said by whom, and how it was judged; `left_out` counts characters that were cut."""

    trial: int
    outcome: str
    said: tuple[tuple[str, str], ...]
    grades: tuple[Grade, ...] = ()
    cause: str = ""
    left_out: int = 0


class ArmEvidence(Struct, frozen=True, kw_only=True):
    """One arm: its summary, its tasks' trials, and where it came from, as facts by name."""

    summary: RunSummary | None = None
    trials: dict[str, TaskTrials] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)


class Evidence(Struct, frozen=True, kw_only=True):
    """What stands behind a comparison; `transcripts` holds a trial per arm, the tasks to look at first on top.

    `commands` say how everything was made. `suite_place` names the suite's file.
    """

    baseline: ArmEvidence = field(default_factory=ArmEvidence)
    candidate: ArmEvidence = field(default_factory=ArmEvidence)
    transcripts: dict[str, tuple[ShownTrial | None, ...]] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()
    slices: tuple[Slice, ...] = ()
    commands: tuple[str, ...] = ()
    suite_place: str = ""


class ArmsEvidence(Struct, frozen=True, kw_only=True):
    """What stands behind several candidates: the baseline first, then they in their order; so in `transcripts`."""

    arms: tuple[ArmEvidence, ...] = ()
    transcripts: dict[str, tuple[ShownTrial | None, ...]] = field(default_factory=dict)
    commands: tuple[str, ...] = ()


NOTHING = Evidence()
