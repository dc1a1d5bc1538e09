"""Runs made of plain counts, for tests of what is computed from them."""

from evalharness.model import (
    RUN_SCHEMA,
    AgentDefinition,
    AgentEntry,
    Origin,
    RunHeader,
    SuiteEntry,
    TaskEntry,
)
from evalharness.outcomes import LineUsage, Outcomes, TrialLine, table

Counted = tuple[int, int, int]


def header(task_ids: list[str], *, fingerprint: str = "f", run_id: str = "r", seed: int = 1) -> RunHeader:
    """A header over these tasks; every task with the same digests."""
    return RunHeader(
        schema=RUN_SCHEMA,
        run_id=run_id,
        suite=SuiteEntry(name="suite", version="1", digest="d", place="suite.yaml"),
        tasks={each: TaskEntry(task="t", graders="g", limits="l", tags=("all",)) for each in task_ids},
        agent=AgentEntry(
            name="agent", version="1", fingerprint=fingerprint, definition=AgentDefinition(name="agent", use="scripted")
        ),
        trials=1,
        seed=seed,
        started_at="2026-01-01T00:00:00+00:00",
        origin=Origin(harness="0", python="3", platform="any"),
    )


def outcomes(
    counts: dict[str, Counted], *, fingerprint: str = "f", run_id: str = "r", seed: int = 1, place: str = "runs/x"
) -> Outcomes:
    """A run whose tasks passed, failed and errored this often."""
    lines = [
        TrialLine(
            task_id=task_id,
            trial=number,
            outcome=outcome,
            score={"pass": 1.0, "fail": 0.0}.get(outcome),
            cause="status:429" if outcome == "error" else None,
            usage=LineUsage(cost_usd=0.01, seconds=1.0, working_seconds=1.0),
        )
        for task_id, (passed, failed, errors) in counts.items()
        for number, outcome in enumerate(["pass"] * passed + ["fail"] * failed + ["error"] * errors, start=1)
    ]
    planned = {task_id: sum(each) for task_id, each in counts.items()}
    return table(place, header(list(counts), fingerprint=fingerprint, run_id=run_id, seed=seed), lines, planned)


def arms(baseline: dict[str, Counted], candidate: dict[str, Counted]) -> tuple[Outcomes, Outcomes]:
    """Two runs of different agents with different seeds."""
    return (
        outcomes(baseline, fingerprint="a", run_id="r1", seed=1, place="runs/a"),
        outcomes(candidate, fingerprint="b", run_id="r2", seed=2, place="runs/b"),
    )
