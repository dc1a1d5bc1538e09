"""Headers of runs that nobody ran: what benchmarks of reading and comparing write records below."""

from collections.abc import Mapping

from evalharness.model import RUN_SCHEMA, AgentDefinition, AgentEntry, Origin, RunHeader, SuiteEntry, TaskEntry


def header(name: str, tags: Mapping[str, tuple[str, ...]], *, suite: str, trials: int, seed: int) -> RunHeader:
    """Describe a run of an agent of this name over tasks with these tags."""
    return RunHeader(
        schema=RUN_SCHEMA,
        run_id=name,
        suite=SuiteEntry(name=suite, version="1", digest="d" * 64, place=f"{suite}.yaml"),
        tasks={
            task_id: TaskEntry(task="t" * 64, graders="g" * 64, limits="l" * 64, tags=own)
            for task_id, own in tags.items()
        },
        agent=AgentEntry(
            name=name, version="1", fingerprint=name * 8, definition=AgentDefinition(name=name, use="scripted")
        ),
        trials=trials,
        seed=seed,
        started_at="2026-01-01T00:00:00+00:00",
        origin=Origin(harness="0", python="3", platform="any"),
    )
