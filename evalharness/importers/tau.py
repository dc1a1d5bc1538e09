"""The pieces of tau2-bench's files, and what the end of a simulation means."""

from typing import Any

import msgspec

from evalharness.importers.endings import Ending, unmeasured
from evalharness.importers.tau_bench import rewarded
from evalharness.model import Outcome

NOT_THE_AGENT = {"infrastructure_error", "unexpected_error", "user_error"}
THE_AGENT = {"agent_error", "too_many_errors", "max_steps", "timeout", "context_window_exceeded"}


class AgentInfo(msgspec.Struct):
    """Who acted."""

    implementation: str | None = None
    llm: str | None = None


class EnvironmentInfo(msgspec.Struct):
    """Where."""

    domain_name: str = ""


class Info(msgspec.Struct):
    """How a run was made."""

    git_commit: str | None = None
    num_trials: int = 1
    agent_info: AgentInfo = msgspec.field(default_factory=AgentInfo)
    environment_info: EnvironmentInfo = msgspec.field(default_factory=EnvironmentInfo)


class RewardInfo(msgspec.Struct):
    """What a simulation earned."""

    reward: float | None = None


class Simulation(msgspec.Struct):
    """One trial of one task."""

    task_id: str | int
    trial: int = 0
    termination_reason: str | None = None
    reward_info: RewardInfo | None = None
    agent_cost: float | None = None
    duration: float | None = None
    seed: int | None = None
    start_time: str | None = None


class Talk(Simulation):
    """One trial with what was said."""

    messages: list[Any] | None = None


def ending(simulation: Simulation) -> Ending:
    """Judge a simulation by how it ended, and by its reward."""
    ended = simulation.termination_reason or ""
    if ended in NOT_THE_AGENT:
        return unmeasured(ended)
    reward = simulation.reward_info.reward if simulation.reward_info else None
    if reward is not None:
        judged = rewarded(reward)
        return Ending(judged.outcome, judged.score, ended if ended in THE_AGENT else None)
    return Ending(Outcome.FAIL, 0.0, ended) if ended in THE_AGENT else unmeasured(ended)
