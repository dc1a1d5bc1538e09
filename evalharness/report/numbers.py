"""Numbers as people read them: fractions become percent here and nowhere else."""

from collections.abc import Callable

from evalharness.model import Comparison, Decision, Side, Stance, Verdict
from evalharness.stats.results import Estimate

HEADLINES = {
    Decision.PROMOTE: "PROMOTE",
    Decision.BLOCK: "BLOCK",
    Decision.INCONCLUSIVE: "INCONCLUSIVE",
}


def percent(value: float | None) -> str:
    """Write a fraction as percent."""
    return "unknown" if value is None else f"{value:.1%}"


def points(value: float | None) -> str:
    """Write a change of a rate as signed percentage points."""
    return "unknown" if value is None else f"{100 * value:+.1f}"


def rate(estimate: Estimate) -> str:
    """Write a rate with its interval."""
    if estimate.value is None:
        return f"undefined ({estimate.note})"
    return f"{percent(estimate.value)} [{percent(estimate.low)}, {percent(estimate.high)}]"


def change(estimate: Estimate) -> str:
    """Write a change with its interval, in percentage points."""
    if estimate.value is None:
        return f"undefined ({estimate.note})"
    return f"{points(estimate.value)} points [{points(estimate.low)}, {points(estimate.high)}]"


def headline(comparison: Comparison, verdict: Verdict) -> str:
    """Write the first line: the decision, and under a guard what it could have seen."""
    text = HEADLINES[verdict.decision]
    if verdict.stance is not Stance.GUARD or verdict.decision is Decision.BLOCK:
        return text
    if verdict.decision is Decision.PROMOTE:
        return f"{text}: not inferior"
    drop = comparison.smallest_visible_drop
    seen = "" if drop is None else f" (smallest visible drop: {100 * drop:.1f} points)"
    return f"{text}: no regression shown{seen}"


def why(verdict: Verdict) -> str:
    """Write the second line: the checks that made the decision."""
    made = [check for check in verdict.checks if check.decision is verdict.decision] or list(verdict.checks)
    return "; ".join(f"{check.rule}: {check.because}" for check in made)


def flips(comparison: Comparison) -> str:
    """Write the flips beside the noise floor."""
    seen = comparison.flips
    return (
        f"{seen.broken} broken, {seen.expected_broken:.1f} expected from noise alone (p = {seen.pvalue_broken:.3f}); "
        f"{seen.fixed} fixed, {seen.expected_fixed:.1f} expected (p = {seen.pvalue_fixed:.3f})"
    )


def both(comparison: Comparison, written: Callable[[Side], str]) -> str:
    """Write the same fact of both arms."""
    return f"baseline {written(comparison.baseline)}, candidate {written(comparison.candidate)}"


def unmeasured(side: Side) -> str:
    """Write how much of an arm is unmeasured, and why."""
    if not side.unmeasured:
        return f"0 of {side.trials}"
    causes = ", ".join(f"{cause} x{number}" for cause, number in side.causes.items())
    return f"{side.unmeasured} of {side.trials} ({causes})"


def missing(comparison: Comparison) -> str:
    """Write what the missing trials could do, or nothing where none is missing."""
    found = comparison.missing
    if not found.baseline and not found.candidate:
        return ""
    text = f"worst case over everything missing: {change(found.worst_case)}"
    return f"{text}; it decides, because {found.decides}" if found.decides else text


def money(side: Side) -> str:
    """Write what an arm cost."""
    return "unknown" if side.cost_usd is None else f"${side.cost_usd:.4f}"


def left_out(comparison: Comparison) -> str:
    """Write which tasks were not compared, or nothing."""
    parts = [
        f"{len(ids)} {word}: {', '.join(ids[:5])}{' ...' if len(ids) > 5 else ''}"
        for word, ids in (
            ("changed", comparison.left_out.changed),
            ("new", comparison.left_out.new),
            ("removed", comparison.left_out.removed),
        )
        if ids
    ]
    return "; ".join(parts)
