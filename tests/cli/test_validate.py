"""`evalh validate`: what a suite and an agent come to, or what is wrong with them."""

import json
import subprocess
import sys

import pytest

from evalharness.cli import cli
from evalharness.errors import ConfigError

SUITE = """
name: mine
trials: 3
tasks:
  - {id: a, prompt: one, expected: "1", tags: {level: easy}}
  - {id: "b\\e[31m", prompt: two, expected: "2", tags: ["odd\\e[31m"], limits: {tokens: 9}}
graders: [{use: exact_match}]
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SUITE)
    (tmp_path / "mine.py").write_text("def agent(task):\n    return 'one'\n")


def test_a_suite_is_described(capsys):
    cli.main(["validate", "s.yaml", "--agent", "python:mine:agent"], standalone_mode=False)
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["suite"] == "mine"
    assert lines["tasks"] == "2 x 3 trials = 6 trials"
    assert lines["graders"] == "exact_match 2"
    assert lines["limits"] == "300 s / 300 s, 9 tokens"
    assert lines["gate"].startswith("none")
    assert lines["agent"].startswith("python:mine:agent (function, ")
    assert "\x1b" not in lines["tags"]
    assert "level:easy 1" in lines["tags"]


def test_json_is_one_document(capsys):
    cli.main(["validate", "s.yaml", "--agent", "python:mine:agent", "--json"], standalone_mode=False)
    seen = json.loads(capsys.readouterr().out)
    assert (seen["tasks"], seen["trials"], seen["trials_in_all"]) == (2, 3, 6)
    assert seen["tags"] == {"level:easy": 1, "odd\x1b[31m": 1}
    assert len(seen["digest"]) == len(seen["agent"]["fingerprint"]) == 64


def test_a_bad_agent_is_refused():
    with pytest.raises(ConfigError, match=r"none.yaml: no such file"):
        cli.main(["validate", "s.yaml", "--agent", "none.yaml"], standalone_mode=False)


def test_what_is_wrong_is_one_line_and_exit_code_2(tmp_path):
    (tmp_path / "s.yaml").write_text(SUITE + "trails: 3\n")
    done = subprocess.run(
        [sys.executable, "-m", "evalharness", "validate", "s.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "error: s.yaml: unknown key 'trails' (did you mean 'trials'?)\n"


@pytest.mark.parametrize(("held", "warned"), [(1, True), (2, False)])
def test_a_held_out_slice_of_one_task_is_said_to_decide_nothing(tmp_path, capsys, held, warned):
    tasks = [
        {"id": f"t{n}", "prompt": "p", "expected": "yes", "tags": ["holdout"] if n < held else []} for n in range(12)
    ]
    rules = [{"use": "no_worse"}, {"use": "no_confirmed_regressions"}, {"use": "holdout"}]
    suite = {"name": "s", "trials": 5, "tasks": tasks, "graders": [{"use": "exact_match"}], "gate": {"rules": rules}}
    (tmp_path / "held.yaml").write_text(json.dumps(suite))
    cli.main(["validate", "held.yaml"], standalone_mode=False)
    assert ("only 't0' is held out, and one task can decide nothing" in capsys.readouterr().out) is warned
