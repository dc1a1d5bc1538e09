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

from evalharness.errors import ConfigError
from evalharness.gate import PRESETS
from evalharness.gates import Question, ask, carry_out, escalated
from evalharness.gating.baseline import Baseline, resolve
from evalharness.gating.beginning import begin_gate
from evalharness.gating.store import GateStore
from evalharness.model import AgentDefinition, Allowance, Decision, Planned
from evalharness.runner import Pace, Stop, run
from evalharness.running.budget import Budget, record_cost
from evalharness.runs import begin
from evalharness.store import RunStore
from evalharness.suite import load_suite
from tests.running import evalh

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
    store = begin_gate(suite, agent(candidate), baseline, policy=policy, trials=trials, seed=7)
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
    assert resolve(str(path), load_suite("suite.yaml"), max_age_days=1e4).stored == str(path)


def test_a_run_with_unequal_trials_is_measured_afresh_and_without_its_agent_still_gates(project):
    suite = load_suite("suite.yaml")
    by_number = {2: [f"t{n}" for n in range(20)], 7: [f"t{n}" for n in range(20, 24)]}
    planned = [Planned(task_ids=tuple(ids), first=1, last=number) for number, ids in by_number.items()]
    arm = begin(suite, agent("steady"), out=project / "uneven", planned=planned)
    with arm.store.writer() as writer:
        run(arm.owed(), job=arm.job(), executor=arm.executor(), writer=writer, pace=Pace(workers=4), stop=Stop())
    baseline = resolve("uneven", suite)
    assert baseline.stored is None
    assert "2 to 7 trials per task" in baseline.notes[0]
    (project / "arms.py").write_text(AGENT + "\n# another release\n")
    kept = resolve("uneven", suite)
    assert "used although it is not fit" in kept.notes[0]
    _, result = gated("steady", kept)
    assert result.verdict.decision is not Decision.BLOCK
    assert {each.baseline.measured for each in result.comparison.tasks} == {2, 7}
    assert "2 to 7 trials per task" in " ".join(result.comparison.warnings)


def test_trials_that_confirmed_are_no_baseline(project):
    store, _ = gated("broken", fresh("steady"))
    baseline = resolve(store.header.baseline.confirm, load_suite("suite.yaml"))
    assert "chosen for how they looked" in baseline.notes[0]


def test_a_gate_ends_near_its_deadline_and_decides_on_what_it_has(project):
    _, result = gated("slow", fresh("slow"), pace=Pace(workers=2, budget=Budget(minutes=0.05)))
    assert not result.complete
    assert result.base_trials < 144
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
    for folder in project.glob("runs/*"):
        seen = Counter(record.key for record in RunStore(folder).records())
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


def test_the_same_seed_gives_the_same_gate_and_arms_and_confirmations_still_share_none(project):
    suite, seeds = load_suite("suite.yaml"), []
    for _ in range(2):
        store = begin_gate(suite, agent("broken"), fresh("flaky"), policy=PRESETS["pr"], trials=3, seed=5)
        carry_out(store, suite, pace=Pace(workers=4), stop=Stop())
        sides = (store.header.baseline, store.header.candidate)
        runs = [RunStore(Path(place)) for side in sides for place in (side.run, side.confirm) if Path(place).exists()]
        seeds.append([{(each.task_id, each.trial, each.seed) for each in run.records()} for run in runs])
    assert seeds[0] == seeds[1]
    flat = [seed for run in seeds[0] for _, _, seed in run]
    assert len(flat) == len(set(flat))


@pytest.fixture
def holding_out(project):
    """A suite whose last eight tasks are held out, and a policy that reads them once."""
    suite = json.loads((project / "suite.yaml").read_text())
    for number, task in enumerate(suite["tasks"]):
        task["tags"] = ["holdout"] if number >= 16 else []
    rules = [{"use": "no_worse"}, {"use": "no_confirmed_regressions"}, {"use": "holdout", "options": {"margin": 0.2}}]
    (project / "suite.yaml").write_text(json.dumps(suite | {"gate": {"rules": rules}}))
    return load_suite("suite.yaml").policy


