"""Agents of external suites: whatever an agent's options say is put into the suite's command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from msgspec import Struct

from evalharness.errors import ConfigError, Unmeasured
from evalharness.external.command import check_agent
from evalharness.external.job import ExternalJob
from evalharness.external.place import check_named, folder_of, program_missing
from evalharness.model import AgentDefinition, Suite, Task, Transcript
from evalharness.workspaces import Workspace


class ExternalAgent(Struct, frozen=True):
    """Options for the command of an external suite, of any names."""

    takes_any_option: ClassVar[bool] = True

    options: Mapping[str, Any] = {}

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:  # noqa: ARG002 - the contract
        """Refuse: only the command of a suite knows how to run this."""
        raise Unmeasured(
            "external:no_command", "an agent with `use: external` runs the tasks of an external suite only"
        )


def job_of(suite: Suite, definition: AgentDefinition) -> ExternalJob:
    """Return what the trials of an external suite share for one agent; whatever is missing is refused here."""
    external = suite.external
    if external is None:
        raise ValueError(f"{suite.place} is no external suite")
    check_agent(external, definition)
    folder = folder_of(suite, definition)
    check_named([*external.command[1:], *(task.id for task in suite.tasks)], Path(suite.place).resolve().parent, folder)
    if missing := program_missing(external, folder):
        raise ConfigError(f"{suite.place}: tasks.command: {missing}")
    return ExternalJob(
        external=external,
        folder=folder,
        options=definition.options,
        whole_seconds=sum(task.limits.seconds for task in suite.tasks),
    )
