"""Grader that runs what a model wrote against hidden tests, behind the walls of a sandbox or a container."""

import ast
import json
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from evalharness.errors import ConfigError
from evalharness.graders import Executing, Untrusted
from evalharness.graders.answers import shortened, too_long, verdict
from evalharness.graders.completion import programs
from evalharness.model import Grade, Task, Transcript
from evalharness.workspaces import Completed, Workspace
from evalharness.workspaces.local import LocalWorkspace

# Runs inside: takes the first program that compiles, and says the word only when the tests have come to their end.
DRIVER = """
import json, os, sys
given = json.load(sys.stdin)
for program in given["programs"]:
    try:
        code = compile(program, "answer.py", "exec")
        break
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        said = exc
else:
    sys.exit(f"no program: {type(said).__name__}: {said}")
names = {"__name__": "answer"}
exec(code, names)
if given["function"] not in names:
    sys.exit("the answer defines no " + given["function"])
exec(compile(given["tests"], "tests.py", "exec"), names)
names["check"](names[given["function"]])
sys.stdout.flush()
os.write(1, given["word"].encode())
os._exit(0)
"""


@dataclass(frozen=True, kw_only=True)
class UnitTests(Executing):
    """Pass when the function that the answer completes holds its tests.

    The row has the code that the answer goes on from in the field `start`, the name of the function in `function`, and
    in `tests` Python that defines `check(function)`. The tests reach the workspace after the agent has ended, and only
    the process that they run in. `python` is run in the workspace; a `local` one, which has no walls, is refused unless
    `trust: local` says that what a model wrote may run on this machine.

    The tests run in one process with what they test, as is usual for such sets: code that looks for a way to cheat
    finds one. Walls keep it from harm, not from that.
    """

    start: str = "start"
    function: str = "function"
    tests: str = "tests"
    seconds: float = 10.0
    python: str = "python3"
    trust: Literal["local"] | None = None

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise ValueError(f"seconds: {self.seconds} is not above 0")

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Put the program together and run it with its tests."""
        if self.trust is None and isinstance(workspace, LocalWorkspace):
            raise Untrusted("unit_tests")
        start, function, tests = (self._field(task, name) for name in (self.start, self.function, self.tests))
        _check_tests(tests, task.id)
        if reason := too_long(transcript.final):
            return verdict("unit_tests", False, reason)
        word = secrets.token_hex(16)
        given = {"programs": programs(start, transcript.final, function), "function": function, "tests": tests}
        stdin = json.dumps({**given, "word": word}).encode()
        ended = workspace.run((self.python, "-I", "-c", DRIVER), timeout=self.seconds, stdin=stdin)
        passed = ended.exit_code == 0 and ended.stdout.endswith(word.encode())
        return verdict("unit_tests", passed, self._reason(ended))

    def _field(self, task: Task, name: str) -> str:
        found = task.fields.get(name)
        if not isinstance(found, str):
            raise ConfigError(f"task '{task.id}' has no text in its field '{name}'")
        return found

    def _reason(self, ended: Completed) -> str:
        if ended.stopped == "seconds":
            return f"still running after {self.seconds:g} seconds"
        if ended.stopped:
            return "stopped: too much output" if ended.stopped == "output" else f"stopped: limit:{ended.stopped}"
        if ended.exit_code == 0:
            return "ended before its tests did"
        lines = ended.stderr[-4000:].decode("utf-8", "replace").strip().splitlines()
        return shortened(lines[-1]) if lines else f"exit code {ended.exit_code}"


@lru_cache(maxsize=4096)
def _check_tests(tests: str, task_id: str) -> None:
    """Refuse tests that could pass nobody: that would not be the answer's doing."""
    try:
        tree = ast.parse(tests)
    except (SyntaxError, ValueError) as exc:
        raise ConfigError(f"task '{task_id}': its tests are no Python: {exc}") from exc
    if not any(isinstance(each, ast.FunctionDef) and each.name == "check" for each in tree.body):
        raise ConfigError(f"task '{task_id}': its tests define no function `check`")