def held_out_records(store):
    sides = (store.header.baseline, store.header.candidate)
    return [sum(each.task_id in HELD_OUT for each in RunStore(Path(side.run)).records()) for side in sides]


HELD_OUT = {f"t{number}" for number in range(16, 24)}


def test_held_out_tasks_are_asked_last_and_their_reading_is_on_record(holding_out):
    store, result = gated("steady", fresh("steady"), policy=holding_out)
    assert result.verdict.decision is Decision.PROMOTE
    assert held_out_records(store) == [24, 24]
    said = {check.rule: check.because for check in result.verdict.checks}
    assert "8 held-out tasks" in said["holdout"]
    assert "reading 1 of 1" in said["holdout"]
    starts = [RunStore(Path(side.run)).records() for side in (store.header.baseline, store.header.candidate)]
    for records in map(list, starts):
        order = [each.task_id in HELD_OUT for each in sorted(records, key=lambda each: each.started_at)]
        assert order == sorted(order)


def test_a_second_gate_on_spent_held_out_tasks_is_refused_before_anything_runs(holding_out):
    gated("steady", fresh("steady"), policy=holding_out)
    with pytest.raises(ConfigError, match="have been read 1 of 1 times"):
        gated("flaky", fresh("steady"), policy=holding_out)


def test_a_finished_gate_taken_up_again_is_the_same_reading(holding_out):
    store, first = gated("steady", fresh("steady"), policy=holding_out)
    again = carry_out(store, load_suite("suite.yaml"), pace=Pace(), stop=Stop())
    assert again.verdict == first.verdict


def test_a_candidate_that_is_blocked_anyway_reads_no_held_out_task(holding_out):
    store, result = gated("broken", fresh("steady"), policy=holding_out)
    assert result.verdict.decision is Decision.BLOCK
    assert held_out_records(store) == [0, 0]
    assert not Path("runs", "holdout.jsonl").exists()


def test_held_out_tasks_that_lose_block_by_their_own_rule_alone(holding_out, project):
    source = (project / "arms.py").read_text()
    overfit = "\n\ndef overfit(task, seed):\n    return 'no' if 'holdout' in task.tags else task.expected\n"
    (project / "arms.py").write_text(source + overfit)
    _, result = gated("overfit", fresh("steady"), policy=holding_out)
    decisions = {check.rule: check.decision for check in result.verdict.checks}
    assert decisions == {
        "no_worse": Decision.PROMOTE,
        "no_confirmed_regressions": Decision.PROMOTE,
        "holdout": Decision.BLOCK,
    }


def test_a_gate_interrupted_among_the_held_out_tasks_goes_on_there(holding_out):
    suite, stop = load_suite("suite.yaml"), Stop()
    store = begin_gate(suite, agent("steady"), fresh("steady"), policy=holding_out, trials=3)

    def interrupt(tally):
        if sum(held_out_records(store)) > 4:
            stop.request("interrupted", abandon=True)

    interrupted = carry_out(store, suite, pace=Pace(workers=2), stop=stop, listener=interrupt)
    result = carry_out(store, suite, pace=Pace(), stop=Stop())
    assert result.verdict.decision is Decision.PROMOTE
    assert held_out_records(store) == [24, 24]
    assert interrupted is None or interrupted.verdict == result.verdict


def with_rules(project, *rules):
    suite = json.loads((project / "suite.yaml").read_text())
    (project / "suite.yaml").write_text(json.dumps(suite | {"gate": {"rules": list(rules)}}))
    return load_suite("suite.yaml").policy


