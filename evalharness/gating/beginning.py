"""Making a gate directory: everything that it was asked, before anything runs."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from evalharness.comparison.holdout import RECORD, check_unspent
from evalharness.gate import check_policy
from evalharness.gating.baseline import Baseline
from evalharness.gating.store import GATE_SCHEMA, GateHeader, GateSide, GateStore
from evalharness.loading.digests import suite_digest
from evalharness.model import AgentDefinition, Allowance, Policy, Suite
from evalharness.runs import new_run_id

RUNS = Path("runs")
HELD_OUT = RUNS / RECORD


def begin_gate(  # noqa: PLR0913 - what a gate is asked, each once
    suite: Suite,
    candidate: AgentDefinition,
    baseline: Baseline,
    *,
    policy: Policy,
    trials: int,
    looks: tuple[int, ...] = (),
    seed: int | None = None,
    out: Path | None = None,
    allowances: tuple[Allowance, ...] = (),
) -> GateStore:
    """Make a gate directory; nothing has run yet. The seeds of its runs come from `seed`, by default a random one."""
    check_policy(policy)
    check_unspent(suite.name, policy, HELD_OUT)
    gate_id = new_run_id()
    header = GateHeader(
        schema=GATE_SCHEMA,
        gate_id=gate_id,
        suite=str(Path(suite.place).resolve()),
        suite_digest=suite_digest(suite),
        policy=policy,
        trials=trials,
        looks=looks,
        seed=secrets.randbits(63) if seed is None else seed,
        baseline=GateSide(
            run=f"{RUNS}/{gate_id}-baseline",
            confirm=f"{RUNS}/{gate_id}-baseline-confirm",
            definition=baseline.definition,
            stored=baseline.stored,
        ),
        candidate=GateSide(
            run=f"{RUNS}/{gate_id}-candidate", confirm=f"{RUNS}/{gate_id}-candidate-confirm", definition=candidate
        ),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=baseline.notes,
        allowances=allowances,
        drift=baseline.drift,
    )
    return GateStore.create(out or Path("gates") / gate_id, header)
