"""New entries on top of a chain: a candidate, an earlier version restored, the standing one measured again."""

from collections.abc import Sequence
from difflib import get_close_matches
from hashlib import sha256

from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.ledger.chain import SHOWN, Chain, Link
from evalharness.ledger.entry import LEDGER_SCHEMA, Entry, Evidence, Kind, MeasuredRun
from evalharness.model import Comparison, Stance, Verdict
from evalharness.text import well_formed

LONGEST_VERSION = 100
TIMES_THE_TRIALS = 2  # a baseline is measured with at least so many times the trials that earned the promotion


class Act(Struct, frozen=True, kw_only=True):
    """Who acts on a line, when, and why."""

    who: str
    when: str
    reason: str = ""


class Candidate(Struct, frozen=True, kw_only=True):
    """A version that asks to be promoted, and what the suites say of it."""

    version: str
    intent: str
    runs: tuple[MeasuredRun, ...]
    evidence: tuple[Evidence, ...]


def check_version(version: str) -> None:
    """Refuse a version that could not be told from another on a page."""
    if not version.isprintable() or not version.strip() == version != "" or len(version) > LONGEST_VERSION:
        raise ConfigError(
            f"version {version!r}: use up to {LONGEST_VERSION} printable characters, without outer spaces"
        )


def evidence(place: str, verdict: Verdict, comparison: Comparison, content: bytes, run: MeasuredRun) -> Evidence:
    """Take a verdict (`content` is its document, `place` its name) and the run it is about as evidence."""
    if verdict.stance is not Stance.CERTIFY:
        raise ConfigError(
            f"{place}: its policy's stance is {verdict.stance}, and only certify promotes: judge it again under one "
            "that does, such as `--policy release`"
        )
    if (comparison.candidate.run_id, comparison.candidate.fingerprint) != (
        run.ref.run_id,
        run.header.agent.fingerprint,
    ):
        raise ConfigError(f"{place} is about run {comparison.candidate.run_id}, not {run.ref.run_id}")
    return Evidence(
        run=run.ref,
        verdict=sha256(content).hexdigest(),
        decision=verdict.decision,
        checks=verdict.checks,
        false_block=verdict.policy.false_block,
        baseline_run=comparison.baseline.run_id,
        baseline_fingerprint=comparison.baseline.fingerprint,
    )


def check_candidate(candidate: Candidate) -> None:
    """Refuse evidence that is not about one agent, or twice about one suite."""
    check_version(candidate.version)
    prints = sorted({run.header.agent.fingerprint for run in candidate.runs})
    if len(prints) > 1:
        raise ConfigError(
            f"the runs are of different agents: fingerprints {', '.join(each[:SHOWN] for each in prints)}"
        )
    suites = [run.ref.suite for run in candidate.runs]
    twice = next((suite for suite in suites if suites.count(suite) > 1), None)
    if twice:
        raise ConfigError(
            f"two verdicts are about the suite '{twice}': name one, for choosing among several is no evidence"
        )


def promotion(chain: Chain, candidate: Candidate, act: Act, *, override: bool) -> Entry:
    """Record a candidate: promoted when its verdicts say so, or overridden, and otherwise as refused.

    A promotion must have been judged against the version that stands, on another run than the one that earned its
    place; an override goes past that too.
    """
    header = candidate.runs[0].header
    entry = Entry(
        schema=LEDGER_SCHEMA,
        kind=Kind.PROMOTION,
        line=chain.name,
        parent=chain.head,
        version=candidate.version,
        agent=well_formed(header.agent.name),
        fingerprint=header.agent.fingerprint,
        commit=header.origin.git_commit,
        evidence=candidate.evidence,
        intent=well_formed(candidate.intent),
        override=well_formed(act.reason) if override else "",
        who=well_formed(act.who),
        when=act.when,
    )
    if entry.promoted and not override:
        for each in entry.evidence:
            _check_baseline_of(chain, each)
    return entry


