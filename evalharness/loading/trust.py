"""Who may run what an agent left: only a workspace with walls, unless a suite says by name that this machine may."""

from collections.abc import Sequence

from evalharness.graders import Executing
from evalharness.loading.shape import Place
from evalharness.model import Extension, GraderUse, Task
from evalharness.registry import find
from evalharness.workspaces.local import LocalWorkspaces


def check_trust(tasks: Sequence[Task], workspace: Extension, place: Place) -> None:
    """Refuse graders that would run an agent's work on this machine, where nobody has decided that they may."""
    if find("workspace", workspace.use) is not LocalWorkspaces:
        return
    uses = {id(task.graders): task.graders for task in tasks}.values()
    for use in (use for graders in uses for use in graders):
        if _runs(use) and use.options.get("trust") != "local":
            trusting = (
                ", or, where the agent's work is to be trusted or is not run, `trust: local` in the grader's options"
                if hasattr(find("grader", use.use), "trust")
                else ""
            )
            raise place.fault(
                f"grader '{use.use}' would run what an agent left on this machine, unprotected: say `workspace: "
                f"{{use: sandbox}}` (or container) in the suite{trusting}"
            )


def _runs(use: GraderUse) -> bool:
    return issubclass(find("grader", use.use), Executing)
