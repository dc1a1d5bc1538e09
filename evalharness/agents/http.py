"""HTTP agents: a service that is sent a task as JSON and answers in the body.

Each worker keeps a client, and so a connection, of its own: they share what is expensive (the TLS context) and
nothing that is locked. Cookies do not pass from trial to trial.
"""

import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Self

import httpx
import msgspec

from evalharness.agents.exchange import answered, request
from evalharness.errors import AgentFault, ConfigError, LimitReached
from evalharness.model import Task, Transcript
from evalharness.rates import PATIENCE_SECONDS, Ceiling, through
from evalharness.running.attribution import status_fault
from evalharness.workspaces import Workspace

MAX_BODY = 8 * 1024 * 1024
_TICK = 0.1
_EXCERPT = 300


@dataclass(frozen=True)
class HttpAgent:
    """Send the task to a URL, and take what comes back as the answer.

    `${NAME}` in `url` and `headers` stands for an environment variable. `fields` are the fields of a task that the
    agent is told beside its prompt. The whole exchange may take as long as the task's limit says; `connect_seconds`
    of it to connect, which is the network's doing and not the agent's. `max_bytes` bounds the answer. A service that
    says 429 is asked again when it allows it; `max_concurrency`, `requests_per_minute` and `patience_seconds` as for
    models.
    """

    url: str
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    connect_seconds: float = 10.0
    max_bytes: int = MAX_BODY
    max_concurrency: int | None = None
    requests_per_minute: float | None = None
    patience_seconds: float = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://", "${")):
            raise ValueError(f"url must start with http:// or https://, but got {self.url!r}")
        self.ceiling()

    def ceiling(self) -> Ceiling:
        """Say what is allowed at most."""
        return Ceiling(
            max_concurrency=self.max_concurrency,
            requests_per_minute=self.requests_per_minute,
            patience_seconds=self.patience_seconds,
        )

    @contextmanager
    def open(self, *, workers: int) -> Iterator["HttpSession"]:  # noqa: ARG002 - a connection per thread that asks
        """Make ready to connect."""
        with HttpSession(self) as session:
            yield session


class HttpSession:
    """The connections of a run, one for each thread."""

    grace_seconds: ClassVar[float] = 5.0  # to look up a name, which nothing can cut short

    def __init__(self, agent: HttpAgent) -> None:
        self._agent = agent
        self._url = _checked(_expanded(agent.url))
        self._host, self._ceiling = httpx.URL(self._url).netloc.decode(), agent.ceiling()
        headers = {name: _expanded(value) for name, value in agent.headers.items()}
        self._headers = {"Content-Type": "application/json", **headers}
        self._tls = httpx.create_ssl_context()
        self._local = threading.local()
        self._lines: list[_Line] = []
        self._closed = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, name="http-deadlines", daemon=True)

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        for line in self._lines:
            line.close()

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:  # noqa: ARG002 - a service has no workspace
        """Send the task, and read the answer."""
        body = request(task, seed=seed, fields=self._agent.fields)
        asked = through(self._host, partial(self._ask, body), seconds=task.limits.seconds, ceiling=self._ceiling)
        if not asked.held_back:
            return answered(asked.value)
        transcript = answered(asked.value)
        usage = msgspec.structs.replace(transcript.usage, held_back=asked.held_back)
        return msgspec.structs.replace(transcript, usage=usage)

    def _ask(self, body: bytes, seconds: float) -> bytes:
        status, headers, content = self._line().ask(body, seconds=seconds)
        if 200 <= status < 300:
            return content
        excerpt = content[:_EXCERPT].decode("utf-8", "replace")
        raise status_fault(status, excerpt, headers) or AgentFault(f"status:{status}", excerpt)

    def _line(self) -> "_Line":
        try:
            line: _Line = self._local.line
        except AttributeError:
            line = self._local.line = _Line(self._agent, self._url, self._headers, self._tls)
            self._lines.append(line)
        return line

    def _watch(self) -> None:
        """Cut exchanges that are over their time: a server that sends a byte now and then never lets a read end."""
        while not self._closed.wait(_TICK):
            now = time.monotonic()
            for line in list(self._lines):
                line.cut_after(now)


class _Line:
    """One thread's client, with a deadline that another thread can enforce."""

    def __init__(self, agent: HttpAgent, url: str, headers: dict[str, str], tls: ssl.SSLContext) -> None:
        self._agent = agent
        self._url = url
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        self._client = httpx.Client(verify=tls, limits=limits, headers=headers)
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._socket: socket.socket | None = None

    def ask(self, body: bytes, *, seconds: float) -> tuple[int, httpx.Headers, bytes]:
        """Exchange one request for one answer, in this many seconds."""
        deadline = time.monotonic() + seconds
        self._set(deadline)
        try:
            answer = self._exchange(body, seconds)
        except httpx.ConnectTimeout:
            raise
        except httpx.TransportError as exc:
            if time.monotonic() >= deadline:
                raise LimitReached("seconds") from exc
            raise
        else:
            if time.monotonic() >= deadline:  # where the end of a line ends an answer, one that was cut looks whole
                raise LimitReached("seconds")
            return answer
        finally:
            self._set(None)
            self._client.cookies.clear()

    def _exchange(self, body: bytes, seconds: float) -> tuple[int, httpx.Headers, bytes]:
        timeout = httpx.Timeout(seconds, connect=min(seconds, self._agent.connect_seconds))
        content = bytearray()
        with self._client.stream(
            self._agent.method, self._url, content=body, timeout=timeout, extensions={"trace": self._note}
        ) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > self._agent.max_bytes:
                    raise LimitReached("output", f"the answer is longer than {self._agent.max_bytes} bytes")
            return response.status_code, response.headers, bytes(content)

    def _note(self, event: str, details: dict[str, Any]) -> None:
        """Remember the socket of a new connection."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            found = details["return_value"].get_extra_info("socket")
            with self._lock:
                self._socket = found

    def _set(self, deadline: float | None) -> None:
        with self._lock:
            self._deadline = deadline

    def cut_after(self, now: float) -> None:
        """End the exchange under way if its time is up."""
        with self._lock:
            if self._deadline is None or now < self._deadline or self._socket is None:
                return
            try:
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not SSLSocket's own, which is another's to use
            except OSError:  # closed already
                return

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as exc:
        raise ConfigError(f"http agent: '{url}' is no URL: {exc}") from exc
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError(f"http agent: '{url}' must look like http://host/path")
    return url


def _expanded(text: str) -> str:
    """Fill in environment variables; one that is not set is a ConfigError that names it."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in os.environ:
            raise ConfigError(f"http agent: environment variable {name} is not set, but the options name it")
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", value, text)
