"""A job for tests of clusters, which workers import: a trial does what its task's id begins with."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ray

from evalharness.errors import ConfigError
from evalharness.executors import Finished
from evalharness.model import Outcome, Record

SMALL = {"num_cpus": 1, "object_store_memory": 80 << 20}  # what a node of a test's cluster has


@dataclass(frozen=True)
class Acting:
    """What trials do: `sleep`, `hang` in a way that a thread or nobody can cut, `die`, or meet our `bug`."""

    folder: str
    openable: bool = True

    @contextmanager
    def open(self, *, workers: int) -> Iterator["Acting"]:
        if not self.openable:
            raise ConfigError("the agent is not there")
        yield self

    def __call__(self, trial, watch) -> Finished:
        what, _, said = trial.task.id.partition("-")
        tried = Path(self.folder, f"{trial.task.id}.{os.getpid()}.{time.monotonic_ns()}")
        tried.touch()
        watch.begin(trial.task.limits.seconds)
        getattr(self, f"_{what}")(said, sum(1 for _ in tried.parent.glob(f"{trial.task.id}.*")))
        watch.end()
        record = Record(
            task_id=trial.task.id,
            trial=trial.number,
            attempt=trial.attempt,
            outcome=Outcome.PASS,
            host=ray.get_runtime_context().get_node_id(),
        )
        return Finished(trial=trial, record=record, frame=os.urandom(200_000) if what == "long" else None)

    def _sleep(self, said, _times):
        sys.stdout.write("an agent says what nobody may read\n")
        time.sleep(float(said.partition("-")[0]))

    def _long(self, _said, _times):
        """Give back more than fits into a message."""

    def _hang(self, _said, _times):
        time.sleep(600)

    def _spawn(self, said, _times):
        """Start something that detaches itself, and wait for ever."""
        subprocess.Popen(["sh", "-c", f"(setsid sleep {said} &) ; exec sleep {said}"]).wait()

    def _hold(self, _said, times):
        """Keep the interpreter to itself, once."""
        if times == 1:
            ctypes.PyDLL(None).sleep(600)

    def _die(self, said, times):
        if times <= int(said):
            os.kill(os.getpid(), signal.SIGKILL)

    def _bug(self, said, _times):
        raise LookupError(said)
