"""How far a grader can be trusted: its grades beside a reference, what that does to the numbers, where to look."""

from enum import StrEnum

from msgspec import Struct

from evalharness.stats.results import Estimate


class DoubtKind(StrEnum):
    """Why a trial is worth a look; in the order of looking."""

    FALSE_PASS = "false_pass"  # the grader passed what the reference fails
    EMPTY_PASS = "empty_pass"  # nothing was answered, and it passed
    GRADER_FLAKE = "grader_flake"  # the same output was graded differently
    FALSE_FAIL = "false_fail"  # the grader failed what the reference passes


class Doubt(Struct, frozen=True, kw_only=True):
    """One trial of the audit list; `said` is what stands against its grade."""

    kind: DoubtKind
    task_id: str
    trial: int
    said: str


class Tally(Struct, frozen=True, kw_only=True):
    """Audited answers by grade and truth: `false_pass` were passed and wrong, `false_fail` failed and right."""

    true_pass: int
    false_pass: int
    true_fail: int
    false_fail: int


class ErrorRates(Struct, frozen=True, kw_only=True):
    """A grader's errors; `precision` is P(right | passed), `missed` is P(right | failed)."""

    tally: Tally
    precision: Estimate
    missed: Estimate
    false_pass_rate: Estimate
    false_fail_rate: Estimate
    agreement: Estimate


class Agreement(Struct, frozen=True, kw_only=True):
    """Agreement beyond chance: the grader with the reference, and the raters of the reference with each other."""

    kappa: Estimate
    alpha: Estimate | None = None
    raters: int = 1


class Tries(Struct, frozen=True, kw_only=True):
    """pass@k and pass^k as the grader has them, and corrected."""

    k: int
    graded_at: Estimate
    corrected_at: Estimate
    graded_hat: Estimate
    corrected_hat: Estimate


class Utility(Struct, frozen=True, kw_only=True):
    """The reward per task of 1, 2, ... tries of which the first that passes is used, a wrong one costing `cost_ratio`.

    `best` is the number of tries with the highest reward, 0 where not answering is as good, None where it is unknown
    (`note` says why). `low` and `high` bound it where tasks were resampled.
    """

    cost_ratio: float
    best: int | None
    low: int | None = None
    high: int | None = None
    rewards: tuple[float, ...] = ()
    note: str = ""


class TaskErrors(Struct, frozen=True, kw_only=True):
    """How often the grader erred on one task."""

    task_id: str
    audited: int
    false_pass: int
    false_fail: int


class GraderAudit(Struct, frozen=True, kw_only=True):
    """What an audit found; `answers` were judged by the grader, `audited` of them by the reference as well.

    `unjudged` trials ended without an answer to judge. `complete` says that the reference covers (nearly) all answers,
    so that corrected numbers are counted, not estimated. `corrected_by_errors` solves the pass rate from the errors
    (Rogan & Gladen), None where the reference covers everything.
    """

    run: str
    reference: str
    grader: str
    answers: int
    tasks: int
    audited: int
    audited_tasks: int
    unjudged: int
    complete: bool
    errors: ErrorRates
    by_model: dict[str, ErrorRates]
    agreement: Agreement
    pass_rate: Estimate
    corrected: Estimate
    corrected_by_errors: Estimate | None
    tries: tuple[Tries, ...]
    ceiling: Estimate
    utility: tuple[Utility, ...]
    doubts: tuple[Doubt, ...]
    tasks_with_errors: tuple[TaskErrors, ...]
    notes: tuple[str, ...]
