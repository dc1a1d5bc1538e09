"""A real HTTP server on loopback that answers as a test says: well, badly, slowly or never."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HANGING = 120.0  # longer than anything waits, and an end where something waits after all


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """How to answer: after `delay` seconds, `pause` seconds between bytes, or with `raw` bytes and a closed line."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pause: float = 0.0
    raw: bytes | None = None

    @classmethod
    def json(cls, document: object, **options) -> "Reply":
        return cls(body=json.dumps(document).encode(), headers={"Content-Type": "application/json"}, **options)

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Scripted\r\n{lines}\r\n".encode() + self.body


NEVER = Reply(delay=HANGING)
HANGS_UP = Reply(raw=b"")


class Server(ThreadingHTTPServer):
    """Gives its replies in turn, the last one for ever; a function answers each request for itself.

    It counts the connections it accepted, and the replies that it got to the end of.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, replies: tuple[Reply, ...] | Callable[[Asked], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._replies = replies
        self._lock = threading.Lock()
        self.asked: list[Asked] = []
        self.connections = 0
        self.answered = 0
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def reply_to(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            if isinstance(self._replies, tuple):
                return self._replies[min(len(self.asked), len(self._replies)) - 1]
        return self._replies(asked)

    def handle_error(self, request, client_address) -> None:
        """Say nothing: clients of these tests hang up on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        with self.server._lock:
            self.server.connections += 1

    def log_message(self, format, *args) -> None:  # noqa: A002 - the name of the standard library
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = self.server.reply_to(Asked(self.command, self.path, dict(self.headers), body))
        self.server.closing.wait(reply.delay)
        if reply.pause:
            for byte in reply.encoded():
                self.wfile.write(bytes([byte]))
                time.sleep(reply.pause)
        else:
            self.wfile.write(reply.encoded())  # at once: two small writes would wait for each other's receipt
        with self.server._lock:
            self.server.answered += 1
        self.close_connection = reply.raw is not None or self.headers.get("Connection") == "close"

    do_GET = do_PATCH = do_POST = do_PUT = _answer  # noqa: N815 - the names of the standard library


@contextmanager
def serving(*replies: Reply, answer: Callable[[Asked], Reply] | None = None) -> Iterator[Server]:
    """Serve replies for the length of a test."""
    server = Server(answer or replies)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
