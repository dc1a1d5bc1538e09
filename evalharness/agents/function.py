"""Function agents: `fn(task, workspace=..., seed=...)`, sync or async, returning text or a Transcript.

By default they run in host processes of their own (`hosts`), so that whatever they do to their process, their working
folder or their modules stays there, and one that hangs can be ended.
"""

import asyncio
import importlib
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from msgspec import Struct, field

from evalharness.agents import Agent
from evalharness.agents.hosts import HostPool
from evalharness.agents.wire import HostSpec
from evalharness.errors import AgentFault, ConfigError
from evalharness.model import Task, Transcript, UnmeasuredRules
from evalharness.workspaces import Workspace


class FunctionAgent(Struct, frozen=True, kw_only=True):
    """Call a Python function, named `module:function`.

    `takes` is what it is given: the `task` (with `workspace` and `seed`, where it names such parameters) or just the
    `prompt`. `isolation` is `host` or `none` (in this process: for instant functions and for debugging). `python` is
    the interpreter of the hosts; `folder` is where they run and import from.
    """

    call: str
    takes: Literal["task", "prompt"] = "task"
    isolation: Literal["host", "none"] = "host"
    python: str | None = None
    folder: str = "."
    unmeasured: UnmeasuredRules = field(default_factory=UnmeasuredRules)

    def __post_init__(self) -> None:
        if self.call.count(":") != 1:
            raise ValueError(f"call must be 'module:function', but got {self.call!r}")

    @contextmanager
    def open(self, *, workers: int) -> Iterator[Agent]:
        """Start hosts, or import the function here."""
        folder = os.path.abspath(self.folder)  # noqa: PTH100 - hosts run elsewhere, links stay as they are
        if self.isolation == "none":
            with _InProcess(self.call, self.takes, folder) as session:
                yield session
            return
        spec = HostSpec(call=self.call, takes=self.takes, folder=folder, unmeasured=self.unmeasured)
        pool = HostPool(spec, python=self.python or sys.executable, workers=workers)
        try:
            yield pool
        finally:
            pool.close()


class Function:
    """A user's function, called with what it asks for."""

    def __init__(self, call: str, takes: str) -> None:
        module, _, name = call.partition(":")
        self._function: Callable[..., Any] = _attribute(importlib.import_module(module), name)
        self.is_async = inspect.iscoroutinefunction(self._function)
        self._takes = takes
        parameters = inspect.signature(self._function).parameters.values()
        anything = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)
        named = {each.name for each in parameters}
        self._extras = tuple(name for name in ("workspace", "seed") if anything or name in named)

    def __call__(self, task: Task, workspace: Workspace, seed: int) -> Any:
        """Call it: the answer, or a coroutine of it."""
        given = {"workspace": workspace, "seed": seed}
        extras = {name: given[name] for name in self._extras}
        return self._function(task.prompt if self._takes == "prompt" else task, **extras)


def _attribute(module: Any, path: str) -> Any:
    for name in path.split("."):
        module = getattr(module, name)
    return module


def transcript_of(answer: Any) -> Transcript:
    """Take what a function returned as a transcript."""
    if isinstance(answer, Transcript):
        return answer
    if isinstance(answer, str):
        return Transcript(final=answer)
    raise AgentFault("answer:type", f"the function returned {type(answer).__name__}, not text or a Transcript")


class _InProcess:
    """Calls the function in the thread that asks; async ones share one event loop."""

    def __init__(self, call: str, takes: str, folder: str) -> None:
        if folder not in sys.path:
            sys.path.insert(0, folder)
        try:
            self._function = Function(call, takes)
        except (ImportError, AttributeError) as exc:
            raise ConfigError(f"agent function '{call}' cannot be imported from {folder}: {exc}") from exc
        _check_origin(call, folder)
        self._loop = asyncio.new_event_loop() if self._function.is_async else None

    def __enter__(self) -> Self:
        if self._loop:
            threading.Thread(target=_serve, args=(self._loop,), daemon=True, name="evalh-async").start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop:
            self._loop.call_soon_threadsafe(self._loop.stop)

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:
        """Call the function."""
        answer = self._function(task, workspace, seed)
        if self._loop:
            answer = asyncio.run_coroutine_threadsafe(answer, self._loop).result()
        return transcript_of(answer)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _check_origin(call: str, folder: str) -> None:
    """Refuse a module of the same name that this process has imported from elsewhere."""
    name = call.partition(":")[0]
    found = getattr(sys.modules[name], "__file__", None)
    here = Path(folder, *name.split("."))
    own = [file for file in (here.with_suffix(".py"), here / "__init__.py") if file.is_file()]
    if found and own and not any(file.samefile(found) for file in own):
        raise ConfigError(
            f"agent function '{call}': this process has imported another '{name}' already ({found}): "
            "use `isolation: host`"
        )
