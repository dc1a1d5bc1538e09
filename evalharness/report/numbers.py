"""Numbers as people read them: fractions become percent here and nowhere else."""

from collections.abc import Callable

from evalharness.model import (
    Comparison,
    Counts,
    Decision,
    Measure,
    Side,
    Slice,
    Stance,
    TaskClass,
    TaskPair,
    Verdict,
)
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
    if drop is None or drop >= 1:
        return f"{text}: no regression shown{'' if drop is None else ' (so few trials show none, however large)'}"
    return f"{text}: no regression shown (smallest visible drop: {100 * drop:.1f} points)"


def why(verdict: Verdict) -> str:
    """Write the second line: the checks that made the decision."""
    made = [check for check in verdict.checks if check.decision is verdict.decision] or list(verdict.checks)
    return "; ".join(f"{check.rule}: {check.because}" for check in made)


def pvalue(value: float) -> str:
    """Write a p-value; one that would be rounded to nothing is said to be small."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def flips(comparison: Comparison) -> str:
    """Write the flips beside the noise floor."""
    seen = comparison.flips
    return (
        f"{seen.broken} broken, {seen.expected_broken:.1f} expected from noise alone ({pvalue(seen.pvalue_broken)}); "
        f"{seen.fixed} fixed, {seen.expected_fixed:.1f} expected ({pvalue(seen.pvalue_fixed)})"
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
            ("held out", comparison.left_out.held_out),
        )
        if ids
    ]
    return "; ".join(parts)


def counted(counts: Counts) -> str:
    """Write how often a task passed."""
    unmeasured_too = f" ({counts.unmeasured} unmeasured)" if counts.unmeasured else ""
    return f"{counts.passed} of {counts.measured}{unmeasured_too}"


def evidence(task: TaskPair) -> str:
    """Write what a task's class rests on."""
    parts = [f"{counted(task.baseline)} to {counted(task.candidate)} passed", f"p worse {task.pvalue:.3f}"]
    if task.fresh_baseline and task.fresh_candidate and task.fresh_candidate.measured:
        parts.append(f"fresh trials {counted(task.fresh_baseline)} to {counted(task.fresh_candidate)}")
    return "; ".join(part for part in (*parts, task.note) if part)


def label(state: TaskClass) -> str:
    """Write a task's class in words."""
    return state.value.replace("_", " ")


def classes(comparison: Comparison) -> str:
    """Write how many tasks are of each class."""
    return ", ".join(f"{count} {label(state)}" for state, count in comparison.classes.items())


def allowances(comparison: Comparison) -> list[str]:
    """Write what somebody accepted, and why."""
    return [
        f"accepted: {each.kind}{_tasks(each.tasks)} ({each.reason or 'no reason given'})"
        for each in comparison.allowances
    ]


def _tasks(task_ids: tuple[str, ...]) -> str:
    return f": {', '.join(task_ids[:5])}{' ...' if len(task_ids) > 5 else ''}" if task_ids else ""


def budget(verdict: Verdict) -> str:
    """Write how the chance to block an unchanged agent is split."""
    if any(rule.options.get("evidence") == "raw" for rule in verdict.policy.rules):
        return "raw flips count, noise included: nothing bounds how many unchanged agents are blocked"
    if not verdict.error_budget:
        return "no rule can block by chance"
    shares = ", ".join(f"{family} {share:.2%}" for family, share in verdict.error_budget.items())
    return f"at most {sum(verdict.error_budget.values()):.1%} of unchanged agents are blocked: {shares}"


def value(number: float | None) -> str:
    """Write a number whose unit is said elsewhere."""
    return "unbounded" if number is None else f"{number:.4g}"


def measured(found: Measure) -> str:
    """Write a quantity that a rule asked for."""
    change = found.change
    if change.value is None:
        return f"{found.name}: {found.note or change.note}"
    arms = [f"{word} {value(each.value)}" for word, each in _arms(found) if each is not None]
    bounds = f"[{value(change.low)}, {value(change.high)}]"
    said = f"{found.name}: {', '.join((*arms, f'{value(change.value)} {bounds}'))} (90 %, n = {change.n})"
    return f"{said}; {found.note}" if found.note else said


def _arms(found: Measure) -> tuple[tuple[str, Estimate | None], ...]:
    return ("baseline", found.baseline), ("candidate", found.candidate)


def slices(cut: tuple[Slice, ...], *, listed: int = 5) -> str:
    """Write the slices most in doubt, shrunken; nothing where none was measured."""
    if not cut:
        return ""
    worst = sorted(cut, key=lambda each: each.adjusted)[:listed]
    told = ", ".join(f"{each.tag} {change(each.shrunken)} ({pvalue(each.adjusted)}, Holm)" for each in worst)
    number = "1 slice" if len(cut) == 1 else f"{len(cut)} slices"
    return f"{number}, most in doubt, shrunken: {told}"


def notices(comparison: Comparison) -> list[str]:
    """Write faults of the data, what was accepted, warnings, and unusual plans, the gravest first."""
    return [
        *(f"data fault: {fault}" for fault in comparison.faults),
        *allowances(comparison),
        *(f"warning: {warning}" for warning in comparison.warnings),
        *plans(comparison),
    ]


def plans(comparison: Comparison) -> list[str]:
    """Write what is unusual about the plan of either arm."""
    arms = (("baseline", comparison.baseline), ("candidate", comparison.candidate))
    return [f"{word}: {said}" for word, side in arms for said in side.plan]
