import importlib
import json

import pytest

import evalharness
from evalharness.errors import ConfigError
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
    [gate] = (project / "gates").iterdir()
    assert (gate / "report.md").read_text() == found.markdown()
    assert "BLOCK" in (gate / "report.html").read_text()


def test_a_function_is_taken_by_its_module(project, monkeypatch):
    monkeypatch.syspath_prepend(str(project))
    agent = importlib.import_module("apis").steady
    assert len(list(RunStore(evalharness.run("suite.yaml", agent, trials=1)).records())) == 12


@pytest.mark.parametrize(
    ("suite", "agent"), [({"tasks": []}, "local"), ("suite.yaml", 5), ("suite.yaml", lambda _: "")]
)
def test_what_is_no_name_and_no_importable_function_is_named(project, suite, agent):
    with pytest.raises(ConfigError):
        evalharness.run(suite, agent)
