"""What a reader should know of two arms before believing the numbers; each can be accepted by its kind."""

from collections.abc import Iterator

from evalharness.comparison.pairing import Accepted
from evalharness.model import Origin, Policy
from evalharness.outcomes import Outcomes
from evalharness.policy import weaknesses

NEAR = 0.1  # machines whose memory differs by less are alike


def concerns(
    baseline: Outcomes, candidate: Outcomes, policy: Policy, accepted: Accepted, *, undigested: int
) -> tuple[str, ...]:
    """Say what stands against comparing these arms and is no reason to refuse; what was accepted is said as such."""
    found = (*_agents(baseline, candidate), *_places(baseline, candidate), *_policy(baseline, policy))
    digests = f"{undigested} tasks have no digests: whether they or their graders changed cannot be told"
    imported = [
        f"{arm}: {said}"
        for arm, run in (("baseline", baseline), ("candidate", candidate))
        for said in run.header.options.get("faults", ())
    ]
    return (
        *(said for kind, said in found if kind not in accepted),
        *([digests] if undigested else []),
        *imported,
    )


def _agents(baseline: Outcomes, candidate: Outcomes) -> Iterator[tuple[str, str]]:
    base, cand = baseline.header, candidate.header
    if base.run_id != cand.run_id and base.agent.fingerprint and base.agent.fingerprint == cand.agent.fingerprint:
        yield "agent", "both arms have the same agent fingerprint: check that the change reached the agent"
    models = [set(arm.trials["model"].dropna().unique()) for arm in (baseline, candidate)]
    if all(models) and models[0] != models[1]:
        yield "model", f"other models answered: {', '.join(sorted(models[0]))} and {', '.join(sorted(models[1]))}"
    if base.suite.name != cand.suite.name:
        yield "suite", f"the arms ran different suites: {base.suite.name} and {cand.suite.name}"


def _places(baseline: Outcomes, candidate: Outcomes) -> Iterator[tuple[str, str]]:
    base, cand = baseline.header, candidate.header
    if base.seed == cand.seed and base.arm == cand.arm and base.run_id != cand.run_id:
        yield "seed", f"both arms share the seed {base.seed}: their trials are not independent"
    for arm, run in (("baseline", baseline), ("candidate", candidate)):
        if run.header.options.get("cache"):
            cached = int(run.trials["cached"].sum()) if "cached" in run.trials else 0
            yield (
                "cache",
                f"the {arm} ran with --cache: {cached} of its trials were answered from it, and are not fresh",
            )
    before, after = _machine(base.origin), _machine(cand.origin)
    if before and after and _apart(base.origin, cand.origin):
        yield "machine", f"the arms ran on different machines ({before} and {after}): time limits may bite differently"
    kept = [run.header.resources.enforced_by for run in (baseline, candidate) if run.header.resources]
    if len(set(kept)) > 1:
        yield "machine", f"resource limits are kept by other means ({' and '.join(kept)}): they may bite differently"


def _machine(origin: Origin) -> str:
    if origin.cpus is None or origin.memory_bytes is None:
        return ""
    return f"{origin.cpus} cpus with {origin.memory_bytes / 2**30:.0f} GiB"


def _apart(base: Origin, cand: Origin) -> bool:
    memory = (base.memory_bytes or 0, cand.memory_bytes or 0)
    return base.cpus != cand.cpus or abs(memory[0] - memory[1]) > NEAR * max(memory)


def _policy(baseline: Outcomes, policy: Policy) -> Iterator[tuple[str, str]]:
    declared = baseline.header.policy
    if declared is not None and (found := weaknesses(policy, declared)):
        yield "policy", f"this policy asks less than the baseline's: {'; '.join(found)}"
