"""A gate's trials run wherever a run's do: on executors by name, whatever they are."""

from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from evalharness.executors.threads import ThreadExecutor
from evalharness.gate import PRESETS
from evalharness.gates import carry_out
from evalharness.gating.baseline import Baseline, not_drifted
from evalharness.gating.beginning import begin_gate
from evalharness.model import AgentDefinition, Decision, Extension
from evalharness.runner import Pace, Stop
from evalharness.store import RunStore
from evalharness.suite import load_suite
from tests.running import evalh, write_suite

SOURCE = """
def steady(task):
    return "yes"

def broken(task):
    return "no" if task.id == "t3" else "yes"
"""
HEARD: Counter[str] = Counter()


class Heard(ThreadExecutor):
    """Threads that say what they are handed."""

    def open(self, job, *, workers):
        HEARD[f"agent {type(job.agent).__name__}"] += 1
        super().open(job, workers=workers)

    def submit(self, trial):
        HEARD["trials"] += 1
        super().submit(trial)


class Elsewhere(Heard):
    """One that opens agents itself, on ground that is shared."""

    @contextmanager
    def ground(self, *, workers):
        HEARD[f"shared by {workers}"] += 1
        yield


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_suite(tmp_path, 8)
    (tmp_path / "gated.py").write_text(SOURCE)
    HEARD.clear()
    return tmp_path


def agent(name):
    return AgentDefinition(name=name, use="function", options={"call": f"gated:{name}"}, place=str(Path.cwd()))


def named(executor):
    return Pace(workers=2, executor=Extension(use=f"{__name__}:{executor.__name__}"))


def gated(candidate, pace):
    suite = load_suite("suite.yaml")
    baseline = Baseline(definition=agent("steady"))
    store = begin_gate(suite, agent(candidate), baseline, policy=PRESETS["pr"], trials=3)
    return store, carry_out(store, suite, pace=pace, stop=Stop())


def test_every_trial_of_a_gate_goes_to_the_executor_that_is_named(project):
    store, result = gated("broken", named(Heard))
    assert result.verdict.decision is Decision.BLOCK
    sides = (store.header.baseline, store.header.candidate)
    kept = sum(len(list(RunStore(Path(place)).records())) for side in sides for place in (side.run, side.confirm))
    assert kept == result.base_trials + result.fresh_trials
    assert HEARD["trials"] >= kept
    assert HEARD["agent FunctionAgent"] == 0  # opened once, and kept open between the stages


def test_an_executor_of_other_processes_opens_the_agents_itself_on_shared_ground(project):
    _, result = gated("broken", named(Elsewhere))
    assert result.verdict.decision is Decision.BLOCK
    assert HEARD["shared by 2"] == 1
    assert HEARD["agent FunctionAgent"] >= 4  # two arms, and at least two stages


def test_the_sample_of_a_stored_baseline_goes_there_too(project):
    store, _ = gated("steady", Pace(workers=2))
    stored = Baseline(stored=store.header.candidate.run, definition=agent("steady"))
    found = not_drifted(stored, load_suite("suite.yaml"), pace=named(Heard), stop=Stop())
    assert found.stored
    assert HEARD["trials"] == 8


@pytest.mark.parametrize("command", ["run", "gate"])
def test_an_unknown_executor_is_named_before_anything_is_made(project, command):
    arms = {"run": ("-a", "python:gated:steady"), "gate": ("-b", "python:gated:steady", "-c", "python:gated:broken")}
    done = evalh(command, "suite.yaml", *arms[command], "--executor", "rays", cwd=project)
    assert done.returncode == 2
    assert "unknown executor 'rays' (did you mean 'ray'?)" in done.stderr
    assert not [*project.glob("runs/*"), *project.glob("gates/*")]
