"""The host process itself: imports one function, and calls it for every request until the parent is gone.

Async functions share the event loop of the main thread, so that what they keep between trials (a client, a pool)
stays usable; sync ones run in as many threads as there are slots, the main thread being one of them.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, BinaryIO

import msgspec

from evalharness.agents.function import Function, transcript_of
from evalharness.agents.wire import Answer, HostSpec, Ready, Request, read_message, write_message
from evalharness.attribution import attribute
from evalharness.errors import AgentFault
from evalharness.text import well_formed
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
        self._lock = Lock()
        self._encoder = msgspec.msgpack.Encoder(enc_hook=repr)

    def serve(self, slots: int) -> None:
        """Answer requests until the parent is gone."""
        if self._function.is_async:
            loop = asyncio.new_event_loop()
            Thread(target=self._read, args=(loop,), daemon=True).start()
            loop.run_forever()
        queue: SimpleQueue[Request] = SimpleQueue()
        Thread(target=self._read, args=(queue,), daemon=True).start()
        for _ in range(slots - 1):
            Thread(target=self._work, args=(queue,), daemon=True).start()
        self._work(queue)

    def _read(self, target: "SimpleQueue[Request] | asyncio.AbstractEventLoop") -> None:
        """Pass requests on; when the parent is gone nothing here matters any more."""
        decoder = msgspec.msgpack.Decoder(Request)
        while (content := read_message(self._requests)) is not None:
            request = decoder.decode(content)
            if isinstance(target, SimpleQueue):
                target.put(request)
            else:
                asyncio.run_coroutine_threadsafe(self._answer_async(request), target)
        os._exit(0)

    def _work(self, queue: "SimpleQueue[Request]") -> None:
        while True:
            request = queue.get()
            try:
                self._send(Answer(id=request.id, transcript=transcript_of(self._called(request))))
            except BaseException as exc:  # noqa: BLE001 - SystemExit too is the agent's doing
                self._send(self._fault(request, exc))

    async def _answer_async(self, request: Request) -> None:
        try:
            coroutine: Coroutine[Any, Any, Any] = self._called(request)
            self._send(Answer(id=request.id, transcript=transcript_of(await coroutine)))
        except BaseException as exc:  # noqa: BLE001 - SystemExit too is the agent's doing
            self._send(self._fault(request, exc))

    def _called(self, request: Request) -> Any:
        return self._function(request.task, LocalWorkspace(folder=request.location), request.seed)

    def _fault(self, request: Request, exc: BaseException) -> Answer:
        unmeasured = attribute(exc, self._spec.unmeasured)
        if unmeasured is not None:
            detail, pause = well_formed(unmeasured.detail), unmeasured.retry_after
            return Answer(id=request.id, unmeasured=unmeasured.cause, detail=detail, retry_after=pause)
        if isinstance(exc, AgentFault):
            return Answer(id=request.id, fault=exc.cause, detail=well_formed(exc.detail))
        return Answer(id=request.id, fault=f"exception:{type(exc).__name__}", detail=well_formed(str(exc)))

    def _send(self, answer: Answer) -> None:
        try:
            content = self._encoder.encode(answer)
        except UnicodeEncodeError:  # lone surrogates, which no message can hold
            plain = well_formed(msgspec.to_builtins(answer, enc_hook=repr))
            content = self._encoder.encode(msgspec.convert(plain, Answer))
        with self._lock:
            write_message(self._answers, content)
