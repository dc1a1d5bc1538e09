"""What a run remembers of itself: its header and its plan."""

from typing import Any

from msgspec import Struct

from evalharness.model.resources import Resources
from evalharness.model.suite import AgentDefinition, Policy

RUN_SCHEMA = 1


class TaskEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run remembers of a task: digests of its content, graders and limits, and its tags."""

    task: str
    graders: str
    limits: str
    tags: tuple[str, ...] = ()


class SuiteEntry(Struct, frozen=True, kw_only=True):
    """What a run remembers of its suite."""

    name: str
    version: str
    digest: str
    place: str


class AgentEntry(Struct, frozen=True, kw_only=True):
    """What a run remembers of its agent; `definition` is enough to run it again."""

    name: str
    version: str
    fingerprint: str
    definition: AgentDefinition


class Origin(Struct, frozen=True, kw_only=True):
    """Where and with what a run was made."""

    harness: str
    python: str
    platform: str
    git_commit: str | None = None
    git_dirty: bool | None = None
    cpus: int | None = None
    memory_bytes: int | None = None


class RunHeader(Struct, frozen=True, kw_only=True):
    """The header of a run, written once; `schema` is the version of the format on disk."""

    schema: int
    run_id: str
    suite: SuiteEntry
    tasks: dict[str, TaskEntry]
    agent: AgentEntry
    trials: int
    seed: int
    started_at: str
    origin: Origin
    arm: str = ""
    role: str = "run"  # `confirm` for the fresh trials of a gate
    policy: Policy | None = None
    options: dict[str, Any] = {}
    prices: dict[str, dict[str, float]] = {}
    resources: Resources | None = None


class Planned(Struct, frozen=True, kw_only=True):
    """One line of a plan: trials `first` to `last` of these tasks are to be run."""

    task_ids: tuple[str, ...]
    first: int
    last: int
    reason: str = ""
