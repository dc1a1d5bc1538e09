"""The host process itself: imports one function, and calls it for every request until the parent is gone.

Async functions share the event loop of the main thread, so that what they keep between trials (a client, a pool)
stays usable; sync ones run in as many threads as there are slots, the main thread being one of them, and one more:
the one that is left over waits for the next request, and ends everything when the parent is gone.
"""

import asyncio
import os
import pickle
import signal
import sys
from collections.abc import Coroutine
from threading import Lock, Thread
from typing import Any, BinaryIO, NoReturn

import msgspec

from evalharness.agents.function import Function, transcript_of
from evalharness.agents.wire import LONGEST_BYTES, Answer, HostSpec, Ready, Request, read_message, write_message
from evalharness.errors import AgentFault, LimitReached
from evalharness.model import Task, Transcript
from evalharness.running.attribution import attribute
from evalharness.text import well_formed
from evalharness.workspaces import Workspace
from evalharness.workspaces.local import LocalWorkspace


def main() -> None:
    """Serve the parent over the two pipes that the command line names."""
    _, _, requests_fd, answers_fd, slots = sys.argv
    sys.argv = [""]
    for descriptor in (int(requests_fd), int(answers_fd)):
        os.set_inheritable(descriptor, False)
    requests, answers = os.fdopen(int(requests_fd), "rb"), os.fdopen(int(answers_fd), "wb")
    first = read_message(requests)
    if first is None:
        return
    spec = msgspec.msgpack.decode(first, type=HostSpec)
    try:
        function = Function(spec.call, spec.takes)
    except BaseException as exc:  # noqa: BLE001 - importing runs the user's code, and SystemExit is one way it ends
        fault = f"agent function '{spec.call}' cannot be imported from {spec.folder}: {type(exc).__name__}: {exc}"
        write_message(answers, msgspec.msgpack.encode(Ready(fault=well_formed(fault))))
        return
    write_message(answers, msgspec.msgpack.encode(Ready()))
    _Server(spec, function, requests, answers).serve(int(slots))


class _Server:
    def __init__(self, spec: HostSpec, function: Function, requests: BinaryIO, answers: BinaryIO) -> None:
        self._spec, self._function = spec, function
        self._requests, self._answers = requests, answers
        self._turn, self._lock = Lock(), Lock()
        self._encoder = msgspec.msgpack.Encoder(enc_hook=repr)
        self._decoder = msgspec.msgpack.Decoder(Request)
        self._checker = msgspec.msgpack.Decoder(Answer)

    def serve(self, slots: int) -> None:
        """Answer requests until the parent is gone."""
        if self._function.is_async:
            loop = asyncio.new_event_loop()
            Thread(target=self._read, args=(loop,), daemon=True).start()
            loop.run_forever()
        for _ in range(slots):
            Thread(target=self._work, daemon=True).start()
        self._work()

    def _next(self) -> Request:
        try:
            content = read_message(self._requests)
        except (OSError, ValueError):  # the agent closed our pipe
            content = None
        if content is None:
            _end_all()
        return self._decoder.decode(content)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Pass requests on to the event loop."""
        while True:
            asyncio.run_coroutine_threadsafe(self._answer_async(self._next()), loop)

    def _work(self) -> None:
        """Take requests in turn with the other threads, so that none has to be handed over."""
        while True:
            with self._turn:
                request = self._next()
            try:
                self._send(Answer(id=request.id, transcript=self._answered(request)))
            except BaseException as exc:  # noqa: BLE001 - SystemExit too is the agent's doing
                self._send(self._fault(request, exc))

    def _answered(self, request: Request) -> Transcript | None:
        return None if request.task is None else transcript_of(self._called(request, request.task))

    async def _answer_async(self, request: Request) -> None:
        try:
            transcript = None
            if request.task is not None:
                coroutine: Coroutine[Any, Any, Any] = self._called(request, request.task)
                transcript = transcript_of(await coroutine)
            self._send(Answer(id=request.id, transcript=transcript))
        except BaseException as exc:  # noqa: BLE001 - SystemExit too is the agent's doing
            self._send(self._fault(request, exc))

    def _called(self, request: Request, task: Task) -> Any:
        workspace: Workspace = LocalWorkspace(folder=request.location)
        if request.workspace:
            workspace = pickle.loads(request.workspace)  # noqa: S301 - the parent wrote it
        return self._function(task, workspace, request.seed)

    def _fault(self, request: Request, exc: BaseException) -> Answer:
        unmeasured = attribute(exc, self._spec.unmeasured)
        if unmeasured is not None:
            detail, pause = well_formed(unmeasured.detail), unmeasured.retry_after
            return Answer(id=request.id, unmeasured=unmeasured.cause, detail=detail, retry_after=pause)
        if isinstance(exc, AgentFault):
            return Answer(id=request.id, fault=exc.cause, detail=well_formed(exc.detail))
        fault = AgentFault.of(exc)
        return Answer(id=request.id, fault=fault.cause, detail=well_formed(fault.detail), logs=well_formed(fault.logs))

    def _send(self, answer: Answer) -> None:
        """Send an answer that the parent will understand; raises what is wrong with any other."""
        try:
            content = self._encoder.encode(answer)
        except UnicodeEncodeError:  # lone surrogates, which no message can hold
            content = self._encoder.encode(well_formed(msgspec.to_builtins(answer, enc_hook=repr)))
        if len(content) > LONGEST_BYTES:
            raise LimitReached("output", f"the answer is longer than {LONGEST_BYTES} bytes")
        try:
            self._checker.decode(content)
        except msgspec.ValidationError as exc:
            raise AgentFault("answer:type", str(exc)) from exc
        with self._lock:
            write_message(self._answers, content)


def _end_all() -> NoReturn:
    """End this process and what its functions started: nothing here matters any more."""
    os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)
