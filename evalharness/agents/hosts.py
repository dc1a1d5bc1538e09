"""Host processes: where function agents live, several trials at a time, and can be ended.

A host that dies or is ended takes the other trials in it along: they are displaced, which means owed again. A task
that was too slow once gets a host for itself from then on. So does, until it has been through that once, a task whose
host died or hung with several trials in it: whoever did it shows when it runs alone.
"""

import os
import pickle
import threading

from evalharness.agents.host_process import Host, Suspected
from evalharness.agents.wire import HostSpec, Request
from evalharness.errors import ConfigError, LimitReached, Unmeasured
from evalharness.model import Task, Transcript
from evalharness.workspaces import Workspace
from evalharness.workspaces.local import LocalWorkspace

START_SECONDS = 60.0


class HostPool:
    """The hosts of a run, shared by its worker threads."""

    grace_seconds = START_SECONDS  # a trial may have to wait for a new host

    def __init__(self, spec: HostSpec, *, python: str, workers: int) -> None:
        self._spec, self._python = spec, python
        self._size = min(workers, os.cpu_count() or 1)
        self._slots = -(-workers // self._size)
        self._lock = threading.Lock()
        self._slow: set[str] = set()
        self._suspects: set[str] = set()
        self._alone: set[Host] = set()
        self._hosts: list[Host] = []
        try:
            self._hosts += [self._started(self._slots) for _ in range(self._size)]
            for host in self._hosts:
                host.wait_ready(START_SECONDS)
        except OSError as exc:
            self.close()
            raise ConfigError(
                f"a host for {spec.call} cannot be started in {spec.folder} with {python}: {exc}"
            ) from exc
        except ConfigError:
            self.close()
            raise

    def _started(self, slots: int) -> Host:
        return Host(self._spec, python=self._python, slots=slots)

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:
        """Have the function called in a host."""
        local = workspace.folder if isinstance(workspace, LocalWorkspace) else ""
        request = Request(
            id=0, task=task, location=local, workspace=b"" if local else pickle.dumps(workspace), seed=seed
        )
        alone = task.id in self._slow or task.id in self._suspects
        host = self._single() if alone else self._roomiest()
        try:
            host.wait_ready(START_SECONDS)
            transcript = host.call(request, timeout=task.limits.seconds)
        except LimitReached:
            self._slow.add(task.id)
            raise
        except Suspected:
            self._suspects.add(task.id)
            raise
        finally:
            self._released(host, alone=alone)
        self._suspects.discard(task.id)
        return transcript

    def _single(self) -> Host:
        """Start a host for one trial."""
        with self._lock:
            host = self._replacement(slots=1)
            self._alone.add(host)
            return host

    def _roomiest(self) -> Host:
        """Choose the host with the most room, starting a new one where the old one is gone."""
        with self._lock:
            for index, host in enumerate(self._hosts):
                if not host.usable:
                    self._hosts[index] = self._replacement(self._slots)
            chosen = min(self._hosts, key=lambda host: host.load)
            chosen.load += 1
            return chosen

    def _replacement(self, slots: int) -> Host:
        try:
            return self._started(slots)
        except OSError as exc:
            raise Unmeasured("host", f"cannot be started: {exc}") from exc

    def _released(self, host: Host, *, alone: bool) -> None:
        with self._lock:
            host.load -= 1
            self._alone.discard(host)
        if alone:
            host.end()

    def close(self) -> None:
        """End all hosts."""
        with self._lock:
            hosts = [*self._hosts, *self._alone]
        for host in hosts:
            host.end()
