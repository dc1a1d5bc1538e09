"""Gates: begin one, take it up again, and turn what it decided into a comparison and a verdict."""

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from evalharness.comparison.holdout import read_holdout
from evalharness.errors import ConfigError
from evalharness.gate import DEFAULT_PRESET
from evalharness.gating.arm import GateArm
from evalharness.gating.arms import Fresh, GateArms
from evalharness.gating.baseline import Baseline, not_drifted, resolve, suite_of
from evalharness.gating.beginning import HELD_OUT, begin_gate
from evalharness.gating.store import GateHeader, GateStore, is_gate
from evalharness.gating.tasks import comparable, eligible, held_out
from evalharness.gating.verdict import judged, suspected_fixes
from evalharness.ledger.named import outcomes_of
from evalharness.loading.definition import load_agent
from evalharness.model import (
    Allowance,
    Comparison,
    Decision,
    Suite,
    Verdict,
)
from evalharness.policy import load_policy
from evalharness.procedure import Decided, Procedure, early_looks
from evalharness.release import Release
from evalharness.report.document import document
from evalharness.runner import Listener, Pace, Stop
from evalharness.running.planning import run_seed
from evalharness.runs import executor_of, shared
from evalharness.store import is_run
from evalharness.suite import load_suite

ESCALATED = "-escalated"


