"""Several candidates against one baseline."""

from msgspec import Struct

from evalharness.model.comparison import Comparison, Slice
from evalharness.model.judgement import Verdict
from evalharness.stats.results import Estimate


class Standing(Struct, frozen=True, kw_only=True):
    """What one arm costs and how long it takes, and which other arms are surely better and cheaper.

    `seconds_p50` and `seconds_p95` are quantiles of working seconds per trial.
    """

    place: str
    agent: str
    version: str
    pass_rate: Estimate
    cost_per_success: Estimate
    seconds_p50: Estimate
    seconds_p95: Estimate
    beaten_by: tuple[str, ...] = ()


class Contender(Struct, frozen=True, kw_only=True):
    """One candidate: its comparison and verdict, and its numbers corrected for there being several.

    `delta` has a simultaneous interval over all candidates; `adjusted` is the p-value of "not worse" and the slices'
    p-values are corrected over all candidates (Holm).
    """

    comparison: Comparison
    verdict: Verdict
    standing: Standing
    delta: Estimate
    adjusted: float
    slices: tuple[Slice, ...]


class Lineup(Struct, frozen=True, kw_only=True):
    """All candidates of one comparison, in the order they were given."""

    baseline: Standing
    contenders: tuple[Contender, ...]

    @property
    def exit_code(self) -> int:
        """Return the worst of the verdicts: block, then inconclusive, then none."""
        codes = {each.verdict.exit_code for each in self.contenders}
        return next((code for code in (1, 3) if code in codes), 0)
