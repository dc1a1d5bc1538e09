"""Beginning and resuming runs: from a suite and an agent to a run directory, and back."""

import os
import platform
import secrets
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import evalharness
from evalharness.agents import Agent, OpenableAgent, Priced
from evalharness.errors import ConfigError
from evalharness.executors import Distant, Executor
from evalharness.external.agent import ExternalAgent, job_of
from evalharness.external.executor import ExternalExecutor
from evalharness.external.job import ExternalJob
from evalharness.external.suite import USE as EXTERNAL
from evalharness.gate import check_policy
from evalharness.loading.checkout import git_state
from evalharness.loading.definition import build_agent, fingerprint
from evalharness.loading.digests import entries, suite_digest
from evalharness.model import (
    RUN_SCHEMA,
    AgentDefinition,
    AgentEntry,
    Extension,
    Origin,
    Planned,
    RunHeader,
    Suite,
    SuiteEntry,
    Task,
    TaskEntry,
)
from evalharness.redact import with_secrets
from evalharness.registry import build
from evalharness.runner import THREADS, Pace
from evalharness.running.headroom import resources_of
from evalharness.running.planning import Attempt, Owed
from evalharness.running.trial import TrialJob
from evalharness.store import RunStore


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison while it runs: its directory, its tasks and its agent."""

    store: RunStore
    suite: Suite
    definition: AgentDefinition
    agent: Agent | OpenableAgent

    def owed(self) -> Owed:
        """Return the trials that are planned and not measured."""
        header, tasks = self.store.header, {task.id: task for task in self.suite.tasks}
        attempts = self.store.lines(Attempt)
        return Owed(self.store.planned(), attempts, tasks, run_seed=header.seed, arm=header.arm)

    def job(self) -> TrialJob | ExternalJob:
        """Return what its trials share."""
        if self.suite.external:
            return job_of(self.suite, self.definition)
        return TrialJob.of(self.suite, self.agent, self.definition.unmeasured, cache=self._cache())

    def _cache(self) -> Path | None:
        """Return the folder of answers that the run may use again; what a gate runs is always asked afresh."""
        folder = self.store.header.options.get("cache")
        return Path(folder) if folder and self.store.header.role == "run" else None

    def executor(self, asked: Extension = THREADS) -> Executor:
        """Return what carries its trials out: an executor by name, or calls of the command that the suite names."""
        return executor_of(self.suite, asked)


def executor_of(suite: Suite, asked: Extension) -> Executor:
    """Return what carries a suite's trials out; an external suite has its own way, and takes no other."""
    if suite.external is None:
        return build("executor", asked)
    if asked != THREADS:
        raise ConfigError(f"{suite.place}: its tasks run through its own command: leave --executor {asked.use} out")
    return ExternalExecutor()


def shared(suite: Suite, pace: Pace) -> AbstractContextManager[None]:
    """Keep what several runs of a suite may share: a cluster starts once, however many stages there are."""
    executor = executor_of(suite, pace.executor)
    return executor.ground(workers=pace.workers) if isinstance(executor, Distant) else nullcontext()


def new_run_id(now: datetime | None = None) -> str:
    """Name a run so that names sort by time."""
    return f"{now or datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def begin(  # noqa: PLR0913 - a run's parts, each given once
    suite: Suite,
    definition: AgentDefinition,
    *,
    out: Path | None = None,
    trials: int | None = None,
    tasks: Sequence[Task] | None = None,
    planned: Sequence[Planned] = (),
    seed: int | None = None,
    arm: str = "",
    role: str = "run",
    options: dict[str, object] | None = None,
) -> Arm:
    """Make a run directory and plan `trials` of each of `tasks` (by default as the suite says, of all).

    `planned` is what is to be run where that is something else, such as the part of one shard.
    """
    chosen = suite.tasks if tasks is None else tasks
    if suite.policy:
        check_policy(suite.policy)
    count, agent = suite.trials if trials is None else trials, _agent(suite, definition)
    described = _header(suite, definition, agent, trials=count, seed=secrets.randbits(63) if seed is None else seed)
    header = msgspec.structs.replace(described, arm=arm, role=role, options=options or {})
    lines = planned or (Planned(task_ids=tuple(task.id for task in chosen), first=1, last=count),)
    store = RunStore.create(out or Path("runs") / header.run_id, header, *lines)
    return Arm(store=store, suite=suite, definition=definition, agent=agent)


def _header(
    suite: Suite, definition: AgentDefinition, agent: Agent | OpenableAgent, *, trials: int, seed: int
) -> RunHeader:
    """Describe a run that begins here and now."""
    known = entries(suite)
    return RunHeader(
        schema=RUN_SCHEMA,
        run_id=new_run_id(),
        suite=suite_entry(suite, known),
        tasks=known,
        agent=AgentEntry(
            name=definition.name,
            version=definition.version,
            fingerprint=fingerprint(definition),
            definition=definition,
        ),
        trials=trials,
        seed=seed,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        origin=origin(),
        policy=suite.policy,
        prices=agent.prices() if isinstance(agent, Priced) else {},
        resources=resources_of(suite.workspace),
    )


def _agent(suite: Suite, definition: AgentDefinition) -> Agent | OpenableAgent:
    """Make the agent; that of an external suite is what its options put into the suite's command."""
    if suite.external:
        job_of(suite, definition)  # refuses what could not run
        return ExternalAgent(definition.options)
    if definition.use == EXTERNAL:
        raise ConfigError(f"agent '{definition.name}' has `use: external`, but {suite.place} has no command of its own")
    return build_agent(definition)


def suite_entry(suite: Suite, known: dict[str, TaskEntry]) -> SuiteEntry:
    """Return what a run remembers of its suite; `known` are the suite's task entries."""
    place = str(Path(suite.place).resolve())
    return SuiteEntry(name=suite.name, version=suite.version, digest=suite_digest(suite, known), place=place)


def resume(store: RunStore, suite: Suite, definition: AgentDefinition) -> Arm:
    """Take a run up again; refused when a task or the agent has changed since."""
    header = store.header
    definition = msgspec.convert(with_secrets(msgspec.to_builtins(definition), os.environ), AgentDefinition)
    now = fingerprint(definition)
    if now != header.agent.fingerprint:
        raise ConfigError(
            f"{store.path}: agent '{definition.name}' has changed since the run began (fingerprint "
            f"{header.agent.fingerprint[:12]} then, {now[:12]} now): start a new run"
        )
    _unchanged(store, entries(suite))
    return Arm(store=store, suite=suite, definition=definition, agent=_agent(suite, definition))


def _unchanged(store: RunStore, tasks: dict[str, TaskEntry]) -> None:
    """Refuse a suite whose planned tasks, graders or limits are not those of the run."""
    for task_id in {each for planned in store.planned() for each in planned.task_ids}:
        then, now = store.header.tasks[task_id], tasks.get(task_id)
        if now is None:
            raise ConfigError(f"{store.path}: task '{task_id}' is no longer in the suite: start a new run")
        for part in ("task", "graders", "limits"):
            was, has = getattr(then, part), getattr(now, part)
            if was != has:
                raise ConfigError(
                    f"{store.path}: task '{task_id}' has changed since the run began ({part} digest {was[:12]} then, "
                    f"{has[:12]} now): start a new run"
                )


def origin() -> Origin:
    """Describe the place and the tools of a run that begins here and now."""
    commit, dirty = git_state(Path.cwd())
    return Origin(
        harness=evalharness.__version__,
        python=platform.python_version(),
        platform=f"{sys.platform}-{platform.machine()}",
        git_commit=commit,
        git_dirty=dirty,
        cpus=os.cpu_count(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )
