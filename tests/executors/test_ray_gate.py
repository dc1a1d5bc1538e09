from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="ray is not installed (pip install 'evalharness[ray]')")

from evalharness.gate import PRESETS
from evalharness.gates import carry_out
from evalharness.gating.baseline import Baseline, not_drifted
from evalharness.gating.beginning import begin_gate
from evalharness.model import AgentDefinition, Decision, Extension
from evalharness.runner import Pace, Stop, run
from evalharness.runs import begin
from evalharness.store import RunStore
from evalharness.suite import load_suite
from tests.executors.ray_jobs import SMALL
from tests.running import environment, evalh_process, write_suite

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own are no faults of ours
SOURCE = """
import time

def steady(task):
    time.sleep(0.3)
    return "yes"

def broken(task):
    time.sleep(0.3)
    return "no" if task.id == "t3" else "yes"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_suite(tmp_path, 8)
    (tmp_path / "gated_on_ray.py").write_text(SOURCE)
    return tmp_path


def agent(name):
    return AgentDefinition(name=name, use="function", options={"call": f"gated_on_ray:{name}"}, place=str(Path.cwd()))


def on(cluster, workers=2):
    return Pace(workers=workers, executor=Extension(use="ray", options={"address": cluster.address}))


def records(store):
    sides = (store.header.baseline, store.header.candidate)
    places = [Path(place) for side in sides for place in (side.run, side.confirm)]
    return {place.name.removeprefix(store.header.gate_id): list(RunStore(place).records()) for place in places}


def test_every_stage_of_a_gate_runs_on_the_cluster_and_a_node_that_is_killed_costs_no_attempt(cluster, project):
    suite = load_suite("suite.yaml")
    store = begin_gate(suite, agent("broken"), Baseline(definition=agent("steady")), policy=PRESETS["pr"], trials=3)
    victim, killed = cluster.add_node(**SMALL), []
    cluster.wait_for_nodes()

    def listen(tally):
        if tally.measured >= 3 and not killed:
            killed.append(victim)
            cluster.remove_node(victim, allow_graceful=False)

    try:
        result = carry_out(store, suite, pace=on(cluster, workers=6), stop=Stop(), listener=listen)
    finally:
        if not killed:
            with suppress(Exception):
                cluster.remove_node(victim)
    assert killed
    assert result.verdict.decision is Decision.BLOCK
    found = records(store)
    assert {name: len({each.key for each in kept}) == len(kept) for name, kept in found.items()} == dict.fromkeys(
        ("-baseline", "-baseline-confirm", "-candidate", "-candidate-confirm"), True
    )
    assert {each.attempt for kept in found.values() for each in kept} == {1}
    assert {each.task_id for each in found["-candidate-confirm"]} == {"t3"}
    assert len(found["-baseline"]) == len(found["-candidate"]) == 24


def test_each_arm_gets_its_part_of_few_places(cluster, project):
    suite = load_suite("suite.yaml")
    options = {"address": cluster.address, "per_node": 1}  # two nodes, and four workers wanted
    pace = Pace(workers=4, executor=Extension(use="ray", options=options))
    store = begin_gate(suite, agent("steady"), Baseline(definition=agent("steady")), policy=PRESETS["pr"], trials=1)
    result = carry_out(store, suite, pace=pace, stop=Stop())
    assert result.base_trials == 16


def test_a_stored_baseline_is_tried_on_the_cluster(cluster, project):
    suite = load_suite("suite.yaml")
    arm = begin(suite, agent("steady"), out=Path("stored"), trials=1)
    pace = on(cluster)
    with arm.store.writer() as writer:
        run(arm.owed(), job=arm.job(), executor=arm.executor(pace.executor), writer=writer, pace=pace)
    found = not_drifted(Baseline(stored="stored", definition=agent("steady")), suite, pace=pace, stop=Stop())
    assert found.stored == "stored"
    assert "no drift seen (8 fresh trials" in found.notes[0]


def test_the_command_takes_the_options_of_a_run_and_goes_on_elsewhere(cluster, project):
    arms = ("-b", "python:gated_on_ray:steady", "-c", "python:gated_on_ray:broken")
    done = evalh_process(
        *("gate", "suite.yaml", *arms, "-o", "gate", "-k", "3", "-j", "2", "--budget-minutes", "0.02"),
        *("--executor", "ray", "--ray-address", cluster.address),
        cwd=project,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    assert "time or money ended" in done.stdout
    again = evalh_process("gate", "gate", "-j", "8", cwd=project, env=environment())
    assert again.returncode == 1, again.stderr


def test_an_option_of_a_cluster_without_one_is_refused(project):
    arms = ("-b", "python:gated_on_ray:steady", "-c", "python:gated_on_ray:broken")
    done = evalh_process("gate", "suite.yaml", *arms, "--ray-address", "127.0.0.1:1", cwd=project)
    assert (done.returncode, done.stderr) == (
        2,
        "error: --ray-address speaks to a Ray cluster: say `--executor ray` too\n",
    )
    assert not (project / "runs").exists()
