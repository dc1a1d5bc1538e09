"""One worker of a cluster as the process that leads the run sees it, and what is said of a trial that ends workers."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from evalharness.executors.ray_cluster import Actor, Ref
from evalharness.executors.ray_folders import Folders
from evalharness.executors.ray_worker import Setting
from evalharness.model import Outcome, Record, Trial

DEATHS = 2  # workers that a trial may take down until that counts as the agent's doing


@dataclass(eq=False)
class Slot:
    """A worker, and the trials it has been handed: the first one runs, a second one waits for it."""

    node: str
    actor: Actor
    folders: Folders
    open: bool = False
    ready: Ref = None
    trials: deque[tuple[Ref, Trial]] = field(default_factory=deque)
    _brought: set[str] = field(default_factory=set)

    def prepare(self, setting: Setting, roots: Iterable[str]) -> None:
        """Have it make ready."""
        self._bring(roots)
        self.ready = self.actor.open.remote(setting)

    def hand(self, trial: Trial) -> None:
        """Hand it a trial, and the folders that the trial needs."""
        roots = self.folders.of_trial(trial)
        self._bring(roots)
        packed = self.folders.packed(trial, self._brought if roots else ())
        self.trials.append((self.actor.run.remote(packed), trial))

    def _bring(self, roots: Iterable[str]) -> None:
        for root in roots:
            if root not in self._brought:
                self.actor.bring.remote(root, self.folders.parcel(root))
                self._brought.add(root)


def downed(trial: Trial) -> Record:
    """Say of a trial that its workers died of it."""
    return Record(
        task_id=trial.task.id,
        trial=trial.number,
        attempt=trial.attempt,
        outcome=Outcome.FAIL,
        score=0.0,
        cause="worker:died",
        detail=f"its worker's process died {DEATHS} times, each time with nothing but this trial in it",
        seed=trial.seed,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
