"""What we ask of Ray, and nothing else of it: quiet, and with one kind of loss."""

import logging
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from evalharness.errors import ConfigError, HarnessFault
from evalharness.executors.placement import Node, Placement
from evalharness.executors.ray_worker import Worker

INSTALL = "pip install 'evalharness[ray]'"

try:
    import ray
    import ray._private.worker
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as exc:
    raise ConfigError(f"the executor 'ray' needs Ray, which is not installed: run `{INSTALL}`") from exc

REACH_SECONDS = 10.0
END_SECONDS = 5.0
PAUSE_SECONDS = 0.02
ASIDE = "aside"  # calls of this group do not wait for the trial that runs
OBJECT_STORE_BYTES = 512 << 20  # of a cluster of our own: transcripts on their way
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # trials see the machine as the process that leads the run does
}

Ref = Any  # Ray's own types say no more
Actor = Any


class Lost(Exception):
    """A worker is gone, with whatever it was doing."""


class _Ground:
    """The one connection that a process has: made by the first who uses it, and ended with the last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.placed: Counter[str] = Counter()  # workers on each node, of all who use it
        self.workers = 0  # the most there will be at once, where somebody has said so
        self._users = 0
        self._session = ExitStack()

    def enter(self, address: str | None) -> None:
        """Make the connection, unless there is one."""
        with self.lock:
            if self._users == 0 and not ray.is_initialized():
                _connect(address)
                self._session.callback(ray.shutdown)
                self._session.enter_context(_muted())
            self._users += 1

    def leave(self) -> None:
        """End the connection if nobody else uses it and it is ours."""
        with self.lock:
            self._users -= 1
            if self._users == 0:
                self.placed.clear()
                self._session.close()


_GROUND = _Ground()


@contextmanager
def shared(address: str | None, *, workers: int) -> Iterator[None]:
    """Stay connected, for runs that have so many workers at once all together."""
    _GROUND.enter(address)
    before, _GROUND.workers = _GROUND.workers, max(_GROUND.workers, workers)
    try:
        yield
    finally:
        _GROUND.workers = before
        _GROUND.leave()


class Cluster:
    """A connection to a cluster; without an address, to one that is started here and ends with its last user."""

    def __init__(self, address: str | None, *, workers: int) -> None:
        _GROUND.enter(address)
        self._workers, self._all_workers = workers, max(workers, _GROUND.workers)
        self._worker = ray.remote(concurrency_groups={ASIDE: 1})(Worker)
        self._ending: list[tuple[float, Actor, Ref]] = []

    def placement(self, *, per_node: int | None) -> Placement:
        """Say how workers are placed, those of other runs of this process counted in."""
        return Placement.of(self.nodes(), workers=self._all_workers, per_node=per_node)

    def claim(self, placement: Placement, nodes: Sequence[Node], *, present: int) -> list[str]:
        """Take places for the workers that are missing, and leave other runs of this process their part of them."""
        fair = max(1, sum(map(placement.room, nodes)) * self._workers // self._all_workers)
        with _GROUND.lock:
            found = placement.chosen(nodes, _GROUND.placed, workers=min(self._workers, fair) - present)
            _GROUND.placed.update(found)
        return found

    def give_back(self, node: str) -> None:
        """Leave a place to whoever wants it."""
        with _GROUND.lock:
            _GROUND.placed[node] -= 1

    def nodes(self) -> list[Node]:
        """List the nodes that are alive and have processors."""
        return [
            Node(each["NodeID"], float(each["Resources"]["CPU"]))
            for each in ray.nodes()
            if each["Alive"] and each["Resources"].get("CPU")
        ]

    def start(self, node: str, share: float) -> Actor:
        """Start a worker on a node that reserves this share of a processor."""
        here = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
        return self._worker.options(num_cpus=share, scheduling_strategy=here, max_restarts=0).remote()

    def put(self, value: object) -> Ref:
        """Lay something down where every worker can get it."""
        return ray.put(value)

    def wait(self, refs: Sequence[Ref], timeout: float) -> list[Ref]:
        """Wait until one of the calls is over; return those that are."""
        return list(ray.wait(list(refs), num_returns=1, timeout=max(0.0, timeout))[0])

    def get(self, ref: Ref) -> Any:
        """Return what a call gave; raises Lost where nobody can say any more."""
        try:
            return ray.get(ref)
        except RayError as exc:
            raise Lost(str(exc)) from exc

    def end(self, actor: Actor) -> None:
        """Have a worker end what it started, then end it; one that cannot any more is ended a little later."""
        with suppress(RayError, ValueError):
            over = actor.end.options(concurrency_group=ASIDE).remote()
            self._ending.append((time.monotonic() + END_SECONDS, actor, over))

    def reap(self) -> None:
        """End the workers that were to end, and are done with it or late."""
        if not self._ending:
            return
        now, refs = time.monotonic(), [ref for *_, ref in self._ending]
        over = set(ray.wait(refs, num_returns=len(refs), timeout=0)[0])
        done = [each for each in self._ending if each[2] in over or each[0] < now]
        self._ending = [each for each in self._ending if each not in done]
        for _, actor, _ in done:
            with suppress(RayError, ValueError):
                ray.kill(actor)

    def close(self) -> None:
        """Let go of the cluster once all workers have ended, and end it where it is ours."""
        while self._ending:
            time.sleep(PAUSE_SECONDS)
            self.reap()
        _GROUND.leave()


def _connect(address: str | None) -> None:
    if address is not None:
        _reach(address)
    size: dict[str, Any] = {} if address else {"object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False}
    with _terminable(), _quietly():
        try:
            ray.init(address=address or "local", log_to_driver=False, logging_level=logging.CRITICAL, **size)
        except Exception as exc:
            said = str(exc).strip().partition("\n")[0]
            if address is None:
                raise HarnessFault(
                    f"Ray cannot be started here: {said} (it says more in its temporary folder)"
                ) from exc
            raise ConfigError(
                f"no Ray cluster can be used at '{address}': {said} (this machine has to be one of its nodes: "
                f"`ray start --address={address}`, with the cluster's token where it asks for one)"
            ) from exc


def _reach(address: str) -> None:
    """Refuse an address at which nobody listens: Ray would try for minutes, and say so where it likes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_SECONDS).close()
    except (OSError, OverflowError) as exc:
        raise ConfigError(f"no Ray cluster can be used at '{address}': {exc}: `ray status` says where it is") from exc


@contextmanager
def _terminable() -> Iterator[None]:
    """Keep our own way to end: Ray would take SIGTERM for itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _muted() -> Iterator[None]:
    """Have Ray print nothing about workers and nodes that are lost: it has no public switch for that."""
    spoken = getattr(ray._private.worker, "print_to_stdstream", None)  # noqa: SLF001 - see above
    if spoken is None:
        yield
        return
    ray._private.worker.print_to_stdstream = lambda *_, **__: None  # noqa: SLF001 - see above
    try:
        yield
    finally:
        ray._private.worker.print_to_stdstream = spoken  # noqa: SLF001 - see above


@contextmanager
def _quietly() -> Iterator[None]:
    """Have a cluster of our own report nothing to anybody."""
    before = {name: os.environ.get(name) for name in QUIET}
    os.environ.update({name: value for name, value in QUIET.items() if before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
