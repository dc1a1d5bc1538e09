import json

import pytest

import evalharness
from evalharness.model import Decision
from evalharness.store import RunStore

AGENT = """
def steady(task):
    return task.expected

def broken(task):
    return "no" if task.id == "t1" else task.expected
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "apis.py").write_text(AGENT)
    tasks = [{"id": f"t{n}", "prompt": "say yes", "expected": "yes"} for n in range(12)]
    suite = {"tasks": tasks, "trials": 3, "graders": [{"use": "exact_match"}]}
    (tmp_path / "suite.yaml").write_text(json.dumps(suite))
    return tmp_path


def test_a_run_from_python_is_a_run_like_any_other(project):
    path = evalharness.run("suite.yaml", "python:apis:steady", trials=2)
    assert len(list(RunStore(path).records())) == 24


def test_a_gate_from_python_decides_and_shows_itself(project):
    found = evalharness.gate("suite.yaml", candidate="python:apis:broken", baseline="python:apis:steady")
    assert found.decision is Decision.BLOCK
    assert "t1" in found._repr_html_()
