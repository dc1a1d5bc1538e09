"""The error tree; every class carries the exit code that the command line ends with.

EvalHarnessError               2  anything a user can put right
├── ConfigError                2  a suite, agent, policy or option is wrong
├── BudgetEnded                3  money, tokens or minutes ran out with trials owed
├── HarnessFault               4  the harness or its infrastructure failed
│   ├── BreakerOpen            4  attempts keep failing for one cause
│   └── StorageFault           4  a run directory cannot be written or read
└── NotComparable              5  two runs do not answer the same question

Signals between an adapter and the runner, never shown as they are:

Unmeasured                     what happened was not the agent's doing
AgentFault                     the agent itself failed: a crash, a broken answer
└── LimitReached               the agent ran out of one of its limits
Displaced                      another trial took this one's host down: it is owed again
"""

from typing import ClassVar

from evalharness.model import Usage


class EvalHarnessError(Exception):
    """Something a user can put right; printed as one line that names place, fault and way out."""

    exit_code: ClassVar[int] = 2


class ConfigError(EvalHarnessError):
    """A suite, an agent, a policy or an option is wrong."""


class BudgetEnded(EvalHarnessError):
    """The money, tokens or minutes of a run are spent while trials are still owed."""

    exit_code: ClassVar[int] = 3


class HarnessFault(EvalHarnessError):
    """The harness or the infrastructure below it failed."""

    exit_code: ClassVar[int] = 4


class BreakerOpen(HarnessFault):
    """Attempts keep failing for one cause, so the run stopped submitting."""


class StorageFault(HarnessFault):
    """A run directory cannot be written or read."""


class NotComparable(EvalHarnessError):
    """Two runs do not answer the same question."""

    exit_code: ClassVar[int] = 5


class Unmeasured(Exception):
    """What happened was not the agent's doing: nothing was measured.

    `cause` is short and stable (`status:429`, `dns`, `docker`): runs are counted and retried by it. `retry_after` is
    the pause in seconds that the other side asked for; `usage` is what was spent all the same.
    """

    def __init__(
        self, cause: str, detail: str = "", *, retry_after: float | None = None, usage: Usage | None = None
    ) -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause
        self.detail = detail
        self.retry_after = retry_after
        self.usage = usage


class AgentFault(Exception):
    """The agent itself failed, and that counts against it; `cause` is short and stable (`exit:1`, `signal:11`)."""

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause
        self.detail = detail


class LimitReached(AgentFault):
    """The agent ran out of one of its limits: its cause is `limit:NAME`."""

    def __init__(self, limit: str, detail: str = "") -> None:
        super().__init__(f"limit:{limit}", detail)


class Displaced(Exception):
    """Another trial took this one's host down: it is owed again and has spent no attempt."""
