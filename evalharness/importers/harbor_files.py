"""The pieces of harbor's results."""

from pathlib import PurePath
from typing import Any

import msgspec

from evalharness.model import Usage, total


class ModelInfo(msgspec.Struct):
    """Which model."""

    name: str | None = None
    provider: str | None = None


class AgentInfo(msgspec.Struct):
    """Who acted."""

    name: str = "unknown"
    version: str | None = None
    model_info: ModelInfo | None = None


class AgentResult(msgspec.Struct):
    """What the agent used; input tokens include cached ones."""

    n_input_tokens: int | None = None
    n_cache_tokens: int | None = None
    n_output_tokens: int | None = None
    cost_usd: float | None = None


class Verified(msgspec.Struct):
    """What the verifier gave."""

    rewards: dict[str, Any] | None = None


class ExceptionInfo(msgspec.Struct):
    """What went wrong."""

    exception_type: str = ""
    exception_message: str = ""


class Step(msgspec.Struct):
    """One step of a trial that has several."""

    agent_result: AgentResult | None = None
    exception_info: ExceptionInfo | None = None


class TaskId(msgspec.Struct):
    """Where a task comes from: a folder, also in a repository, or a package."""

    path: str | None = None
    org: str | None = None
    name: str | None = None


class Trial(msgspec.Struct):
    """The result of one trial."""

    task_name: str
    trial_name: str = ""
    task_id: TaskId | None = None
    source: str | None = None
    agent_info: AgentInfo = msgspec.field(default_factory=AgentInfo)
    agent_result: AgentResult | None = None
    verifier_result: Verified | None = None
    exception_info: ExceptionInfo | None = None
    started_at: str | None = None
    finished_at: str | None = None
    step_results: list[Step] | None = None

    @property
    def asked_name(self) -> str:
        """Return what `--include-task-name` calls the task: its folder or its package, never a name of its own."""
        of = self.task_id or TaskId()
        if of.org and of.name:
            return f"{of.org}/{of.name}"
        return PurePath(of.path).name if of.path else self.task_name

    @property
    def exceptions(self) -> list[ExceptionInfo]:
        """Return what went wrong: in the trial, then in its steps."""
        found = [self.exception_info, *(step.exception_info for step in self.step_results or ())]
        return [each for each in found if each]

    @property
    def used(self) -> Usage:
        """Return what the agent used: as a whole, or in its steps."""
        steps = [step.agent_result for step in self.step_results or ()]
        found = [each for each in ([self.agent_result] if self.agent_result else steps) if each]
        return total(
            Usage(
                input_tokens=each.n_input_tokens,
                output_tokens=each.n_output_tokens,
                cached_tokens=each.n_cache_tokens,
                cost_usd=each.cost_usd,
            )
            for each in found
        )

    @property
    def run(self) -> str:
        """Name the agent, and the model where it has one."""
        return f"{self.agent_info.name}/{self.model}" if self.model else self.agent_info.name

    @property
    def model(self) -> str | None:
        """Return the name of the model."""
        return self.agent_info.model_info.name if self.agent_info.model_info else None


class Group(msgspec.Struct):
    """What a job says of an agent on a dataset: for each reward and value, which trials earned it."""

    reward_stats: dict[str, dict[str, list[str]]] = {}


class Stats(msgspec.Struct):
    """The job's own summary."""

    evals: dict[str, Group] = {}


class Job(msgspec.Struct):
    """The result of a whole job."""

    stats: Stats = msgspec.field(default_factory=Stats)
    n_total_trials: int | None = None
    started_at: str | None = None
    updated_at: str | None = None
    finished_at: str | None = None
    trial_results: list[Trial] = []

    @property
    def ended_early(self) -> bool:
        """Whether harbor kept the job's result up to date, but never came to its end."""
        return self.updated_at is not None and self.finished_at is None