class Gated(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate decided, and on what; `complete` is False where its time or money ended first.

    `unpriced` names the arms that ran and of which no trial has said what it cost.
    """

    comparison: Comparison
    verdict: Verdict
    complete: bool
    base_trials: int
    fresh_trials: int
    seconds: float
    cost_usd: float
    unpriced: tuple[str, ...] = ()


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be gated, as names; `policy` and `stance` replace what the suite says."""

    suite: str
    candidate: str
    baseline: str
    trials: int | None = None
    policy: str | None = None
    stance: Literal["guard", "certify", "report"] | None = None
    seed: int | None = None
    out: Path | None = None
    allowances: tuple[Allowance, ...] = ()


def ask(question: Question, *, pace: Pace, stop: Stop) -> GateStore:
    """Find suite, policy and both arms, and make the gate directory.

    Suite and policy come from the baseline's revision where it has one. A stored baseline is reused when it is fit and
    its agent has not drifted.
    """
    candidate = load_agent(question.candidate)
    suite, edits = suite_of(question.baseline, load_suite(question.suite))
    executor_of(suite, pace.executor)  # refused here, before anything is made
    policy = load_policy(question.policy) if question.policy else suite.policy or load_policy(DEFAULT_PRESET)
    if question.stance:
        policy = msgspec.structs.replace(policy, stance=question.stance)
    found = resolve(question.baseline, suite, max_age_days=policy.baseline_max_age)
    baseline = not_drifted(found, suite, pace=pace, stop=stop)
    baseline = msgspec.structs.replace(baseline, notes=(*edits, *baseline.notes))
    trials = question.trials or suite.trials
    return begin_gate(
        suite,
        candidate,
        baseline,
        policy=policy,
        trials=trials,
        looks=early_looks(trials),
        seed=question.seed,
        out=question.out,
        allowances=question.allowances,
    )


def escalated(store: GateStore, gated: Gated) -> GateStore | None:
    """Begin, or take up again, the gate on the larger suite that the policy names; None where it need not decide."""
    header = store.header
    if gated.verdict.decision is not Decision.INCONCLUSIVE or header.policy.escalate is None:
        return None
    path = store.path.with_name(store.path.name + ESCALATED)
    if is_gate(path):
        return GateStore(path)
    suite = load_suite(Path(header.suite).parent / header.policy.escalate)
    if str(Path(suite.place).resolve()) in _asked_before(store):
        return None
    candidate, baseline = header.candidate.definition, header.baseline.definition
    if candidate is None or baseline is None:
        raise ConfigError(f"{store.path} cannot escalate to {suite.name}: its baseline cannot be run again")
    policy = suite.policy or msgspec.structs.replace(header.policy, escalate=None)
    policy = msgspec.structs.replace(policy, stance=header.policy.stance)
    notes = (f"escalated from {header.gate_id}, which was inconclusive",)
    arms = Baseline(definition=baseline, notes=notes)
    seed = None if header.seed is None else run_seed(header.seed, "escalated")
    return begin_gate(suite, candidate, arms, policy=policy, trials=suite.trials, seed=seed, out=path)


def _asked_before(store: GateStore) -> set[str]:
    """Name the suites of this gate and of those that it was escalated from: none of them is asked twice."""
    asked, path = {store.header.suite}, store.path
    while path.name.endswith(ESCALATED):
        path = path.with_name(path.name.removesuffix(ESCALATED))
        asked.add(GateStore(path).header.suite)
    return asked


def carry_out(
    store: GateStore, suite: Suite, *, pace: Pace, stop: Stop, listener: Listener = lambda _: None
) -> Gated | None:
    """Go on with a gate until it is decided; None where a user ended it, and it can be taken up again.

    Held-out tasks come last, and only where the rest does not block: else their reading would be spent for nothing.
    """
    began, header = time.monotonic(), store.header
    aside = held_out(header.policy, suite)
    with ExitStack() as stack:
        stack.enter_context(shared(suite, pace))
        baseline, candidate = _arms(header, suite, aside, pace=pace, stack=stack)
        arms = GateArms(baseline=baseline, candidate=candidate, pace=pace, stop=stop, listener=listener)
        if header.drift and not any(is_run(Path(each.side.run)) for each in arms.both):  # else the budget is a new one
            arms.began, arms.cost_usd = arms.began - header.drift.seconds, header.drift.cost_usd
        release = Release(store=store, procedure=_procedure(header, suite, baseline), arms=arms)
        with arms.timed():
            decided = release.decide()
            ended = _ended(release, decided, aside) if decided else None
    if decided is None or ended is None:
        return None
    store.write_verdict(ended.comparison, document(ended.comparison, ended.verdict))
    retried = sum(base[1] + cand[1] for base, cand in ended.fixes.values())
    suspected = sum(each.baseline[1] * baseline.rerun + each.candidate[1] for each in decided.suspects)
    return Gated(
        comparison=ended.comparison,
        verdict=ended.verdict,
        complete=decided.complete and not arms.cut,
        base_trials=ended.base_trials,
        fresh_trials=suspected + retried,
        seconds=time.monotonic() - began,
        cost_usd=arms.cost_usd,
        unpriced=tuple(each.name for each in arms.both if each.rerun and each.dearest.cost_usd is None),
    )


class _Ended(msgspec.Struct, frozen=True):
    comparison: Comparison
    verdict: Verdict
    base_trials: int
    fixes: dict[str, Fresh]


def _ended(release: Release, decided: Decided, aside: tuple[str, ...]) -> _Ended | None:
    """Run what looks fixed where a rule counts it, then the held-out tasks, and judge; None where a user ended it.

    A candidate that is blocked, or whose time ended before, spends no reading; nor do tasks that were not asked.
    """
    so_far = partial(judged, release.outcomes, decided, release.store.header, release.procedure.tasks)
    comparison, verdict = so_far()
    fixes = release.retry(suspected_fixes(comparison, verdict.policy))
    if fixes is None:
        return None
    comparison, verdict = so_far(fixes=fixes, cut=release.arms.cut)
    if aside and verdict.decision is not Decision.BLOCK and (decided.complete or release.answered(aside)):
        if not release.hold_out(aside):
            return None
        read = release.answered(aside)
        holdout = read_holdout(*release.outcomes(), verdict.policy, HELD_OUT) if read else None
        comparison, verdict = so_far(fixes=fixes, holdout=holdout, cut=release.arms.cut)
    base_trials = sum(int(each.tasks["measured"].sum()) for each in release.outcomes())
    return _Ended(comparison, verdict, base_trials, fixes)


def _arms(header: GateHeader, suite: Suite, aside: tuple[str, ...], *, pace: Pace, stack: ExitStack) -> list[GateArm]:
    stored = outcomes_of(header.baseline.stored, suite.name).outcomes if header.baseline.stored else None
    return [
        GateArm(
            name=name,
            side=side,
            suite=suite,
            stored=found,
            workers=max(1, pace.workers // 2),
            stack=stack,
            executor=pace.executor,
            seed=header.seed,
            held_out=frozenset(aside),
            sampled=(header.drift.run,) if header.drift and side is header.baseline else (),
        )
        for name, side, found in (("baseline", header.baseline, stored), ("candidate", header.candidate, None))
    ]


def _procedure(header: GateHeader, suite: Suite, baseline: GateArm) -> Procedure:
    tasks = comparable(header.policy, suite, baseline.stored)
    return Procedure(
        policy=header.policy,
        tasks=tasks,
        eligible=eligible(header.policy, suite, tasks),
        trials=(baseline.offset or header.trials, header.trials),
        looks=header.looks,
        rerun=(baseline.rerun, True),
    )
