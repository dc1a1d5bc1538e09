from typing import Any

import pytest

from evalharness.errors import ConfigError
from evalharness.graders import Untrusted
from evalharness.graders.completion import programs
from evalharness.graders.unit_tests import UnitTests
from evalharness.model import Task, Transcript
from evalharness.workspaces import bubblewrap
from evalharness.workspaces.local import LocalWorkspace, LocalWorkspaces
from evalharness.workspaces.sandbox import SandboxWorkspaces

START = 'import math\n\n\ndef half(x):\n    """Halve it."""\n'
TESTS = "def check(candidate):\n    assert candidate(4) == 2\n    assert candidate(3) == 1.5\n"
TASK = Task(id="t", prompt="", fields={"start": START, "function": "half", "tests": TESTS})

sandboxed = pytest.mark.skipif(bubblewrap.missing() is not None, reason=str(bubblewrap.missing()))


@pytest.fixture
def place():
    """A folder is enough for code of our own."""
    with LocalWorkspaces().fresh() as workspace:
        yield workspace


def judged(answer, workspace, *, task=TASK, **options):
    return UnitTests(**{"trust": "local", "python": "python", **options}).grade(
        task, Transcript(final=answer), workspace
    )


RIGHT = {
    "body": "    return x / 2\n",
    "body, stripped": "return x / 2",
    "longer body": "    y = x\n    y = y / 2\n    return y",
    "longer body, stripped": "y = x\n    y = y / 2\n    return y",
    "body without indentation": "y = x\ny = y / 2\nreturn y",
    "loop, stripped": "for _ in range(1):\n        return x / 2\n    return 0",
    "body, and what a base model writes next": "    return x / 2\n\n\ndef double(x):\n    return (\n# half a comm",
    "whole function": "def half(x):\n    return x / 2",
    "fenced function": "Sure!\n```python\ndef half(x):\n    return x / 2\n```\nThat halves it.",
    "fence that was cut off": "```python\ndef half(x):\n    return x / 2\n",
    "fenced body": "```\n    return x / 2\n```",
    "fenced body without indentation": "```py\ny = x / 2\nreturn y\n```",
    "indented fence": "1. So:\n   ```python\n   def half(x):\n       return x / 2\n   ```",
    "another block after it": "```python\ndef half(x):\n    return x / 2\n```\nTry it:\n```python\nprint(half(4))\n```",
    "function after prose": "The function is:\n\ndef half(x):\n    return x / 2",
    "imports of its own": "```python\nfrom operator import truediv\ndef half(x):\n    return truediv(x, 2)\n```",
    "imports that were given": "def half(x):\n    return math.fabs(x) / 2",
    "printing": "    print('x' * 1000)\n    return x / 2",
    "what runs as a script": "def half(x):\n    return x / 2\nif __name__ == '__main__':\n    exit(3)",
}

WRONG = {
    "nothing": ("", "AssertionError"),
    "prose": ("I cannot do that.", "no program: SyntaxError"),
    "wrong": ("    return x // 2", "AssertionError"),
    "crash": ("    return x / 0", "ZeroDivisionError"),
    "no program": ("```python\ndef half(x:\n```", "no program: SyntaxError"),
    "no function": ("```python\nhalf = 3\n```", "AssertionError"),
    "deleted": ("def half(x):\n    return 1\ndel half", "defines no half"),
    "leaving": ("    import sys\n    sys.exit(0)", "ended before its tests did"),
    "leaving early": ("import os\ndef half(x):\n    os._exit(0)", "ended before its tests did"),
    "killing itself": ("    import os\n    os.kill(os.getpid(), 9)", "exit code -9"),
    "endless": ("    while True: pass", "still running after 1 seconds"),
    "flood": ("    while True: print('x' * 10000)", "stopped: too much output"),
    "null": ("    return '\0'", "no program"),
    "half a character": ("    return '\ud800'", "no program"),
    "too long": ("x" * 300_000, "characters long"),
}


@pytest.mark.parametrize("answer", RIGHT.values(), ids=list(RIGHT))
def test_a_right_answer_is_understood_however_it_is_written(answer):
    """Put together and run here: a process for each takes its time."""
    code = next(filter(None, map(compiled, programs(START, answer, "half"))))
    names: dict[str, Any] = {"__name__": "answer"}
    exec(code, names)
    assert (names["half"](4), names["half"](3)) == (2, 1.5)


