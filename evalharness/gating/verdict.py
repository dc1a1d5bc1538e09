"""What a decided gate comes to: the comparison of its base trials with the fresh ones beside it, and the verdict."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from evalharness.compare import compare
from evalharness.comparison.classes import with_confirmation
from evalharness.gate import judge
from evalharness.gating.arms import Fresh
from evalharness.gating.store import GateHeader
from evalharness.model import Check, Comparison, Counts, Decision, Holdout, Policy, TaskClass, Verdict
from evalharness.outcomes import Outcomes
from evalharness.procedure import Decided, Suspect
from evalharness.stats.flips import confirm

MOST = 300  # tasks that are run again because they look fixed
FIX_LEVEL = 0.05
FINDING_OF = {"no_worse": "aggregate", "no_confirmed_regressions": "flips"}


def judged(  # noqa: PLR0913 - what a gate has found, each once
    outcomes: Callable[[], tuple[Outcomes, Outcomes]],
    decided: Decided,
    header: GateHeader,
    tasks: tuple[str, ...],
    *,
    fixes: Mapping[str, Fresh] | None = None,
    holdout: Holdout | None = None,
    cut: bool = False,
) -> tuple[Comparison, Verdict]:
    """Compare what there is by now, and ask every rule; `cut` says that time or money ended before all was run."""
    known = replace(decided, complete=decided.complete and not cut)
    comparison = with_fixes(compared(*outcomes(), known, header, tasks), fixes or {})
    comparison = msgspec.structs.replace(comparison, holdout=holdout)
    return comparison, verdict_of(comparison, decided, header.policy)


def compared(
    before: Outcomes, after: Outcomes, decided: Decided, header: GateHeader, tasks: tuple[str, ...]
) -> Comparison:
    """Compare what was measured for the suite as a whole, and put the fresh trials of the suspects beside it."""
    fresh = {tasks[each.task]: (_counts(each.baseline), _counts(each.candidate)) for each in decided.suspects}
    comparison = with_confirmation(
        compare(before, after, header.policy, allowances=header.allowances),
        fresh,
        confirmed={tasks[each.task] for each in decided.suspects if each.confirmed},
        cleared={tasks[each.task] for each in decided.suspects if _cleared(each)},
    )
    warnings = (*header.notes, *comparison.warnings)
    if not decided.complete:
        warnings = ("its time or money ended before it was done: decided on what there was", *warnings)
    return msgspec.structs.replace(comparison, warnings=warnings)


def suspected_fixes(comparison: Comparison, policy: Policy) -> tuple[str, ...]:
    """Name the tasks to run again because a rule counts fixes, the clearest first; a trade pays for breaks only."""
    counting = {
        rule.use
        for rule in policy.rules
        if rule.use in ("min_fixes", "net_fixes", "trade") and rule.options.get("evidence", "confirmed") == "confirmed"
    }
    if not counting or (counting == {"trade"} and not comparison.of(TaskClass.CONFIRMED_BROKEN)):
        return ()
    suspected = sorted(comparison.of(TaskClass.SUSPECTED_FIXED), key=lambda task: -(task.pvalue or 0.0))
    return tuple(task.task_id for task in suspected[:MOST])


def with_fixes(comparison: Comparison, fresh: Mapping[str, Fresh]) -> Comparison:
    """Add what fresh trials showed of tasks that looked fixed: Fisher's test on those alone, Holm over all of them."""
    if not fresh:
        return comparison
    (base_passed, base_trials), (cand_passed, cand_trials) = (
        zip(*each, strict=True) for each in zip(*fresh.values(), strict=True)
    )
    shown = confirm(cand_passed, cand_trials, base_passed, base_trials, level=FIX_LEVEL, adjustment="holm").confirmed
    counts = {task: (_counts(before), _counts(after)) for task, (before, after) in fresh.items() if after[1]}
    return with_confirmation(
        comparison, counts, (), fixed={task for task, fixed in zip(fresh, shown, strict=True) if fixed}
    )


def _counts(counted: tuple[int, int]) -> Counts:
    passed, measured = counted
    return Counts(passed=passed, measured=measured, planned=measured)


def _cleared(suspect: Suspect) -> bool:
    return not suspect.confirmed and not suspect.live and suspect.candidate[1] > 0


def verdict_of(comparison: Comparison, decided: Decided, policy: Policy) -> Verdict:
    """Ask every rule; where the procedure spent the error budget look by look, its findings stand."""
    verdict = judge(comparison, policy)
    findings = {finding.family: finding for finding in decided.findings}
    plain = {rule.use for rule in policy.rules if not set(rule.options) - {"margin"}}

    def settled(check: Check) -> Check:
        finding = findings.get(FINDING_OF.get(check.rule, ""))
        if finding is None or check.rule not in plain:
            return check
        return Check(rule=check.rule, decision=finding.decision, because=finding.because)

    final = msgspec.structs.replace(verdict, checks=tuple(map(settled, verdict.checks)))
    if final.decision is Decision.INCONCLUSIVE:
        return final
    return msgspec.structs.replace(final, settled_by="")
