"""How a run goes about its work, and how it is asked to end early."""

import msgspec

from evalharness.model import Extension
from evalharness.running.budget import Budget

THREADS = Extension(use="threads")


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How a run goes about its work; `attempts` is the most that a trial may use for errors.

    `executor` names what carries the trials out, with its options (`runs.Arm.executor` makes it).
    """

    workers: int = 4
    executor: Extension = THREADS
    attempts: int = 3
    budget: Budget = msgspec.field(default_factory=Budget)
    backoff_seconds: float = 1.0
    patience_seconds: float = 600.0


class Stop:
    """A request to end a run early: nothing new starts, and running trials finish unless they are abandoned."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.abandon = False

    def request(self, reason: str, *, abandon: bool = False) -> None:
        """Ask for the end; the first reason stands, and abandoning can be asked for later."""
        self.reason = self.reason or reason
        self.abandon = self.abandon or abandon