def refusal_of(chain: Chain, candidate: Candidate) -> Link | None:
    """Return the entry that has refused a candidate on this very evidence before."""
    verdicts = {each.verdict for each in candidate.evidence}
    return next(
        (
            link
            for link in chain.links
            if link.entry.kind is Kind.PROMOTION
            and not link.entry.promoted
            and {each.verdict for each in link.entry.evidence} == verdicts
        ),
        None,
    )


def rollback(chain: Chain, version: str, act: Act) -> Entry:
    """Make an earlier promoted version stand again."""
    target, standing = chain.promotion(version), chain.standing
    if target is None:
        promoted = [link.entry.version for link in chain.links if link.entry.promoted]
        near = get_close_matches(version, promoted, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"promoted were {', '.join(promoted) or 'none'}"
        raise ConfigError(f"line {chain.name}: no promotion of version {version!r} ({hint})")
    if standing == target:
        raise ConfigError(f"line {chain.name}: {version} stands already")
    return _standing_entry(chain, target, Kind.ROLLBACK, act, restores=target.digest)


def measured_again(chain: Chain, runs: Sequence[MeasuredRun], act: Act) -> Entry:
    """Take fresh runs of the standing version as its baseline."""
    standing = chain.standing
    if standing is None:
        raise ConfigError(f"line {chain.name} has no promoted version to measure again")
    for run in runs:
        fault = _unfit(chain, standing, run)
        if fault:
            raise ConfigError(f"line {chain.name}: run {run.ref.run_id} {fault}")
    return _standing_entry(chain, standing, Kind.BASELINE, act, runs=runs)


def _standing_entry(
    chain: Chain, version: Link, kind: Kind, act: Act, *, restores: str = "", runs: Sequence[MeasuredRun] = ()
) -> Entry:
    return Entry(
        schema=LEDGER_SCHEMA,
        kind=kind,
        line=chain.name,
        parent=chain.head,
        version=version.entry.version,
        agent=version.entry.agent,
        fingerprint=version.entry.fingerprint,
        commit=version.entry.commit,
        measured=tuple(run.ref for run in runs),
        restores=restores,
        reason=well_formed(act.reason),
        who=well_formed(act.who),
        when=act.when,
    )


def _check_baseline_of(chain: Chain, judged: Evidence) -> None:
    standing = chain.standing
    if standing is None:
        return
    version, past = standing.entry.version, "or `--override --reason TEXT`"
    if judged.baseline_fingerprint != standing.entry.fingerprint:
        raise ConfigError(
            f"line {chain.name}: forks: {judged.run.suite} was judged against agent "
            f"{judged.baseline_fingerprint[:SHOWN] or 'unknown'}, but {version} ({standing.entry.fingerprint[:SHOWN]}) "
            f"stands: gate it against line:{chain.name}, {past}"
        )
    if judged.baseline_run in chain.earned_by:
        raise ConfigError(
            f"line {chain.name}: the baseline is run {judged.baseline_run}, which earned {version} its promotion "
            f"and so flatters it: measure {version} again (`evalh line baseline {chain.name} --run RUN`) and judge "
            f"against that, {past}"
        )


def _unfit(chain: Chain, standing: Link, run: MeasuredRun) -> str:
    """Say why a run may not serve as baseline, or nothing."""
    earned = [each.trials for each in standing.entry.runs if each.suite == run.ref.suite]
    needed = TIMES_THE_TRIALS * max(earned, default=0)
    fingerprint = run.header.agent.fingerprint
    if run.ref.run_id in chain.earned_by:
        return f"earned {standing.entry.version} its promotion and so flatters it: measure the version again"
    if fingerprint != standing.entry.fingerprint:
        return (
            f"is of agent {fingerprint[:SHOWN]}, but {standing.entry.version} "
            f"({standing.entry.fingerprint[:SHOWN]}) stands"
        )
    if run.header.role != "run":
        return f"is a gate's own ({run.header.role}): measure the version in a run of its own"
    if run.ref.owed or not run.whole_suite:
        return (
            f"is not the whole suite: {run.ref.owed} trials are owed, {run.ref.tasks} of {len(run.header.tasks)} tasks"
        )
    if run.ref.trials < needed:
        return (
            f"has {run.ref.trials} measured trials on some task: at least {needed} are needed, twice what promoted it"
        )
    return ""
