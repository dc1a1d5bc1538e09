"""One host process as its parent sees it: started, asked, timed, ended."""

import os
import select
import signal
import threading
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue

import msgspec

from evalharness.agents.host_start import started
from evalharness.agents.wire import ANSWERS, READY, Answer, HostSpec, Request, read_message, write_message
from evalharness.errors import AgentFault, ConfigError, Displaced, LimitReached, Unbegun, Unmeasured
from evalharness.model import Transcript

LAST_WORDS_SECONDS = 1.0
SIGN_OF_LIFE_SECONDS = 1.0
TAIL_BYTES = 2000


class Suspected(Displaced):
    """The host died or hung with several trials in it, and this one may have been the cause."""


class Host:
    """A process that calls one function, for several trials at a time."""

    def __init__(self, spec: HostSpec, *, python: str, slots: int) -> None:
        self.load = 0
        self.ended = self.gone = False
        self._broken = False
        self._hung = False
        self._ready = threading.Event()
        self._fault: str | None = None
        self._calls: dict[int, SimpleQueue[Answer]] = {}
        self._ids = count(1)
        self._lock = threading.Lock()
        self._end_lock = threading.Lock()
        self._tail = b""
        self._process, ends = started(spec, python=python, slots=slots)
        self._requests, self._answers = os.fdopen(ends.requests, "wb"), os.fdopen(ends.answers, "rb")
        self._life = ends.life
        with suppress(BrokenPipeError):  # it could not even start: waiting for it says so
            write_message(self._requests, msgspec.msgpack.encode(spec))
        self._listener = threading.Thread(target=self._listen, daemon=True, name="evalh-host")
        self._listener.start()
        self._drainer = threading.Thread(target=self._drain, daemon=True, name="evalh-host-output")
        self._drainer.start()
        threading.Thread(target=self._outlive, daemon=True, name="evalh-host-end").start()

    @property
    def usable(self) -> bool:
        """Say whether it can be asked, as far as is known."""
        return not (self.gone or self.ended or self._broken)

    def wait_ready(self, seconds: float) -> None:
        """Wait until the function is imported; say why where it cannot be."""
        if not self._ready.wait(seconds):
            self.end()
            raise ConfigError(f"the agent's host was not ready within {seconds:g} s: its import hangs")
        if self._fault is not None:
            self.end()
            raise ConfigError(self._fault)

    def call(self, request: Request, *, timeout: float) -> Transcript:
        """Have one trial done; the host is ended when that takes too long."""
        answer = self._answer(request, timeout)
        if answer is None:
            self._hung = self._hung or (bool(self._calls) and not self._alive())
            self.end()
            if self._hung:  # whoever keeps the interpreter or the event loop busy makes its neighbours late
                raise Suspected
            raise LimitReached("seconds", f"no answer within {timeout:g} s; its host was ended")
        if answer is DIED:
            raise AgentFault(_ending(self._process.returncode), self._output())
        return _transcript(answer)

    def _alive(self) -> bool:
        """Say whether the host can still do anything beside the call that is late."""
        try:
            sign = self._answer(Request(id=0), SIGN_OF_LIFE_SECONDS)
        except Displaced:
            return False
        return sign is not None and sign.id > 0

    def _answer(self, request: Request, timeout: float) -> Answer | None:
        """Ask, and wait for the answer; None when there is none in time."""
        box: SimpleQueue[Answer] = SimpleQueue()
        number = next(self._ids)
        try:
            if not self._ask(msgspec.structs.replace(request, id=number), box, timeout):
                return None
            return box.get(timeout=timeout)
        except Empty:
            return None
        finally:
            self._calls.pop(number, None)

    def _ask(self, request: Request, box: "SimpleQueue[Answer]", timeout: float) -> bool:
        """Send a request; say whether the host took it in time."""
        if not self._lock.acquire(timeout=timeout):
            return False
        try:
            if not self.usable:
                raise Unbegun
            self._calls[request.id] = box
            if request.task is None and not _writable(self._requests.fileno(), timeout):
                return False
            write_message(self._requests, msgspec.msgpack.encode(request))
        except OSError as exc:  # the host died while it was being asked
            self._broken = True
            raise Unbegun from exc
        finally:
            self._lock.release()
        return True

    def _listen(self) -> None:
        """Hand every answer to the thread that waits for it."""
        try:
            with self._answers:
                ready = read_message(self._answers)
                if ready is not None:
                    self._fault = READY.decode(ready).fault
                    self._ready.set()
                decoder = ANSWERS
                while (content := read_message(self._answers)) is not None:
                    answer = decoder.decode(content)
                    if (box := self._calls.get(answer.id)) is not None:
                        box.put(answer)
        except (msgspec.DecodeError, ValueError):  # the agent wrote into our pipe
            self._kill()

    def _outlive(self) -> None:
        """When the process is gone, end what it started, and tell everyone who waits for it."""
        self._process.wait()
        with self._end_lock:
            self._kill_group()
            self.gone = True
        self._listener.join(LAST_WORDS_SECONDS)  # a child that left the group may hold the pipe open
        with self._lock:
            waiting = list(self._calls.values())
            with suppress(OSError):
                self._requests.close()
            self._life.close()
        if not self._ready.is_set():
            self._drainer.join(LAST_WORDS_SECONDS)
            self._fault = f"the agent's host ended before it was ready: {self._output() or 'it printed nothing'}"
            self._ready.set()
        by_itself = DIED if len(waiting) == 1 else SUSPECTED
        for box in waiting:
            box.put(SUSPECTED if self._hung else DISPLACED if self.ended else by_itself)

    def _drain(self) -> None:
        """Keep the end of what the function prints, whatever the amount."""
        stream = self._process.stdout
        if stream is None:
            return
        with stream:
            while content := stream.read(1 << 16):
                self._tail = (self._tail + content)[-TAIL_BYTES:]

    def _output(self) -> str:
        return self._tail.decode("utf-8", "replace").strip()

    def end(self) -> None:
        """End the process and everything it started."""
        self.ended = True
        self._kill()

    def _kill(self) -> None:
        with self._end_lock:
            if not self.gone:
                self._kill_group()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


DISPLACED, SUSPECTED, DIED = Answer(id=-1), Answer(id=-2), Answer(id=-3)


def _transcript(answer: Answer) -> Transcript:
    """Return the answer's transcript, or raise what happened instead."""
    if answer is DISPLACED:
        raise Displaced
    if answer is SUSPECTED:
        raise Suspected
    if answer.unmeasured is not None:
        raise Unmeasured(answer.unmeasured, answer.detail, retry_after=answer.retry_after)
    if answer.transcript is None:
        raise AgentFault(answer.fault or "exception", answer.detail, logs=answer.logs)
    return answer.transcript


def _ending(returncode: int | None) -> str:
    """Name how a process ended."""
    return f"signal:{-returncode}" if returncode is not None and returncode < 0 else f"exit:{returncode}"


def _writable(descriptor: int, timeout: float) -> bool:
    """Wait until a short message can be written without waiting."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(timeout * 1000))
