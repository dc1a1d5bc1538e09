"""Agents: what is being measured.

An agent is a picklable bundle of options with one method. What it holds while a run lasts (connections, host
processes, a model server) belongs to the session that `open` gives, never to the options.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable

from evalharness.model import Task, Transcript
from evalharness.workspaces import Workspace


@runtime_checkable
class Agent(Protocol):
    """Anything that can be given a task; called from several threads at once.

    Raises `Unmeasured` for faults that are not its own and `LimitReached` when the task's limits are used up; every
    other exception counts against it.
    """

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:
        """Do the task once, in the workspace, with the seed of this trial."""
        ...


@runtime_checkable
class OpenableAgent(Protocol):
    """An agent that holds something while a run lasts."""

    def open(self, *, workers: int) -> AbstractContextManager[Agent]:
        """Give the session that `workers` threads share; leaving it lets go of everything."""
        ...


@runtime_checkable
class SelfTimed(Protocol):
    """An agent that ends its own trials at their limit, and may need this much longer to get going."""

    grace_seconds: float


@runtime_checkable
class Priced(Protocol):
    """An agent that knows what its models cost."""

    def prices(self) -> dict[str, dict[str, float]]:
        """Return the prices used, in dollars per token and kind of token, by model."""
        ...


def opened(agent: Agent | OpenableAgent, *, workers: int) -> AbstractContextManager[Agent]:
    """Open an agent for a run, whether or not it holds anything."""
    if isinstance(agent, OpenableAgent):
        return agent.open(workers=workers)
    return nullcontext(agent)