def test_tasks_that_look_fixed_are_run_again_where_a_rule_counts_fixes(project):
    policy = with_rules(project, {"use": "no_confirmed_regressions"}, {"use": "min_fixes"})
    store, result = gated("steady", fresh("broken"), policy=policy)
    said = {check.rule: check.because for check in result.verdict.checks}
    assert "1 confirmed fixed: t3" in said["min_fixes"]
    assert result.verdict.decision is Decision.PROMOTE
    assert result.fresh_trials == 2 * policy.confirm.trials
    assert {each.task_id for each in RunStore(Path(store.header.candidate.confirm)).records()} == {"t3"}


def test_fixes_by_luck_are_not_confirmed_and_stop_after_the_first_batch(project):
    policy = with_rules(project, {"use": "min_fixes"})
    _, result = gated("flaky", fresh("flaky"), policy=policy, trials=2)
    assert "confirmed fixed:" not in result.verdict.checks[0].because
    assert result.verdict.decision is Decision.INCONCLUSIVE


def test_a_trade_pays_for_a_break_with_confirmed_fixes_alone(project):
    source = (project / "arms.py").read_text()
    trades = "\n\ndef trades(task, seed):\n    return 'no' if task.id in ('t1', 't2') else task.expected\n"
    (project / "arms.py").write_text(source + trades)
    policy = with_rules(project, {"use": "trade", "options": {"max_share": 0.2}})
    _, result = gated("broken", fresh("trades"), policy=policy)
    assert "1 confirmed broken: t3, 2 confirmed fixed: t1, t2" in result.verdict.checks[0].because
    assert result.verdict.decision is Decision.PROMOTE


def test_a_trade_that_has_nothing_to_pay_for_runs_no_fix_again(project):
    policy = with_rules(project, {"use": "trade"})
    _, result = gated("steady", fresh("broken"), policy=policy)
    assert result.fresh_trials == 0
    assert result.verdict.decision is Decision.PROMOTE


@pytest.fixture
def priced(project):
    """Agents whose trials cost a cent each; one of them answers two tasks wrong."""
    source = """

from evalharness.model import Transcript, Usage

def priced(task, seed):
    return Transcript(final=task.expected, usage=Usage(cost_usd=0.01))

def priced_broken(task, seed):
    return Transcript(final="no" if task.id in ("t3", "t4") else task.expected, usage=Usage(cost_usd=0.01))
"""
    (project / "arms.py").write_text((project / "arms.py").read_text() + source)


def within(dollars):
    return Pace(workers=4, budget=Budget(cost_usd=dollars))


@pytest.mark.parametrize("dollars", [0.5, 0.96])
def test_a_gate_whose_money_ends_before_the_held_out_tasks_spends_no_reading(holding_out, priced, dollars):
    store, result = gated("priced", fresh("priced"), policy=holding_out, pace=within(dollars))
    assert held_out_records(store) == [0, 0]
    assert not Path("runs", "holdout.jsonl").exists()
    assert not result.complete
    assert "held-out tasks were not read" in result.verdict.checks[-1].because
    again = carry_out(store, load_suite("suite.yaml"), pace=Pace(), stop=Stop())
    assert again.verdict.decision is Decision.PROMOTE
    assert again.comparison.holdout.reading == 1


def test_a_gate_whose_money_ends_among_the_held_out_tasks_says_so(holding_out, priced):
    _, result = gated("priced", fresh("priced"), policy=holding_out, pace=within(1.0))
    assert not result.complete
    assert "time or money ended" in " ".join(result.comparison.warnings)
    assert result.comparison.holdout.reading == 1


def test_a_gate_whose_money_ends_among_the_fixes_says_so_and_can_go_on(project, priced):
    policy = with_rules(project, {"use": "no_confirmed_regressions"}, {"use": "min_fixes"})
    store, result = gated("priced", fresh("priced_broken"), policy=policy, pace=within(1.5))
    assert not result.complete
    assert "time or money ended" in " ".join(result.comparison.warnings)
    again = carry_out(store, load_suite("suite.yaml"), pace=Pace(), stop=Stop())
    assert again.complete
    assert "2 confirmed fixed: t3, t4" in again.verdict.checks[-1].because


def test_a_gate_whose_money_ends_among_the_base_trials_says_so(priced):
    _, result = gated("priced", fresh("priced"), pace=within(0.305))
    assert not result.complete
    assert "time or money ended" in " ".join(result.comparison.warnings)


def test_the_command_says_what_it_spent_and_how_a_gate_that_was_cut_short_goes_on(project, priced):
    arms = ("-c", "python:arms:priced", "-b", "python:arms:priced")
    cut = evalh("gate", "suite.yaml", *arms, "-o", "gate", "--budget-usd", "0.5", cwd=project)
    spent = booked(project)
    assert f"0 fresh ones to confirm, ${spent:.4g}, " in cut.stderr
    assert "cut short; `evalh gate gate` goes on" in cut.stderr
    on = evalh("gate", "gate", cwd=project)
    assert f"144 trials, 0 fresh ones to confirm, ${1.44 - spent:.4g}, " in on.stderr
    assert "cut short" not in on.stderr


def booked(project):
    """Add up what is on record of everything that has run here."""
    return sum(
        record_cost(each) for place in project.glob("runs/*/run.json") for each in RunStore(place.parent).records()
    )


@pytest.mark.parametrize("workers", [2, 4, 16])
@pytest.mark.parametrize("dollars", [0.05, 0.305, 1.0, 1.5, 1.9])
def test_no_stage_of_a_gate_spends_more_than_there_is(project, priced, dollars, workers):
    """Used to: every stage began up to eight trials before it knew what one costs, and 1.04 of 1.00 were spent."""
    pace = Pace(workers=workers, budget=Budget(cost_usd=dollars))
    policy = with_rules(project, {"use": "no_worse"}, {"use": "no_confirmed_regressions"}, {"use": "min_fixes"})
    _, result = gated("priced_broken", fresh("priced"), policy=policy, pace=pace)
    assert booked(project) <= dollars + 1e-9
    assert result.cost_usd == pytest.approx(booked(project))


@pytest.fixture
def dear(project, priced):
    """A candidate that costs ten times as much as the baseline."""
    source = "\ndef dear(task, seed):\n    return Transcript(final=task.expected, usage=Usage(cost_usd=0.1))\n"
    (project / "arms.py").write_text((project / "arms.py").read_text() + source)


def test_a_dearer_candidate_shows_its_price_with_one_trial(project, dear):
    stored, _ = gated("priced", fresh("priced"), trials=1)
    spent = booked(project)
    baseline = Baseline(stored=stored.header.candidate.run, definition=agent("priced"))
    gated("dear", baseline, trials=1, pace=Pace(workers=16, budget=Budget(cost_usd=1.0)))
    assert 0.9 <= booked(project) - spent <= 1.0 + 1e-9


def test_the_sample_of_a_stored_baseline_is_paid_from_the_same_budget(project, priced):
    stored, _ = gated("priced", fresh("priced"))
    spent = booked(project)
    pace = within(0.5)
    store = ask(
        Question(suite="suite.yaml", candidate="python:arms:priced_broken", baseline=stored.header.candidate.run),
        pace=pace,
        stop=Stop(),
    )
    assert store.header.drift.cost_usd == pytest.approx(0.24) or store.header.drift.cost_usd == pytest.approx(0.2)
    result = carry_out(store, load_suite("suite.yaml"), pace=pace, stop=Stop())
    assert booked(project) - spent <= 0.5 + 1e-9
    assert result.cost_usd == pytest.approx(booked(project) - spent)
    again = carry_out(GateStore(store.path), load_suite("suite.yaml"), pace=within(9.0), stop=Stop())
    assert again.complete
    assert again.cost_usd == pytest.approx(booked(project) - spent - result.cost_usd)


def test_a_larger_suite_decides_with_what_is_left(project, priced):
    suite = json.loads((project / "suite.yaml").read_text())
    (project / "full.yaml").write_text(json.dumps(suite | {"name": "full", "trials": 5}))
    rules = {"rules": [{"use": "no_worse"}], "escalate": "full.yaml"}
    (project / "suite.yaml").write_text(json.dumps(suite | {"tasks": suite["tasks"][:4], "trials": 1, "gate": rules}))
    arms = ("-c", "python:arms:priced", "-b", "python:arms:priced")
    done = evalh("gate", "suite.yaml", *arms, "--budget-usd", "0.5", "-j", "4", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "decides on the larger suite" in done.stderr
    assert 0.4 <= booked(project) <= 0.5 + 1e-9


def test_two_suites_that_name_each_other_are_asked_once_each(project):
    """Used to: a larger suite without a policy escalated to itself until its folder's name was too long."""
    suite = json.loads((project / "suite.yaml").read_text()) | {"trials": 1}
    few = suite | {"tasks": suite["tasks"][:3]}
    for name, other in (("suite", "full"), ("full", "suite")):
        gate = {"rules": [{"use": "no_worse"}], "escalate": f"{other}.yaml"}
        (project / f"{name}.yaml").write_text(json.dumps(few | {"name": name, "gate": gate}))
    arms = ("-c", "python:arms:steady", "-b", "python:arms:steady")
    done = evalh("gate", "suite.yaml", *arms, "-o", "gate", cwd=project)
    assert done.returncode == 0, done.stderr
    assert sorted(place.name for place in project.iterdir() if (place / "gate.json").exists()) == [
        "gate",
        "gate-escalated",
    ]


def test_a_budget_that_is_spent_asks_no_larger_suite(project, priced):
    suite = json.loads((project / "suite.yaml").read_text())
    (project / "full.yaml").write_text(json.dumps(suite | {"name": "full"}))
    gate = {"rules": [{"use": "no_worse"}], "escalate": "full.yaml"}
    (project / "suite.yaml").write_text(json.dumps(suite | {"tasks": suite["tasks"][:4], "trials": 1, "gate": gate}))
    arms = ("-c", "python:arms:priced", "-b", "python:arms:priced")
    done = evalh("gate", "suite.yaml", *arms, "--budget-usd", "0.08", cwd=project)
    assert "inconclusive, and nothing is left for the larger suite" in done.stderr
    assert booked(project) == pytest.approx(0.08)


@pytest.mark.parametrize(
    "left", ["gate/.gate.json.4711", "runs/{}-candidate/plan.jsonl", "runs/{}-baseline/.run.json.9"]
)
def test_a_gate_that_was_killed_while_its_folders_were_made_can_begin_again(project, left):
    suite = load_suite("suite.yaml")
    if "{}" not in left:
        (project / left).parent.mkdir()
        (project / left).write_text("{")
    store = begin_gate(suite, agent("steady"), fresh("steady"), policy=PRESETS["pr"], trials=3, out=Path("gate"))
    if "{}" in left:
        file = project / left.format(store.header.gate_id)
        file.parent.mkdir(parents=True)
        file.write_text("")
    assert carry_out(store, suite, pace=Pace(), stop=Stop()).verdict.decision is Decision.PROMOTE


def test_a_misspelt_gate_directory_is_named_before_an_option_is_missed(tmp_path):
    done = evalh("gate", "gates/nope", cwd=tmp_path)
    assert (done.returncode, done.stderr.startswith("error: gates/nope: no such file")) == (2, True)


def test_a_misspelt_baseline_is_told_what_else_a_baseline_may_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite.yaml").write_text(
        json.dumps({"tasks": [{"prompt": "p", "expected": "e"}], "graders": [{"use": "exact_match"}]})
    )
    with pytest.raises(ConfigError, match=r"runs/befor: no such file.*a run directory or line:NAME"):
        resolve("runs/befor", load_suite("suite.yaml"))
