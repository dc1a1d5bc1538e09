"""Gates: begin one, take it up again, and turn what it decided into a comparison and a verdict."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from evalharness.baseline import Baseline, not_drifted, resolve, stored_outcomes, suite_of
from evalharness.classes import with_confirmation
from evalharness.compare import compare
from evalharness.definition import load_agent
from evalharness.digests import suite_digest
from evalharness.errors import ConfigError
from evalharness.gate import DEFAULT_PRESET, check_policy, judge
from evalharness.gate_arm import GateArm
from evalharness.gate_store import GATE_SCHEMA, GateHeader, GateSide, GateStore, is_gate
from evalharness.gate_tasks import comparable, eligible
from evalharness.model import AgentDefinition, Allowance, Check, Comparison, Counts, Decision, Policy, Suite, Verdict
from evalharness.outcomes import Outcomes
from evalharness.policy import load_policy
from evalharness.procedure import Decided, Procedure, Suspect
from evalharness.release import Release
from evalharness.report.document import document
from evalharness.runner import Listener, Pace, Stop
from evalharness.runs import new_run_id
from evalharness.suite import load_suite

EARLY_FROM = 4  # trials per task from which looking after every round saves more than it costs
FINDING_OF = {"no_worse": "aggregate", "no_confirmed_regressions": "flips"}


class Gated(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate decided, and on what; `complete` is False where its time or money ended first."""

    comparison: Comparison
    verdict: Verdict
    complete: bool
    base_trials: int
    fresh_trials: int
    seconds: float
    cost_usd: float


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be gated, as names; `policy` and `stance` replace what the suite says."""

    suite: str
    candidate: str
    baseline: str
    trials: int | None = None
    policy: str | None = None
    stance: Literal["guard", "certify", "report"] | None = None
    out: Path | None = None
    allowances: tuple[Allowance, ...] = ()


def ask(question: Question, *, pace: Pace, stop: Stop) -> GateStore:
    """Find suite, policy and both arms, and make the gate directory.

    Suite and policy come from the baseline's revision where it has one. A stored baseline is reused when it is fit and
    its agent has not drifted.
    """
    candidate = load_agent(question.candidate)
    suite, edits = suite_of(question.baseline, load_suite(question.suite))
    policy = load_policy(question.policy) if question.policy else suite.policy or load_policy(DEFAULT_PRESET)
    if question.stance:
        policy = msgspec.structs.replace(policy, stance=question.stance)
    baseline = not_drifted(resolve(question.baseline, suite), suite, pace=pace, stop=stop)
    baseline = msgspec.structs.replace(baseline, notes=(*edits, *baseline.notes))
    trials = question.trials or suite.trials
    looks = tuple(range(2, trials)) if trials >= EARLY_FROM else ()
    return begin_gate(
        suite,
        candidate,
        baseline,
        policy=policy,
        trials=trials,
        looks=looks,
        out=question.out,
        allowances=question.allowances,
    )


def begin_gate(  # noqa: PLR0913 - what a gate is asked, each once
    suite: Suite,
    candidate: AgentDefinition,
    baseline: Baseline,
    *,
    policy: Policy,
    trials: int,
    looks: tuple[int, ...] = (),
    out: Path | None = None,
    allowances: tuple[Allowance, ...] = (),
) -> GateStore:
    """Make a gate directory; nothing has run yet."""
    check_policy(policy)
    gate_id = new_run_id()
    header = GateHeader(
        schema=GATE_SCHEMA,
        gate_id=gate_id,
        suite=str(Path(suite.place).resolve()),
        suite_digest=suite_digest(suite),
        policy=policy,
        trials=trials,
        looks=looks,
        baseline=GateSide(
            run=f"runs/{gate_id}-baseline",
            confirm=f"runs/{gate_id}-baseline-confirm",
            definition=baseline.definition,
            stored=baseline.stored,
        ),
        candidate=GateSide(
            run=f"runs/{gate_id}-candidate", confirm=f"runs/{gate_id}-candidate-confirm", definition=candidate
        ),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=baseline.notes,
        allowances=allowances,
    )
    return GateStore.create(out or Path("gates") / gate_id, header)


def escalated(store: GateStore, gated: Gated) -> GateStore | None:
    """Begin, or take up again, the gate on the larger suite that the policy names; None where it need not decide."""
    header = store.header
    if gated.verdict.decision is not Decision.INCONCLUSIVE or header.policy.escalate is None:
        return None
    path = store.path.with_name(f"{store.path.name}-escalated")
    if is_gate(path):
        return GateStore(path)
    suite = load_suite(Path(header.suite).parent / header.policy.escalate)
    candidate, baseline = header.candidate.definition, header.baseline.definition
    if candidate is None or baseline is None:
        raise ConfigError(f"{store.path} cannot escalate to {suite.name}: its baseline cannot be run again")
    policy = msgspec.structs.replace(suite.policy or header.policy, stance=header.policy.stance)
    notes = (f"escalated from {header.gate_id}, which was inconclusive",)
    arms = Baseline(definition=baseline, notes=notes)
    return begin_gate(suite, candidate, arms, policy=policy, trials=suite.trials, out=path)


def carry_out(
    store: GateStore, suite: Suite, *, pace: Pace, stop: Stop, listener: Listener = lambda _: None
) -> Gated | None:
    """Go on with a gate until it is decided; None where a user ended it, and it can be taken up again."""
    began, header = time.monotonic(), store.header
    with ExitStack() as stack:
        stored = stored_outcomes(header.baseline.stored, suite) if header.baseline.stored else None
        workers = max(1, pace.workers // 2)
        baseline = GateArm(
            name="baseline", side=header.baseline, suite=suite, stored=stored, workers=workers, stack=stack
        )
        candidate = GateArm(
            name="candidate", side=header.candidate, suite=suite, stored=None, workers=workers, stack=stack
        )
        release = Release(
            store=store,
            procedure=_procedure(header, suite, baseline),
            baseline=baseline,
            candidate=candidate,
            pace=pace,
            stop=stop,
            listener=listener,
        )
        decided = release.decide()
    if decided is None or release.state is None:
        return None
    outcomes = [arm.outcomes(asked) for arm, asked in zip(release.arms, release.state.asked, strict=True)]
    comparison = _comparison(outcomes, decided, header, release.procedure.tasks)
    verdict = _verdict(comparison, decided, header.policy)
    store.write_verdict(comparison, document(comparison, verdict))
    return Gated(
        comparison=comparison,
        verdict=verdict,
        complete=decided.complete,
        base_trials=int(sum(each.tasks["measured"].sum() for each in outcomes)),
        fresh_trials=sum(each.baseline[1] * baseline.rerun + each.candidate[1] for each in decided.suspects),
        seconds=time.monotonic() - began,
        cost_usd=release.cost_usd,
    )


def _procedure(header: GateHeader, suite: Suite, baseline: GateArm) -> Procedure:
    tasks = comparable(suite, baseline.stored)
    return Procedure(
        policy=header.policy,
        tasks=tasks,
        eligible=eligible(header.policy, suite, tasks),
        trials=(baseline.offset or header.trials, header.trials),
        looks=header.looks,
        rerun=(baseline.rerun, True),
    )


def _comparison(outcomes: list[Outcomes], decided: Decided, header: GateHeader, tasks: tuple[str, ...]) -> Comparison:
    """Compare what was measured for the suite as a whole, and put the fresh trials of the suspects beside it."""
    baseline, candidate = outcomes
    fresh = {tasks[each.task]: (_counts(each.baseline), _counts(each.candidate)) for each in decided.suspects}
    comparison = with_confirmation(
        compare(baseline, candidate, header.policy, allowances=header.allowances),
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


def _verdict(comparison: Comparison, decided: Decided, policy: Policy) -> Verdict:
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
