"""Grader that is a Python function of the team's own."""

import importlib
import math
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from evalharness.graders import Untrusted
from evalharness.model import Grade, Task, Transcript
from evalharness.workspaces import Completed, Workspace
from evalharness.workspaces.local import LocalWorkspace

_LOCK = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class FunctionGrader:
    """Let `call: module:function` judge: it returns whether the answer passes, a score from 0 to 1, or a Grade.

    It is called with task, transcript and workspace, or with `takes: answer` with the final answer and the expected
    one; `options` follow as keywords. A score passes from `threshold` on. An exception, or any other result, means that
    the grader is broken: nothing was measured. The module is looked for in `folder` first, the suite's own.

    The function itself runs on this machine, and must not execute an answer; `workspace.run` does, behind walls. In a
    `local` workspace, which has none, `workspace.run` raises unless `trust: local` decides otherwise.
    """

    call: str
    takes: Literal["task", "answer"] = "task"
    threshold: float = 0.5
    options: dict[str, Any] = field(default_factory=dict)
    trust: Literal["local"] | None = None
    folder: str = "."

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold: {self.threshold} is not above 0 and at most 1")
        _imported(self.call, self.folder)  # a name that leads nowhere is refused now, not after the first trial

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Call the function."""
        if self.trust is None and isinstance(workspace, LocalWorkspace):
            workspace = _Unrun(workspace.folder)
        given = (transcript.final, task.expected) if self.takes == "answer" else (task, transcript, workspace)
        judged = _imported(self.call, self.folder)(*given, **self.options)
        if isinstance(judged, Grade):
            _check_score(judged.score)
            return judged
        judged = judged.item() if hasattr(judged, "item") else judged  # a number of numpy's
        if isinstance(judged, bool):
            return self._grade(float(judged), passed=judged)
        if not isinstance(judged, int | float):
            raise TypeError(f"{self.call} returned {type(judged).__name__}, not a bool, a number or a Grade")
        _check_score(judged)
        return self._grade(float(judged), passed=judged >= self.threshold)

    def _grade(self, score: float, *, passed: bool) -> Grade:
        reason = "" if passed else f"{self.call} says {score:g}"
        return Grade(grader="function", score=score, passed=passed, reason=reason)


class _Unrun(LocalWorkspace, frozen=True):
    """A local workspace in which nothing is run."""

    def run(
        self, command: Sequence[str], *, timeout: float, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> Completed:
        """Refuse."""
        raise Untrusted("function")


@lru_cache(maxsize=256)
def _imported(call: str, folder: str) -> Callable[..., Any]:
    module, _, name = call.partition(":")
    try:
        found: Any = _module(module, str(Path(folder).resolve()))
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as exc:
        raise ValueError(f"call: {call!r} cannot be imported: {exc}") from exc
    if not callable(found):
        raise ValueError(f"call: {call!r} is no function")  # noqa: TRY004 - wrong options are ValueErrors
    return found  # type: ignore[no-any-return] # whatever a module holds


def _module(name: str, folder: str) -> ModuleType:
    """Import a module, from a folder before all others; what it imports later is found there too, after all others."""
    with _LOCK:
        if folder not in sys.path:
            sys.path.append(folder)
        sys.path.insert(0, folder)
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove(folder)


def _check_score(score: float) -> None:
    if not (math.isfinite(score) and 0 <= score <= 1):
        raise ValueError(f"a grader's score {score} is not between 0 and 1")
