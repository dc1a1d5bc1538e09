"""Grader for task folders: their own tests enter the container after the agent has ended, and leave a reward."""

import json
import math
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evalharness.errors import Unmeasured
from evalharness.graders import Executing, Untrusted
from evalharness.graders.answers import shortened, verdict
from evalharness.model import Grade, Task, Transcript
from evalharness.tasksets.source import DATA
from evalharness.workspaces import Completed, Workspace
from evalharness.workspaces.local import LocalWorkspace

TESTS, LOGS = "/tests", "/logs/verifier"
_PLACE = f'rm -rf {TESTS} {LOGS} && mkdir -p {LOGS} && mv "$1" {TESTS}'
_RUN = f'shell=$(command -v bash || command -v sh); exec "$shell" "{TESTS}/$1"'
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_READ = f"cat {LOGS}/reward.json 2>/dev/null || cat {LOGS}/reward.txt"


@dataclass(frozen=True, kw_only=True)
class Harbor(Executing):
    """Pass when a task folder's tests give the full reward.

    `tests` is their folder, seen from the suite's folder or from EVALH_DATA; it becomes `/tests`, and `script` in it is
    run. With `reward: file` (harbor) it leaves a number from 0 to 1 in /logs/verifier/reward.txt or reward.json; where
    none is left nothing was measured. With `reward: exit` (terminal-bench) exit code 0 is a pass. Tests that run over
    `seconds` are a fail. `env` is what they are told; ${NAME} in it is a variable of the host. `digest` stands for the
    content of the tests.
    """

    tests: str
    script: str = "test.sh"
    reward: Literal["file", "exit"] = "file"
    seconds: float = 600.0
    env: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    folder: str = "."

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Put the tests there, run them and read the reward."""
        if isinstance(workspace, LocalWorkspace):  # it would replace /tests of this machine
            raise Untrusted("harbor")
        inside = f".tests-{secrets.token_hex(8)}"
        tests = self._tests(task)
        workspace.upload(tests, inside)
        if not (tests / self.script).is_file():  # terminal-bench keeps it beside them
            workspace.upload(tests.parent / self.script, f"{inside}/{self.script}")
        placed = workspace.run(("sh", "-c", _PLACE, "sh", inside), timeout=60)
        if placed.exit_code != 0:
            raise Unmeasured("harbor:tests", _tail(placed))
        ended = workspace.run(("sh", "-c", _RUN, "sh", self.script), timeout=self.seconds, env=self._environment())
        if ended.stopped:
            return verdict("harbor", False, f"the tests were stopped: limit:{ended.stopped}")
        reward = float(ended.exit_code == 0) if self.reward == "exit" else _reward(workspace, ended)
        reason = "" if reward >= 1 else f"reward {reward:g}: {_tail(ended)}"
        return Grade(grader="harbor", score=min(1.0, max(0.0, reward)), passed=reward >= 1, reason=reason)

    def _environment(self) -> dict[str, str]:
        told = {
            name: _VARIABLE.sub(lambda found: os.environ.get(found[1], ""), text) for name, text in self.env.items()
        }
        return {"TEST_DIR": TESTS, **told}

    def _tests(self, task: Task) -> Path:
        roots = [self.folder, *([os.environ[DATA]] if os.environ.get(DATA) else [])]
        for tests in (Path(root, self.tests) for root in roots):
            if any((place / self.script).is_file() for place in (tests, tests.parent)):
                return tests
        raise FileNotFoundError(f"task '{task.id}': no {self.script} in or beside {self.tests}")


def _reward(workspace: Workspace, tests: Completed) -> float:
    read = workspace.run(("sh", "-c", _READ), timeout=60)
    try:
        said = json.loads(read.stdout)
        found = float(said.get("reward", min(said.values())) if isinstance(said, dict) else said)
    except (ValueError, TypeError) as exc:
        raise Unmeasured("harbor:no_reward", f"the tests left none: {_tail(tests)}") from exc
    if not math.isfinite(found):
        raise Unmeasured("harbor:no_reward", "the tests left no number")
    return found


def _tail(ended: Completed) -> str:
    words = " ".join((ended.stdout[-1000:] + b" " + ended.stderr[-1000:]).decode("utf-8", "replace").split())
    return shortened(words[-200:])
