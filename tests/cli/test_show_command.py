import json

import pytest

from tests.running import evalh, write_agent, write_suite

SOURCE = """
from evalharness.model import Message, Transcript, Usage

def answer(task, seed):
    said = Message(role="assistant", content="thinking\\x1b[31m\\u2028 " * 200)
    final = {"t0": "yes", "t1": "no", "t2": "yes" if seed % 2 else "no"}[task.id]
    return Transcript(final=final, messages=(said,), usage=Usage(cost_usd=0.01, input_tokens=5), model="m-1")
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("show")
    write_suite(folder)
    write_agent(folder, SOURCE, isolation="none")
    done = evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", "-k", 6, "--seed", 1, cwd=folder)
    assert done.returncode == 0
    return folder


def test_a_run_is_shown_with_its_numbers(here):
    shown = evalh("show", "run", cwd=here)
    assert shown.returncode == 0
    for text in ("95 %", "3 tasks", "pass rate", "unmeasured", "cost: $0.18", "models: m-1", "slowest", "flakiest"):
        assert text in shown.stdout


def test_json_says_the_same(here):
    shown = json.loads(evalh("show", "run", "--json", cwd=here).stdout)
    assert (shown["always"], shown["never"], shown["varying"], shown["complete"]) == (1, 1, 1, True)


def test_a_transcript_is_read_back_without_its_escape_codes(here):
    shown = evalh("show", "run", "--task", "t0", "--trial", 1, cwd=here)
    assert shown.stdout.count("thinking") == 200
    assert "\x1b" not in shown.stdout


def test_a_transcript_is_read_back_whole_as_json(here):
    [shown] = json.loads(evalh("show", "run", "--task", "t0", "--trial", 1, "--json", cwd=here).stdout)
    assert shown["transcript"]["messages"][0]["content"] == "thinking\x1b[31m\u2028 " * 200


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "does not exist"),
        (["."], "is no run directory"),
        (["run", "--task", "t9"], "no trial of task 't9'"),
        (["run", "--trial", "1"], "--trial needs --task"),
    ],
)
def test_what_cannot_be_shown_is_named(here, arguments, says):
    shown = evalh("show", *arguments, cwd=here)
    assert (shown.returncode, says in shown.stderr) == (2, True)
    assert "Traceback" not in shown.stderr