def compiled(program):
    try:
        return compile(program, "answer.py", "exec")
    except SyntaxError:
        return None


@pytest.mark.parametrize("name", ["body, stripped", "whole function", "printing", "what runs as a script"])
def test_a_right_answer_passes(place, name):
    assert judged(RIGHT[name], place).passed, judged(RIGHT[name], place).reason


@pytest.mark.parametrize("tests", ["def check(", "def test(candidate):\n    pass\n", ""])
def test_tests_that_nobody_could_pass_measure_nothing(place, tests):
    with pytest.raises(ConfigError, match="its tests"):
        judged(RIGHT["body"], place, task=Task(id="t", prompt="", fields={**TASK.fields, "tests": tests}))


@pytest.mark.parametrize(("answer", "reason"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_answer_fails_and_says_why(place, answer, reason):
    grade = judged(answer, place, seconds=1)
    assert not grade.passed
    assert reason in grade.reason


def test_helpers_that_were_given_stay_in_reach():
    start = "def helper(x):\n    return x\n\n\ndef half(x):\n    '''Halve.'''\n"
    assert "def helper" in programs(start, "def half(x):\n    return helper(x) / 2", "half")[0]


def test_what_a_model_wrote_is_not_run_without_walls_unasked(place):
    with pytest.raises(Untrusted, match="unit_tests"):
        UnitTests().grade(TASK, Transcript(final=RIGHT["body"]), place)


@pytest.mark.parametrize("missing", ["start", "function", "tests"])
def test_a_task_without_what_it_needs_measures_nothing(place, missing):
    fields = {name: text for name, text in TASK.fields.items() if name != missing}
    with pytest.raises(ConfigError, match=f"has no text in its field '{missing}'"):
        judged("", place, task=Task(id="t", prompt="", fields=fields))


def test_a_python_that_is_not_there_measures_nothing(place):
    with pytest.raises(FileNotFoundError):
        judged(RIGHT["body"], place, python="python9")


def test_seconds_must_be_positive():
    with pytest.raises(ValueError, match="seconds"):
        UnitTests(seconds=0)


ESCAPES = {
    "the network": "    import socket\n    socket.create_connection(('1.1.1.1', 53), 1)\n    return x / 2",
    "the home of the user": "    import os\n    assert os.listdir(os.path.expanduser('~root'))\n    return x / 2",
    "the environment": "    import os\n    assert os.environ['A_TOKEN_OF_THE_HOST']\n    return x / 2",
    "memory": "    return [bytearray(1 << 30) for _ in range(9)] and x / 2",
}


@sandboxed
@pytest.mark.parametrize("answer", ESCAPES.values(), ids=list(ESCAPES))
def test_behind_walls_a_model_reaches_nothing(monkeypatch, answer):
    monkeypatch.setenv("A_TOKEN_OF_THE_HOST", "secret")
    with SandboxWorkspaces(python=True, memory="1g").fresh() as walled:
        assert not judged(answer, walled, trust=None, seconds=20).passed
        assert judged(RIGHT["body"], walled, trust=None, seconds=20).passed


@sandboxed
def test_the_hidden_tests_lie_in_no_file(monkeypatch):
    look = (
        "    import subprocess, sys\n"
        "    interpreter = ['-path', sys.prefix, '-prune', '-o']\n"
        "    look = ['-exec', 'grep', '-l', 'candidate', '{}', '+']\n"
        "    words = ['find', '/workspace', '/tmp', *interpreter, '-type', 'f', *look]\n"
        "    found = subprocess.run(words, capture_output=True, text=True).stdout\n"
        "    assert found == '', found\n"
        "    return x / 2"
    )
    with SandboxWorkspaces(python=True).fresh() as walled:
        grade = judged(look, walled, trust=None, seconds=20)
        assert grade.passed, grade.reason


def test_a_workspace_is_left_as_it_was(tmp_path):
    place = LocalWorkspace(folder=str(tmp_path))
    assert judged(RIGHT["body"], place).passed
    assert place.find("**/*") == []
