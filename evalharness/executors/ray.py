"""A Ray cluster, or a local one of our own: workers on its nodes, records written by the process that leads the run.

Each worker is an actor that has opened the job and carries out one trial at a time. A node that is lost takes its
workers along: their trials are owed again, and the workers come back as soon as a node has room for them.
"""

import os
import pickle
import time
from collections import Counter, OrderedDict, deque
from contextlib import AbstractContextManager
from dataclasses import dataclass

import evalharness
from evalharness.errors import ConfigError, HarnessFault
from evalharness.executors import Finished, Job
from evalharness.executors.ray_cluster import Cluster, Lost, shared
from evalharness.executors.ray_folders import Folders
from evalharness.executors.ray_slot import DEATHS, Slot, downed
from evalharness.executors.ray_worker import Reply, Setting
from evalharness.model import Trial, TrialKey

TEND_SECONDS = 1.0
WAIT_SECONDS = 0.2
START_SECONDS = 120.0
CLOSE_SECONDS = 20.0
SHORT_SECONDS = 1.0  # trials shorter than this are handed to a worker while it still has another
UNREADY = "its workers die while they start: install the same evalharness, with its dependencies, on every node"


@dataclass
class RayExecutor:
    """Carries trials out on the nodes of a Ray cluster.

    Without `address` a cluster is started on this machine and ended with the run. At most `per_node` workers go on one
    node. Workers are told the variables named by `env` unless their node has them. The folders of agent and graders
    are sent to the workers of a cluster; `shared` says that its nodes see them anyway.
    """

    address: str | None = None
    per_node: int | None = None
    env: tuple[str, ...] = ()
    shared: bool = False

    def __post_init__(self) -> None:
        if self.per_node is not None and self.per_node < 1:
            raise ValueError(f"per_node: {self.per_node} is not above 0")
        absent = [name for name in self.env if name not in os.environ]
        if absent:
            raise ValueError(f"env: {absent[0]} is not set here")

    def ground(self, *, workers: int) -> AbstractContextManager[None]:
        """Stay connected to the cluster: one of our own starts once for several runs."""
        return shared(self.address, workers=workers)

    def open(self, job: Job, *, workers: int) -> None:
        """Start the workers; returns when the first of them is ready."""
        self._workers = workers
        self._slots: list[Slot] = []
        self._inbox: OrderedDict[TrialKey, Trial] = OrderedDict()
        self._outbox: deque[Finished] = deque()
        self._deaths: Counter[TrialKey] = Counter()
        self._unfit: dict[str, str] = {}
        self._failed: Counter[str] = Counter()
        self._tended, self._usual = 0.0, SHORT_SECONDS
        self._cluster = Cluster(self.address, workers=workers)
        try:
            self._prepare(job)
            self._await_first()
        except BaseException:
            self.close(abandon=True)
            raise

    def _prepare(self, job: Job) -> None:
        if not self._cluster.nodes():
            raise ConfigError(f"the Ray cluster at '{self.address}' has no node with processors")
        self._placement = self._cluster.placement(per_node=self.per_node)
        self._folders = Folders(self._cluster, shared=self.shared or self.address is None)
        self._roots = roots = self._folders.of_job(job)
        self._setting = Setting(
            version=evalharness.__version__,
            env={name: os.environ[name] for name in self.env},
            path=self._folders.path(roots),
            job=self._folders.packed(job, roots),
        )

    def _await_first(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not any(slot.open for slot in self._slots):
            if not self._slots:  # other runs of this process have all the places
                deadline = time.monotonic() + START_SECONDS
            if time.monotonic() > deadline:
                raise HarnessFault(
                    f"no worker could be started on the Ray cluster within {START_SECONDS:g} s: others may have "
                    "reserved its processors (`ray status`)"
                )
            self._tend()
            self._listen(WAIT_SECONDS)

    def submit(self, trial: Trial) -> None:
        """Queue a trial."""
        self._inbox[trial.key] = trial
        self._hand_out()

    def cancel(self, key: TrialKey) -> bool:
        """Drop a trial that no worker has been handed yet."""
        return self._inbox.pop(key, None) is not None

    def next(self, timeout: float) -> Finished | None:
        """Wait for a trial to finish, seeing to lost workers meanwhile."""
        deadline = time.monotonic() + timeout
        while not self._outbox:
            self._tend()
            wait = min(deadline - time.monotonic(), WAIT_SECONDS)
            self._listen(wait)
            if not self._outbox and wait <= 0:
                return None
        return self._outbox.popleft()

    def _tend(self) -> None:
        """Put workers wherever there is room for those that are missing."""
        now = time.monotonic()
        if now - self._tended < TEND_SECONDS:
            return
        self._tended = now
        self._cluster.reap()
        if len(self._slots) == self._workers:
            return
        nodes = [node for node in self._cluster.nodes() if node.id not in self._unfit]
        if not nodes and not self._slots and self._unfit:
            raise ConfigError(f"no worker can be made ready on the Ray cluster: {next(iter(self._unfit.values()))}")
        for node in self._cluster.claim(self._placement, nodes, present=len(self._slots)):
            self._start(node)

    def _start(self, node: str) -> None:
        slot = Slot(node, self._cluster.start(node, self._placement.share), self._folders)
        slot.prepare(self._setting, self._roots)
        self._slots.append(slot)

    def _hand_out(self) -> None:
        """Hand trials to the workers that have the fewest."""
        while self._inbox:
            slot = self._room(next(iter(self._inbox.values())))
            if slot is None:
                return
            slot.hand(self._inbox.popitem(last=False)[1])

    def _room(self, trial: Trial) -> Slot | None:
        """Find a worker for a trial; one that a worker died at shares it with none, so that no other is blamed again.

        A worker that dies takes the answer of the trial before with it, if that had not left yet.
        """
        most = 2 if self._usual < SHORT_SECONDS and not self._deaths[trial.key] else 1
        free = (
            slot for slot in self._slots if slot.open and not any(self._deaths[each.key] for _, each in slot.trials)
        )
        slot = min(free, key=lambda each: len(each.trials), default=None)
        return slot if slot and len(slot.trials) < most else None

    def _listen(self, timeout: float) -> None:
        """Take what workers say, waiting for the first word."""
        waiting = {slot.ready: slot for slot in self._slots if not slot.open}
        running = {slot.trials[0][0]: slot for slot in self._slots if slot.trials}
        if not waiting and not running:
            time.sleep(max(0.0, timeout))
            return
        for ref in self._cluster.wait([*running, *waiting], timeout):
            slot = running.get(ref) or waiting[ref]
            try:
                said = self._cluster.get(ref)
            except Lost:
                self._lose(slot)
            else:
                self._hear(slot, said)
        self._hand_out()

    def _hear(self, slot: Slot, said: Reply | str | None) -> None:
        """Take an answer: of a trial, or to the request to make ready."""
        if isinstance(said, Reply):
            _, trial = slot.trials.popleft()
            if said.bug is not None:
                raise pickle.loads(said.bug)  # noqa: S301 - from a worker of ours
            self._usual += 0.1 * (said.seconds - self._usual)
            self._outbox.append(said.finished(trial))
            if said.spent:
                self._drop(slot)
        elif said is None:
            slot.open = True
        else:
            self._unfit[slot.node] = said
            self._drop(slot)

    def _drop(self, slot: Slot) -> None:
        """End a worker; what it had not begun is handed to another."""
        self._end(slot)
        self._slots.remove(slot)
        for _, trial in reversed(slot.trials):
            self._inbox[trial.key] = trial
            self._inbox.move_to_end(trial.key, last=False)
        self._tended = 0.0

    def _end(self, slot: Slot) -> None:
        self._cluster.end(slot.actor)
        self._cluster.give_back(slot.node)

    def _lose(self, slot: Slot) -> None:
        """See to a worker that is gone: the trial it was at is owed again, unless it takes every worker down."""
        alive = slot.node in {node.id for node in self._cluster.nodes()}
        if slot.trials:
            trial = slot.trials.popleft()[1]
            self._deaths[trial.key] += alive
            given_up = self._deaths[trial.key] >= DEATHS
            record = downed(trial) if given_up else None
            self._outbox.append(Finished(trial=trial, record=record, began=time.monotonic()))
        elif alive and not slot.open:
            self._failed[slot.node] += 1
            if self._failed[slot.node] >= DEATHS:
                self._unfit[slot.node] = UNREADY
        self._drop(slot)

    def close(self, *, abandon: bool = False) -> None:
        """Let running trials finish, or end them; then let go of the cluster."""
        self._inbox.clear()
        try:
            if not abandon:
                self._finish()
            for slot in self._slots:
                self._end(slot)
        finally:
            self._cluster.close()

    def _finish(self) -> None:
        while any(slot.trials for slot in self._slots):
            self._listen(WAIT_SECONDS)
            self._inbox.clear()
        closing = [slot.actor.close.remote() for slot in self._slots if slot.open]
        deadline = time.monotonic() + CLOSE_SECONDS
        while closing and time.monotonic() < deadline:
            closing = [ref for ref in closing if ref not in self._cluster.wait(closing, WAIT_SECONDS)]
