"""Grader for task folders: their own tests enter the container after the agent has ended, and leave a reward.

Whatever an agent can have caused by what it left behind is its fail, with the reason: tests that cannot be placed or
started, that run over their time, or leave no reward. Otherwise one that breaks its container would not be counted.
Unmeasured is only what the engine or this machine did; that is said by the workspace, never by what runs inside.
"""

import json
import math
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evalharness.graders import Executing, Untrusted
from evalharness.graders.answers import shortened, verdict
from evalharness.model import Grade, Task, Transcript
from evalharness.tasksets.harbor_task import resolved
from evalharness.tasksets.source import DATA
from evalharness.workspaces import Completed, Workspace
from evalharness.workspaces.local import LocalWorkspace

TESTS, LOGS = "/tests", "/logs/verifier"
_PLACE = f'rm -rf {TESTS} {LOGS} && mkdir -p {LOGS} && mv "$1" {TESTS} && chmod +x "{TESTS}/$2"'
_SHELL = "shell=$(command -v bash || command -v sh)"
_RUN = {
    # By itself, so that its first line says what runs it, from a shell that takes one without such a line.
    "file": f'{_SHELL}; exec "$shell" -c \'"$0"\' "{TESTS}/$1"',
    "pytest": f'{_SHELL}; exec "$shell" "{TESTS}/$1"',
    "exit": f'{_SHELL}; exec "$shell" "{TESTS}/$1"',
}
_HEADING = re.compile(r"^=+ *short test summary info *=+\s*$", re.MULTILINE | re.IGNORECASE)
_RESULT = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b.*\S", re.MULTILINE)
_BAD = {"FAILED", "ERROR", "XPASS"}
_READ = f"cd {LOGS} && for each in reward.json reward.txt; do [ -e $each ] && echo $each && exec cat $each; done"


@dataclass(frozen=True, kw_only=True)
class Harbor(Executing):
    """Pass when a task folder's tests give the full reward.

    `tests` is their folder, seen from the suite's folder or from EVALH_DATA; it becomes `/tests`, and `script` in it is
    run. With `reward: file` (harbor) it leaves a number from 0 to 1 in /logs/verifier/reward.txt, or numbers by name in
    reward.json: the one called `reward` counts, or else the lowest. With `reward: pytest` (terminal-bench) it prints
    pytest's short summary (`-rA`), in which nothing failed; with `reward: exit` exit code 0 is a pass. `env` is what
    the tests are told, where ${NAME} and ${NAME:-default} are variables of the host. `digest` stands for the content of
    the tests.
    """

    tests: str
    script: str = "test.sh"
    reward: Literal["file", "pytest", "exit"] = "file"
    seconds: float = 600.0
    env: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    folder: str = "."

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Put the tests there, run them and read the reward."""
        if isinstance(workspace, LocalWorkspace):  # it would replace /tests of this machine
            raise Untrusted("harbor")
        tests, env = self._tests(task), {"TEST_DIR": TESTS, **resolved(self.env)}
        if fault := self._place(tests, workspace):
            return _failed(f"the tests cannot be placed: {fault}")
        ended = workspace.run(("sh", "-c", _RUN[self.reward], "sh", self.script), timeout=self.seconds, env=env)
        if ended.stopped:
            return _failed(f"the tests were stopped: limit:{ended.stopped}")
        if self.reward == "exit":
            return _rewarded(float(ended.exit_code == 0), ended)
        if self.reward == "pytest":
            return _summed_up(ended)
        read = workspace.run(("sh", "-c", _READ), timeout=60)
        reward = reward_in(read.stdout)
        return _failed(f"no reward: {_found(read)}; {_end(ended)}") if reward is None else _rewarded(reward, ended)

    def _place(self, tests: Path, workspace: Workspace) -> str | None:
        """Put the tests where they belong; say what is in the way, if anything."""
        inside = f".tests-{secrets.token_hex(8)}"
        try:
            workspace.upload(tests, inside)
            if not (tests / self.script).is_file():  # terminal-bench keeps it beside them
                workspace.upload(tests.parent / self.script, f"{inside}/{self.script}")
        except NotADirectoryError as exc:  # what a container says when it does not take a file
            return shortened(str(exc))
        placed = workspace.run(("sh", "-c", _PLACE, "sh", inside, self.script), timeout=60)
        return None if placed.exit_code == 0 else _end(placed)

    def _tests(self, task: Task) -> Path:
        roots = [self.folder, *([os.environ[DATA]] if os.environ.get(DATA) else [])]
        for tests in (Path(root, self.tests) for root in roots):
            if any((place / self.script).is_file() for place in (tests, tests.parent)):
                return tests
        raise FileNotFoundError(f"task '{task.id}': no {self.script} in or beside {self.tests}")


def reward_in(left: bytes) -> float | None:
    """Take the number from the name of a reward file and, after a line break, its content; None where there is none."""
    name, _, content = left.partition(b"\n")
    try:
        said = json.loads(content) if name == b"reward.json" else float(content)
        values = list(said.values()) if isinstance(said, dict) else [said]
        numbers = [float(each) for each in values if isinstance(each, int | float)]
    except (ValueError, OverflowError, RecursionError):
        return None
    if not numbers or len(numbers) < len(values) or not all(map(math.isfinite, numbers)):
        return None
    return float(said["reward"]) if isinstance(said, dict) and "reward" in said else min(numbers)


def _summed_up(tests: Completed) -> Grade:
    """Judge by the lines after pytest's heading; whatever was printed before it is not pytest's own."""
    _, *rest = _HEADING.split((tests.stdout + b"\n" + tests.stderr).decode("utf-8", "replace"), maxsplit=1)
    found = set(_RESULT.findall("".join(rest)))
    if not found:
        return _failed(f"no reward: the tests printed no summary of pytest (-rA); {_end(tests)}")
    return _rewarded(float(not found & _BAD), tests)


def _rewarded(reward: float, tests: Completed) -> Grade:
    reason = "" if reward >= 1 else f"reward {reward:g}: {_end(tests)}"
    return Grade(grader="harbor", score=min(1.0, max(0.0, reward)), passed=reward >= 1, reason=reason)


def _failed(reason: str) -> Grade:
    return verdict("harbor", False, reason)


def _found(read: Completed) -> str:
    content = " ".join(read.stdout[:80].decode("utf-8", "replace").split())
    return f"the tests left {content!r}" if content else "the tests left none"


def _end(ended: Completed) -> str:
    """Say how a command ended, with the last of what it printed."""
    words = " ".join((ended.stdout[-1000:] + b" " + ended.stderr[-1000:]).decode("utf-8", "replace").split())
    how = f"limit:{ended.stopped}" if ended.stopped else f"exit code {ended.exit_code}"
    return shortened(f"{how}: {words[-200:]}" if words else how)
