"""What a decided gate comes to: the comparison of its base trials with the fresh ones beside it, and the verdict."""

import msgspec

from evalharness.classes import with_confirmation
from evalharness.compare import compare
from evalharness.gate import judge
from evalharness.gate_store import GateHeader
from evalharness.model import Check, Comparison, Counts, Decision, Holdout, Policy, Verdict
from evalharness.outcomes import Outcomes
from evalharness.procedure import Decided, Suspect

FINDING_OF = {"no_worse": "aggregate", "no_confirmed_regressions": "flips"}


def compared(
    outcomes: tuple[Outcomes, Outcomes],
    decided: Decided,
    header: GateHeader,
    tasks: tuple[str, ...],
    holdout: Holdout | None,
) -> Comparison:
    """Compare what was measured for the suite as a whole, and put the fresh trials of the suspects beside it."""
    baseline, candidate = outcomes
    fresh = {tasks[each.task]: (_counts(each.baseline), _counts(each.candidate)) for each in decided.suspects}
    comparison = with_confirmation(
        compare(baseline, candidate, header.policy, allowances=header.allowances, holdout=holdout),
        fresh,
        confirmed={tasks[each.task] for each in decided.suspects if each.confirmed},
        cleared={tasks[each.task] for each in decided.suspects if _cleared(each)},
    )
    warnings = (*header.notes, *comparison.warnings)
    if not decided.complete:
        warnings = ("its time or money ended before it was done: decided on what there was", *warnings)
    return msgspec.structs.replace(comparison, warnings=warnings)


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
