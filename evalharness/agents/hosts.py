"""Host processes: where function agents live, several trials at a time, and can be ended.

A host that dies or is ended takes the other trials in it along: they are displaced, which means owed again. A task
that was too slow once, or was there when a host died, gets a host for itself the next time.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec

import evalharness
from evalharness.agents.wire import Answer, HostSpec, Ready, Request, read_message, write_message
from evalharness.errors import AgentFault, ConfigError, Displaced, LimitReached, Unmeasured
from evalharness.model import Task, Transcript
from evalharness.workspaces import Workspace

START_SECONDS = 60.0
LAST_WORDS_SECONDS = 1.0
TAIL_BYTES = 2000
BOOT = """\
import json, sys
first, last = json.loads(sys.argv[1])
sys.path[:] = first + [each for each in sys.path if each not in first] + last
from evalharness.agents.host import main
main()
"""


class HostPool:
    """The hosts of a run, shared by its worker threads."""

    grace_seconds = START_SECONDS  # a trial may have to wait for a new host

    def __init__(self, spec: HostSpec, *, python: str, workers: int) -> None:
        self._spec, self._python = spec, python
        self._size = min(workers, os.cpu_count() or 1)
        self._slots = -(-workers // self._size)
        self._lock = threading.Lock()
        self._alone: set[str] = set()
        self._hosts = [self._host(self._slots) for _ in range(self._size)]
        try:
            for host in self._hosts:
                host.wait_ready()
        except ConfigError:
            self.close()
            raise

    def _host(self, slots: int) -> "Host":
        return Host(self._spec, python=self._python, slots=slots)

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:
        """Have the function called in a host."""
        request = Request(id=0, task=task, location=workspace.location, seed=seed)
        alone = task.id in self._alone
        host = self._host(slots=1) if alone else self._roomiest()
        try:
            return host.call(request, timeout=task.limits.seconds)
        except LimitReached:
            self._alone.add(task.id)
            raise
        except Displaced:
            if not host.ended:  # it died of itself: whoever did it will show when it runs alone
                self._alone.add(task.id)
            raise
        finally:
            if alone:
                host.end()
            else:
                with self._lock:
                    host.load -= 1

    def _roomiest(self) -> "Host":
        """Choose the host with the most room, starting a new one where the old one is gone."""
        with self._lock:
            self._hosts = [self._host(self._slots) if host.gone or host.ended else host for host in self._hosts]
            chosen = min(self._hosts, key=lambda host: host.load)
            chosen.load += 1
            return chosen

    def close(self) -> None:
        """End all hosts."""
        for host in self._hosts:
            host.end()


class Host:
    """One host process, as seen from the parent."""

    def __init__(self, spec: HostSpec, *, python: str, slots: int) -> None:
        self.load = 0
        self.ended = False
        self.gone = False
        self._ready = threading.Event()
        self._fault: str | None = None
        self._calls: dict[int, SimpleQueue[Answer | None]] = {}
        self._ids = count(1)
        self._lock = threading.Lock()
        self._tail = b""
        requests, requests_end = os.pipe()
        answers_end, answers = os.pipe()
        self._requests, self._answers = os.fdopen(requests_end, "wb"), os.fdopen(answers_end, "rb")
        self._process = subprocess.Popen(  # noqa: S603 - the interpreter that the user named
            [python, "-c", BOOT, _paths(spec.folder, python), str(requests), str(answers), str(slots)],
            cwd=spec.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            pass_fds=(requests, answers),
            start_new_session=True,
        )
        os.close(requests)
        os.close(answers)
        with suppress(BrokenPipeError):  # it could not even start: waiting for it says so
            write_message(self._requests, msgspec.msgpack.encode(spec))
        self._listener = threading.Thread(target=self._listen, daemon=True, name="evalh-host")
        self._listener.start()
        threading.Thread(target=self._drain, daemon=True, name="evalh-host-output").start()
        threading.Thread(target=self._outlive, daemon=True, name="evalh-host-end").start()

    def wait_ready(self) -> None:
        """Wait until the function is imported; say why where it cannot be."""
        if not self._ready.wait(START_SECONDS):
            self.end()
            raise ConfigError(f"the agent's host was not ready within {START_SECONDS:g} s: its import hangs")
        if self._fault is not None:
            self.end()
            raise ConfigError(self._fault)

    def call(self, request: Request, *, timeout: float) -> Transcript:
        """Have one trial done; the host is ended when that takes too long."""
        self.wait_ready()
        box: SimpleQueue[Answer | None] = SimpleQueue()
        number = next(self._ids)
        try:
            self._ask(msgspec.structs.replace(request, id=number), box)
            answer = box.get(timeout=timeout)
        except Empty:
            self.end()
            raise LimitReached("seconds", f"no answer within {timeout:g} s; its host was ended") from None
        finally:
            self._calls.pop(number, None)
        if answer is None:
            raise AgentFault(_ending(self._process.returncode), self._output())
        return _transcript(answer)

    def _ask(self, request: Request, box: "SimpleQueue[Answer | None]") -> None:
        with self._lock:
            if self.gone or self.ended:
                raise Displaced
            self._calls[request.id] = box
            try:
                write_message(self._requests, msgspec.msgpack.encode(request))
            except OSError as exc:  # the host died while it was being asked
                raise Displaced from exc

    def _listen(self) -> None:
        """Hand every answer to the thread that waits for it."""
        try:
            ready = read_message(self._answers)
            if ready is not None:
                self._fault = msgspec.msgpack.decode(ready, type=Ready).fault
                self._ready.set()
            decoder = msgspec.msgpack.Decoder(Answer)
            while (content := read_message(self._answers)) is not None:
                answer = decoder.decode(content)
                if (box := self._calls.get(answer.id)) is not None:
                    box.put(answer)
        except msgspec.DecodeError:  # the agent wrote into our pipe
            self.end()

    def _outlive(self) -> None:
        """When the process is gone, tell everyone who waits for it."""
        self._process.wait()
        self._listener.join(LAST_WORDS_SECONDS)  # its children may hold the pipe open
        with self._lock:
            self.gone = True
            waiting = list(self._calls.values())
            with suppress(OSError):
                self._requests.close()
        if not self._ready.is_set():
            self._fault = f"the agent's host ended before it was ready: {self._output() or 'it printed nothing'}"
            self._ready.set()
        culprit_known = len(waiting) == 1 and not self.ended
        for box in waiting:
            box.put(None if culprit_known else DISPLACED)

    def _drain(self) -> None:
        """Keep the end of what the function prints, whatever the amount."""
        stream = self._process.stdout
        while stream is not None and (content := stream.read(1 << 16)):
            self._tail = (self._tail + content)[-TAIL_BYTES:]

    def _output(self) -> str:
        return self._tail.decode("utf-8", "replace").strip()

    def end(self) -> None:
        """End the process and everything it started."""
        self.ended = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


DISPLACED = Answer(id=-1)


def _transcript(answer: Answer) -> Transcript:
    """Return the answer's transcript, or raise what happened instead."""
    if answer is DISPLACED:
        raise Displaced
    if answer.unmeasured is not None:
        raise Unmeasured(answer.unmeasured, answer.detail, retry_after=answer.retry_after)
    if answer.transcript is None:
        raise AgentFault(answer.fault or "exception", answer.detail)
    return answer.transcript


def _ending(returncode: int | None) -> str:
    """Name how a process ended."""
    return f"signal:{-returncode}" if returncode is not None and returncode < 0 else f"exit:{returncode}"


def _paths(folder: str, python: str) -> str:
    """Say what comes first and last on a host's import path.

    The same interpreter gets this process's path; another one keeps its own, and finds this package behind it.
    """
    if python == sys.executable:
        return json.dumps([[folder, *(each for each in sys.path if each != folder)], []])
    ours = {str(Path(module.__file__ or "").parent.parent) for module in (evalharness, msgspec)}
    return json.dumps([[folder], sorted(ours)])
