"""Graders: how an answer is judged.

A grader that cannot judge raises: `Unmeasured` where its own infrastructure failed (a judge's provider), anything
else where it is broken. Either way nothing was measured; a fault of a grader is never the agent's fail.
"""

from typing import Protocol, runtime_checkable

from evalharness.model import Grade, Task, Transcript
from evalharness.workspaces import Workspace


@runtime_checkable
class Grader(Protocol):
    """Judges one trial; called from several threads at once."""

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Judge what the agent did; the workspace is as the agent left it."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """A grader that looks before the first trial whether it will be able to judge; ConfigError where not."""

    def prepare(self) -> None:
        """See that nothing is missing here."""
        ...


class Executing:
    """Marks graders that run commands in the workspace, by which an agent's work may come to run.

    Their option `trust: local` is somebody's decision that this may happen on this machine, without walls.
    """


class Untrusted(PermissionError):
    """A grader was about to run commands where nothing holds them in, and nobody has decided that it may."""

    def __init__(self, grader: str) -> None:
        super().__init__(
            f"grader '{grader}' would run what the agent left on this machine, unprotected: use a workspace with walls "
            "(sandbox, container), or decide `trust: local`"
        )
