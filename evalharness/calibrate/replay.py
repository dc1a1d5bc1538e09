"""What a gate would have said of past releases, each against the last one that it let through."""

from collections.abc import Iterable

import numpy as np

from evalharness.comparison.pairing import pair
from evalharness.errors import NotComparable
from evalharness.model import Decision, Policy
from evalharness.model.calibration import Past
from evalharness.outcomes import Outcomes
from evalharness.procedure import Procedure, tally


def replay(runs: Iterable[Outcomes], policy: Policy) -> tuple[Past, ...]:
    """Gate runs in order of time; one that is blocked, or cannot be compared, is nobody's baseline."""
    said: list[Past] = []
    baseline: Outcomes | None = None
    for run in sorted(runs, key=lambda each: (each.header.started_at, each.header.run_id)):
        if baseline is not None:
            said.append(_gated(baseline, run, policy))
        if baseline is None or said[-1].decision is not Decision.BLOCK:
            baseline = run
    return tuple(said)


def _gated(baseline: Outcomes, candidate: Outcomes, policy: Policy) -> Past:
    before, after = baseline.place, candidate.place
    try:
        ids = tuple(pair(baseline, candidate).task_ids)
    except NotComparable as exc:
        return Past(baseline=before, candidate=after, decision=None, because=str(exc))
    arms = [run.tasks.loc[list(ids)] for run in (baseline, candidate)]
    columns = [arm[name].to_numpy(dtype=np.int64) for arm in arms for name in ("passed", "measured")]
    base, cand = (max(1, int(arm["planned"].max())) for arm in arms)
    procedure = Procedure(policy=policy, tasks=ids, trials=(base, cand), rerun=(False, False))
    decided = procedure.conclude(procedure.start(tally(*columns), asked=(base, cand)))
    findings = [each for each in decided.findings if each.decision is decided.decision]
    return Past(
        baseline=before,
        candidate=after,
        decision=decided.decision,
        because="; ".join(finding.because for finding in findings),
        suspects=tuple(ids[suspect.task] for suspect in decided.suspects),
    )
