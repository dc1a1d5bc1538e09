"""Executors: where trials are carried out. Work can be added, throttled and cut while it goes on."""

from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from msgspec import Struct

from evalharness.model import Record, Trial, TrialKey


class Finished(Struct, frozen=True, kw_only=True):
    """What came of carrying out a trial.

    `record` is None when nothing can be said about the trial and no attempt was spent: it is owed again. `frame` is
    the compressed transcript; `artifacts` are the files to keep, by their path in the workspace. `retry_after` is
    the pause that a provider asked for, in seconds. `began` is when the trial was begun, on the monotonic clock of
    the process that leads the run; None where it was not, and has used nothing.
    """

    trial: Trial
    record: Record | None
    frame: bytes | None = None
    artifacts: dict[str, bytes] = {}
    retry_after: float | None = None
    began: float | None = None


class Watch(Protocol):
    """Lets whoever carries out a trial say when the agent is at work, so that it can be cut off."""

    def begin(self, seconds: float) -> None:
        """The agent starts; it may take this long."""
        ...

    def end(self) -> None:
        """The agent is back."""
        ...


class RunTrial(Protocol):
    """Carries out one trial, from fresh workspace to grades; never raises for what agents and graders do."""

    def __call__(self, trial: Trial, watch: Watch) -> Finished:
        """Carry out the trial in the calling thread."""
        ...


@runtime_checkable
class Job(Protocol):
    """What all trials of a run share; picklable, so that it can be opened on another machine."""

    def open(self, *, workers: int) -> AbstractContextManager[RunTrial]:
        """Make ready (agent, graders, connections) for `workers` threads."""
        ...


@runtime_checkable
class Sited(Protocol):
    """A job that starts from folders of this machine; elsewhere it needs them too."""

    @property
    def folders(self) -> tuple[str, ...]:
        """Name the folders, absolute."""
        ...


@runtime_checkable
class Executor(Protocol):
    """Carries out trials somewhere; used by one thread."""

    def open(self, job: Job, *, workers: int) -> None:
        """Start up to `workers` trials at once from now on."""
        ...

    def submit(self, trial: Trial) -> None:
        """Queue a trial."""
        ...

    def next(self, timeout: float) -> Finished | None:
        """Wait up to `timeout` seconds for a trial to finish; None when none did."""
        ...

    def cancel(self, key: TrialKey) -> bool:
        """Drop a trial that has not started; say whether it was dropped."""
        ...

    def close(self, *, abandon: bool = False) -> None:
        """Let running trials finish, or with `abandon` leave them; then let go of everything."""
        ...


@runtime_checkable
class Distant(Protocol):
    """An executor that opens jobs in other processes, which several runs may share: in turn, or side by side."""

    def ground(self, *, workers: int) -> AbstractContextManager[None]:
        """Start what is expensive once, and keep it meanwhile; `workers` are the most at once, of all runs together."""
        ...


@runtime_checkable
class Batching(Protocol):
    """An executor that carries out many trials at once, and wants more of them in hand than there are workers."""

    def in_hand(self) -> int:
        """Say how many trials it wants once it is open."""
        ...
