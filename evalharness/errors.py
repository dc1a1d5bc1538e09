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
└── Unbegun                    the host was gone before this one began
"""

import traceback
from typing import ClassVar

from evalharness.model import Usage

LOGS_LENGTH = 4000


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
    """The agent itself failed, and that counts against it; `cause` is short and stable (`exit:1`, `signal:11`).

    `logs` is what helps to find out why: a traceback.
    """

    def __init__(self, cause: str, detail: str = "", *, logs: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause
        self.detail = detail
        self.logs = logs

    @classmethod
    def of(cls, exc: BaseException) -> "AgentFault":
        """Take an exception that is the agent's own as its fault, with its traceback from the agent's code on."""
        trace = exc.__traceback__
        while trace and trace.tb_next and str(trace.tb_frame.f_globals.get("__name__")).startswith("evalharness."):
            trace = trace.tb_next
        try:
            said, logs = str(exc), "".join(traceback.format_exception(type(exc), exc, trace))[-LOGS_LENGTH:]
        except Exception:  # noqa: BLE001 - exceptions of others may be broken too
            said, logs = "(its message cannot be read)", ""
        return AgentFault(f"exception:{type(exc).__name__}", said, logs=logs)


class LimitReached(AgentFault):
    """The agent ran out of one of its limits: its cause is `limit:NAME`."""

    def __init__(self, limit: str, detail: str = "") -> None:
        super().__init__(f"limit:{limit}", detail)


class Displaced(Exception):
    """Another trial took this one's host down: it is owed again and has spent no attempt.

    Where it had `begun`, nobody knows what it had used by then.
    """

    begun = True


class Unbegun(Displaced):
    """The host was gone before it had been told of the trial, which so has used nothing."""

    begun = False
