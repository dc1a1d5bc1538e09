"""What a gate does, found out beforehand: shares of decisions, a forecast, and past runs gated again."""

from msgspec import Struct

from evalharness.model.judgement import Decision
from evalharness.model.suite import Policy
from evalharness.stats.results import Estimate


class Shares(Struct, frozen=True, kw_only=True):
    """What simulated gates did in one scenario: shares with Clopper-Pearson 95 % intervals, and mean trials.

    `blocked_by` is the share that each family blocked; `minutes` is the mean length of a gate.
    """

    scenario: str
    block: Estimate
    promote: Estimate
    inconclusive: Estimate
    base_trials: float
    extra_trials: float
    blocked_by: dict[str, float]
    minutes: float | None = None

    @property
    def extra(self) -> float:
        """Return the extra trials as a share of the base trials."""
        return self.extra_trials / self.base_trials if self.base_trials else 0.0


class Calibration(Struct, frozen=True, kw_only=True):
    """What a gate does at these tasks, trials per task of (baseline, candidate), and policy.

    `visible_drop` is the fall of the suite's pass rate, spread over all tasks, that is blocked 80 % of the time.
    """

    source: str
    tasks: int
    trials: tuple[int, int]
    policy: Policy
    error_budget: dict[str, float]
    reps: int
    seed: int
    rows: tuple[Shares, ...]
    visible_drop: float | None


class Forecast(Struct, frozen=True, kw_only=True):
    """What to expect of a gate, `base_trials` and `extra_trials` counting both arms.

    `green` is the chance that an unchanged agent is not blocked, `promoted` that it is promoted; `one_break` the power
    to see one always-passing task break completely; `visible_drop` the drop of the suite's pass rate that the base
    trials show with 80 % power. `assumed` says that the pass rates are a guess, as there is no baseline.
    """

    tasks: int
    trials: tuple[int, int]
    reps: int
    base_trials: float
    extra_trials: float
    green: float
    promoted: float
    one_break: float
    visible_drop: float | None
    assumed: bool


class Past(Struct, frozen=True, kw_only=True):
    """What the gate says of one past run, from its stored trials alone; suspects would have been re-run."""

    baseline: str
    candidate: str
    decision: Decision | None  # None where the two cannot be compared
    because: str
    suspects: tuple[str, ...] = ()
