import json

import pytest

from evalharness.executors.threads import ThreadExecutor
from evalharness.gating.baseline import not_drifted, resolve
from evalharness.gating.drift import sampled
from evalharness.model import AgentDefinition
from evalharness.outcomes import read
from evalharness.runner import Pace, Stop, run
from evalharness.runs import begin
from evalharness.suite import load_suite


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tasks = [{"id": f"t{n}", "prompt": "say yes", "expected": "yes"} for n in range(30)]
    (tmp_path / "suite.yaml").write_text(
        json.dumps({"name": "yes", "tasks": tasks, "trials": 5, "graders": [{"use": "exact_match"}]})
    )
    return load_suite("suite.yaml")


def scripted(chance):
    return AgentDefinition(name="scripted", use="scripted", options={"answers": {"*": {"pass": chance}}})


@pytest.fixture
def stored(suite, tmp_path):
    arm = begin(suite, scripted(0.95), out=tmp_path / "stored", seed=3)
    with arm.store.writer() as writer:
        run(arm.owed(), job=arm.job(), executor=ThreadExecutor(), writer=writer, pace=Pace())
    return tmp_path / "stored"


def test_an_agent_that_answers_as_before_has_not_drifted(suite, stored):
    drift = sampled(read(stored), suite, scripted(0.95), pace=Pace(), stop=Stop())
    assert drift.tasks == 20
    assert not drift.shown


def test_an_agent_that_fails_now_has_drifted(suite, stored):
    assert sampled(read(stored), suite, scripted(0.1), pace=Pace(), stop=Stop()).shown


def test_a_stored_baseline_is_kept_with_the_evidence_that_it_still_stands(suite, stored):
    baseline = not_drifted(resolve(str(stored), suite), suite, pace=Pace(), stop=Stop())
    assert baseline.stored == str(stored)
    assert "no drift seen (20 fresh trials" in baseline.notes[-1]
