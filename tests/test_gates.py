import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from evalharness.baseline import Baseline, resolve
from evalharness.budget import Budget
from evalharness.gate import PRESETS
from evalharness.gate_store import GateStore
from evalharness.gates import Question, ask, begin_gate, carry_out, escalated
from evalharness.model import AgentDefinition, Allowance, Decision
from evalharness.runner import Pace, Stop
from evalharness.store import RunStore
from evalharness.suite import load_suite

AGENT = """
import random, time

def steady(task, seed):
    return task.expected

def flaky(task, seed):
    return task.expected if random.Random(seed).random() < 0.8 else "no"

def broken(task, seed):
    return "no" if task.id == "t3" else task.expected

def worse(task, seed):
    return task.expected if random.Random(seed).random() < 0.6 else "no"

def slow(task, seed):
    time.sleep(0.25)
    return "no" if task.id == "t3" else task.expected
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arms.py").write_text(AGENT)
    tasks = [{"id": f"t{n}", "prompt": "say yes", "expected": "yes"} for n in range(24)]
    suite = {"name": "yes", "tasks": tasks, "trials": 3, "graders": [{"use": "exact_match"}]}
    (tmp_path / "suite.yaml").write_text(json.dumps(suite))
    return tmp_path


def agent(name):
    return AgentDefinition(name=name, use="function", options={"call": f"arms:{name}"}, place=str(Path.cwd()))


def gated(candidate, baseline, *, pace=None, policy=PRESETS["pr"], trials=3):
    suite = load_suite("suite.yaml")
    store = begin_gate(suite, agent(candidate), baseline, policy=policy, trials=trials)
    return store, carry_out(store, suite, pace=pace or Pace(workers=4), stop=Stop())


def fresh(name):
    return Baseline(definition=agent(name))


def test_an_unchanged_agent_is_promoted_without_extra_trials(project):
    store, result = gated("steady", fresh("steady"))
    assert result.verdict.decision is Decision.PROMOTE
    assert (result.base_trials, result.fresh_trials) == (144, 0)
    assert (store.path / "verdict.json").is_file()


def test_one_broken_task_is_confirmed_on_fresh_trials_of_both_arms_alone(project):
    store, result = gated("broken", fresh("steady"))
    assert result.verdict.decision is Decision.BLOCK
    assert "t3" in " ".join(check.because for check in result.verdict.checks)
    for side in (store.header.baseline, store.header.candidate):
        confirming = RunStore(Path(side.confirm))
        assert confirming.header.role == "confirm"
        assert {record.task_id for record in confirming.records()} == {"t3"}


def test_a_diffuse_loss_blocks_by_the_suite_as_a_whole(project):
    _, result = gated("worse", fresh("steady"))
    assert result.verdict.decision is Decision.BLOCK
    assert [check.decision for check in result.verdict.checks if check.rule == "no_worse"] == [Decision.BLOCK]


def test_arms_never_share_a_seed_and_run_side_by_side(project):
    store, _ = gated("steady", fresh("flaky"))
    runs = [RunStore(Path(side.run)) for side in (store.header.baseline, store.header.candidate)]
    seeds = [{record.seed for record in run.records()} for run in runs]
    assert not seeds[0] & seeds[1]
    spans = [sorted(record.started_at for record in run.records()) for run in runs]
    assert spans[0][0] < spans[1][-1]
    assert spans[1][0] < spans[0][-1]


def test_every_look_is_on_record_with_its_boundary_and_spent_error(project):
    store, _ = gated("broken", fresh("steady"))
    looks = [json.loads(line) for line in (store.path / "looks.jsonl").read_text().splitlines()]
    assert {look["family"] for look in looks} == {"aggregate", "flips"}
    assert all(look["spent"] <= PRESETS["pr"].false_block for look in looks)


def test_a_stored_run_is_reused_as_it_is(project):
    first, _ = gated("steady", fresh("steady"))
    stored = first.header.candidate.run
    baseline = resolve(stored, load_suite("suite.yaml"))
    assert baseline.stored == stored
    assert baseline.definition is not None
    store, result = gated("broken", baseline)
    assert result.verdict.decision is Decision.BLOCK
    assert not Path(store.header.baseline.run).exists()
    assert Path(store.header.baseline.confirm).exists()


def test_a_stored_run_whose_agent_has_changed_still_gates_and_says_what_that_costs(project):
    first, _ = gated("steady", fresh("steady"), trials=10)
    (project / "arms.py").write_text(AGENT + "\n# another release\n")
    baseline = resolve(first.header.candidate.run, load_suite("suite.yaml"))
    assert baseline.definition is None
    _, result = gated("broken", baseline, trials=10)
    assert "cannot be run again" in " ".join(result.comparison.warnings)
    assert result.verdict.decision is Decision.BLOCK


def test_a_stale_run_is_measured_afresh(project):
    first, _ = gated("steady", fresh("steady"))
    path = Path(first.header.candidate.run)
    header = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps(header | {"started_at": "2020-01-01T00:00:00+00:00"}))
    baseline = resolve(str(path), load_suite("suite.yaml"))
    assert baseline.stored is None
    assert "days old" in baseline.notes[0]


def test_trials_that_confirmed_are_no_baseline(project):
    store, _ = gated("broken", fresh("steady"))
    baseline = resolve(store.header.baseline.confirm, load_suite("suite.yaml"))
    assert "chosen for how they looked" in baseline.notes[0]


def test_a_gate_ends_near_its_deadline_and_decides_on_what_it_has(project):
    began = time.monotonic()
    _, result = gated("slow", fresh("slow"), pace=Pace(workers=2, budget=Budget(minutes=0.05)))
    assert time.monotonic() - began < 3 + 10
    assert not result.complete
    assert result.verdict.decision is not Decision.BLOCK
    assert "time or money ended" in " ".join(result.comparison.warnings)


def test_a_gate_that_is_stopped_goes_on_where_it_was(project):
    suite = load_suite("suite.yaml")
    store = begin_gate(suite, agent("broken"), fresh("steady"), policy=PRESETS["pr"], trials=3)
    stop = Stop()

    def after_some(tally):
        if tally.measured >= 10:
            stop.request("an interrupt")

    assert carry_out(store, suite, pace=Pace(workers=2), stop=stop, listener=after_some) is None
    again = GateStore(store.path)
    result = carry_out(again, suite, pace=Pace(workers=4), stop=Stop())
    assert result.verdict.decision is Decision.BLOCK
    assert result.base_trials == 144


@pytest.mark.parametrize("stage", ["candidate", "candidate-confirm"])
def test_a_killed_gate_resumes_in_every_stage_and_counts_no_trial_twice(project, stage):
    (project / "before.yaml").write_text('{name: steady, use: function, options: {call: "arms:steady"}}')
    (project / "after.yaml").write_text('{name: slow, use: function, options: {call: "arms:slow"}}')
    command = [sys.executable, "-m", "evalharness", "gate", "suite.yaml", "-c", "after.yaml", "-b", "before.yaml"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([*command, "-j", "8", "-o", "gate"], env=environment, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if any(file.stat().st_size for file in project.glob(f"runs/*-{stage}/trials.jsonl")):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(
        [sys.executable, "-m", "evalharness", "gate", "gate", "-j", "8", "--json"],
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr.decode()
    assert json.loads(done.stdout)["decision"] == "block"
    for run in project.glob("runs/*"):
        seen = Counter(record.key for record in RunStore(run).records())
        assert set(seen.values()) == {1}


def test_a_pull_request_cannot_soften_the_suite_it_is_judged_by(project):
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org"]
    (project / "agent.yaml").write_text('{name: steady, use: function, options: {call: "arms:steady"}}')
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "arms.py", "agent.yaml", "suite.yaml"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "start"], check=True)
    suite = json.loads((project / "suite.yaml").read_text())
    (project / "suite.yaml").write_text(
        json.dumps(suite | {"graders": [{"use": "regex", "options": {"pattern": "yes|no"}}]})
    )
    (project / "broken.yaml").write_text('{name: broken, use: function, options: {call: "arms:broken"}}')
    done = subprocess.run(
        [sys.executable, "-m", "evalharness", "gate", "suite.yaml", "-c", "broken.yaml", "-b", "git:main", "--json"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "XDG_CACHE_HOME": str(project / "cache")},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr.decode()
    assert "not used for this gate" in " ".join(json.loads(done.stdout)["comparison"]["warnings"])


def test_the_stance_of_the_command_line_replaces_the_policys(project):
    report = msgspec.structs.replace(PRESETS["pr"], stance="report")
    _, result = gated("worse", fresh("steady"), policy=report)
    assert result.verdict.decision is Decision.BLOCK
    assert result.verdict.exit_code == 0


def test_an_inconclusive_smoke_gate_is_decided_by_the_larger_suite(project):
    suite = json.loads((project / "suite.yaml").read_text())
    (project / "full.yaml").write_text(json.dumps(suite | {"name": "full", "trials": 5}))
    gate = {"rules": [{"use": "no_worse"}], "escalate": "full.yaml"}
    (project / "suite.yaml").write_text(json.dumps(suite | {"tasks": suite["tasks"][:4], "trials": 1, "gate": gate}))
    smoke = load_suite("suite.yaml")
    store = begin_gate(smoke, agent("steady"), fresh("steady"), policy=smoke.policy, trials=1)
    result = carry_out(store, smoke, pace=Pace(), stop=Stop())
    assert result.verdict.decision is Decision.INCONCLUSIVE
    larger = escalated(store, result)
    decided = carry_out(larger, load_suite(larger.header.suite), pace=Pace(), stop=Stop())
    assert decided.verdict.decision is Decision.PROMOTE
    assert escalated(larger, decided) is None


def test_a_gate_ends_after_the_round_that_decided(project):
    store = ask(
        Question(suite="suite.yaml", candidate="python:arms:worse", baseline="python:arms:steady", trials=10),
        pace=Pace(workers=2),
        stop=Stop(),
    )
    assert store.header.looks == tuple(range(2, 10))
    result = carry_out(store, load_suite("suite.yaml"), pace=Pace(workers=2), stop=Stop())
    assert result.verdict.decision is Decision.BLOCK
    assert result.base_trials < 480


def test_only_tasks_with_the_rules_tags_are_confirmed(project):
    suite = json.loads((project / "suite.yaml").read_text())
    for task in suite["tasks"]:
        task["tags"] = ["other" if task["id"] == "t3" else "core"]
    rules = [{"use": "no_confirmed_regressions", "options": {"tags": ["core"]}}]
    (project / "suite.yaml").write_text(json.dumps(suite | {"gate": {"rules": rules}}))
    policy = load_suite("suite.yaml").policy
    _, result = gated("broken", fresh("steady"), policy=policy)
    assert result.verdict.decision is not Decision.BLOCK
    assert result.fresh_trials == 0


def test_what_is_accepted_is_on_record_with_its_reason(project):
    accepted = (Allowance(kind="removed", reason="retired with the old tool", tasks=("t9",)),)
    store = ask(
        Question(
            suite="suite.yaml", candidate="python:arms:steady", baseline="python:arms:steady", allowances=accepted
        ),
        pace=Pace(),
        stop=Stop(),
    )
    assert GateStore(store.path).header.allowances == accepted
