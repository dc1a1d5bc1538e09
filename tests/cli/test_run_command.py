import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.running import PATIENCE, environment, evalh, evalh_process, lines, start, write_agent, write_suite

YES = "def answer(task):\n    return 'yes'\n"
SLOW = """
import pathlib, time

def answer(task):
    pathlib.Path(f"began-{task.id}").touch()
    time.sleep(float(pathlib.Path("seconds").read_text()))
    return "yes"
"""


@pytest.fixture
def here(tmp_path):
    write_suite(tmp_path)
    write_agent(tmp_path, YES, isolation="none")
    return tmp_path


def ran(here, *options, **more):
    return evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", *options, cwd=here, **more)


def snapshot(folder: Path):
    return {file: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_a_run_says_what_came_of_it(here):
    done = ran(here, "--trials", 2)
    assert done.returncode == 0
    assert done.stdout == "run: 6 of 6 trials passed\n"
    assert "hint: `evalh show run`" in done.stderr
    assert len(lines(here / "run")) == 6


def test_json_is_one_document_on_standard_output(here):
    found = json.loads(ran(here, "--json").stdout)
    assert (found["run"], found["measured"], found["passed"], found["owed"]) == ("run", 3, 3, 0)


def test_a_finished_run_is_resumed_to_nothing(here):
    ran(here)
    before = (here / "run" / "trials.jsonl").read_bytes()
    again = evalh("run", "run", cwd=here)
    assert (again.returncode, "0 trials owed" in again.stderr) == (0, True)
    assert (here / "run" / "trials.jsonl").read_bytes() == before


def test_more_trials_of_a_run_are_more_of_the_same(here):
    ran(here, "--seed", 4)
    before = (here / "run" / "trials.jsonl").read_bytes()
    assert evalh("run", "run", "--trials", 3, cwd=here).returncode == 0
    after = (here / "run" / "trials.jsonl").read_bytes()
    assert after.startswith(before)
    assert evalh("run", "suite.yaml", "-a", "agent.yaml", "--seed", 4, "-k", 3, "-o", "other", cwd=here).returncode == 0

    def seeds(run):
        return {(each["task_id"], each["trial"], each["seed"]) for each in map(json.loads, lines(here / run))}

    assert seeds("run") == seeds("other")
    assert len(seeds("run")) == 9


def test_a_seed_is_recorded_and_differs_from_run_to_run(here):
    for name in ("a", "b"):
        assert evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", name, cwd=here).returncode == 0
    seeds = [json.loads((here / name / "run.json").read_text())["seed"] for name in ("a", "b")]
    assert seeds[0] != seeds[1]


def test_a_dry_run_touches_nothing(here):
    before = snapshot(here)
    done = ran(here, "--dry-run", "--trials", 4)
    assert "12 trials" in done.stdout
    assert {name: content for name, content in snapshot(here).items() if name.suffix != ".pyc"} == before


def test_a_dry_run_of_a_run_plans_nothing(here):
    ran(here)
    before = snapshot(here / "run")
    evalh("run", "run", "--trials", 9, "--dry-run", cwd=here)
    assert snapshot(here / "run") == before


def test_a_dry_run_goes_by_an_earlier_run(here):
    assert evalh("run", "suite.yaml", "-a", "agent.yaml", cwd=here).returncode == 0
    assert re.search(r"3 trials, about \d+ s with 4 workers", ran(here, "--dry-run").stdout)


@pytest.mark.parametrize(
    ("options", "trials"),
    [(["--task", "t1"], 1), (["--limit", "2"], 2), (["--task", "t0", "--task", "t2", "-k", "2"], 4)],
)
def test_a_part_of_a_suite_can_be_run(here, options, trials):
    assert ran(here, *options).returncode == 0
    assert len(lines(here / "run")) == trials


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "nowhere.yaml", "-a", "agent.yaml"], "nowhere.yaml"),
        (["run", "suite.yaml"], "--agent is missing"),
        (["run", "suite.yaml", "-a", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "suite.yaml", "-a", "agent.yaml", "--task", "t9"], "no task 't9'"),
        (["run", "suite.yaml", "-a", "agent.yaml", "--tag", "x"], "tag x"),
        (["run", "suite.yaml", "-a", "agent.yaml", "--executor", "thread"], "unknown executor 'thread'"),
        (["run", "suite.yaml", "-a", "python:acting:nothing"], "nothing"),
        (["run", "suite.yaml", "-a", "agent.yaml", "-o", "tasks.jsonl"], "is a file"),
        (["run", "suite.yaml", "-a", "agent.yaml", "-o", "."], "is not empty"),
        (["run", "suite.yaml", "-a", "agent.yaml", "--trials", "0"], "0 is not in the range"),
        (["run", "suite.yaml", "-a", "agent.yaml", "--budget-usd", "0"], "not in the range"),
        (["run", "suite.yaml", "-a", "agent.yaml", "--budget-usd", "nan"], "not in the range"),
        (["run", "suite.yaml", "-a", "agent.yaml", "--budget-minutes", "inf"], "not in the range"),
        (["run", "suite.yaml", "-a", "agent.yaml", "--budget-usd", "$"], "'$' is no number"),
        (["run", "suite.yaml", "-a", "agent.yaml", "--budget-usd", "€3"], "'€3' is no number"),
        (["run", "suite.yaml", "-a", "agent.yaml", "--budget-minutes", "$3"], "'$3' is no number"),
        (["runn", "suite.yaml"], "did you mean 'run'?"),
    ],
)
def test_a_slip_is_one_line_with_the_way_out_and_nothing_is_left_behind(here, arguments, says):
    before = {name for name in snapshot(here) if "__pycache__" not in str(name)}
    done = evalh(*arguments, cwd=here)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert {name for name in snapshot(here) if "__pycache__" not in str(name)} == before


@pytest.mark.parametrize("option", [["--agent", "agent.yaml"], ["--seed", "1"], ["--limit", "1"], ["-o", "x"]])
def test_what_a_run_is_cannot_be_changed_by_resuming_it(here, option):
    ran(here)
    done = evalh("run", "run", *option, cwd=here)
    assert (done.returncode, "is a run already" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("tasks.jsonl", "question 1", "another", r"task 't1' has changed .*task digest \w{12} then, \w{12} now"),
        ("suite.yaml", "exact_match", "contains", r"graders digest \w{12} then, \w{12} now"),
        ("tasks.jsonl", '"t1"', '"t9"', "task 't1' is no longer in the suite"),
        ("acting.py", "'yes'", "'no'", r"agent 'acting' has changed .*fingerprint \w{12} then, \w{12} now"),
    ],
)
def test_a_run_whose_suite_or_agent_changed_is_not_resumed(here, file, old, new, says):
    ran(here)
    before = snapshot(here / "run")
    content = (here / file).read_text()
    assert old in content
    (here / file).write_text(content.replace(old, new))
    if new == "contains":
        (here / file).write_text(content.replace("use: exact_match", "use: contains, options: {value: yes}"))
    done = evalh("run", "run", cwd=here)
    assert done.returncode == 2
    assert re.search(says, done.stderr)
    assert snapshot(here / "run") == before


def test_a_task_that_was_added_changes_nothing_for_a_run(here):
    ran(here)
    with (here / "tasks.jsonl").open("a") as file:
        file.write('{"id": "t3", "text": "question 3", "label": "yes"}\n')
    assert evalh("run", "run", "-k", 2, cwd=here).returncode == 0
    assert len(lines(here / "run")) == 6


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def began(here, seconds, *, isolation="host", source=SLOW, env=None):
    """Start a run of trials that take this long, and wait until the first is under way."""
    (here / "seconds").write_text(str(seconds))
    write_agent(here, source, isolation=isolation)
    process = start("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", "-j", 1, cwd=here, env=env)
    wait_for(lambda: any(here.glob("began-*")))
    return process


def test_a_run_in_use_is_left_alone_and_its_owner_named(here):
    """Used to: a second `evalh run` on a run that had nothing on record yet deleted it."""
    process = began(here, 1000)
    try:
        done = evalh("run", "run", cwd=here)
        assert done.returncode == 2
        assert f"run is being written by another evalh (process {process.pid})" in done.stderr
        assert (here / "run" / "run.json").exists()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize(("number", "code", "word"), [("SIGINT", 130, "interrupt"), ("SIGTERM", 143, "termination")])
def test_one_signal_finishes_what_runs_and_says_how_to_go_on(here, number, code, word):
    write_suite(here, 20)
    process = began(here, 0.5)
    process.send_signal(getattr(signal, number))
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert "finishing the trials that are running" in said
    finished = len(lines(here / "run"))
    assert 1 <= finished < 20
    assert re.search(rf"stopped by .*{word}: {20 - finished} trials owed; go on with `evalh run run`", said)
    (here / "seconds").write_text("0")
    assert evalh("run", "run", cwd=here).returncode == 0
    assert len(lines(here / "run")) == 20


@pytest.mark.parametrize("isolation", ["host", "none"])
def test_two_signals_abandon_what_runs(here, isolation):
    process = began(here, 1000, isolation=isolation)
    process.send_signal(signal.SIGINT)
    wait_for(lambda: "finishing" in process.stderr.readline())
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "3 trials owed; go on with `evalh run run`" in said
    assert "Traceback" not in said
    assert lines(here / "run") == []


def test_a_run_leaves_no_temporary_folder_behind(here):
    (here / "tmp").mkdir()
    env = environment(TMPDIR=str(here / "tmp"))
    write_agent(here, "def answer(task, workspace):\n    return workspace.location and 'yes'\n")
    assert evalh_process("run", "suite.yaml", "-a", "agent.yaml", cwd=here, env=env).returncode == 0
    assert list((here / "tmp").iterdir()) == []


@pytest.mark.parametrize("isolation", ["host", "none"])
def test_an_abandoned_run_leaves_no_temporary_folder_behind(here, isolation):
    """Used to: the workspaces of trials that were given up stayed for ever."""
    (here / "tmp").mkdir()
    source = SLOW.replace("task)", "task, workspace)").replace("time.sleep", "workspace.location and time.sleep")
    process = began(here, 1000, source=source, isolation=isolation, env=environment(TMPDIR=str(here / "tmp")))
    wait_for(lambda: list((here / "tmp").glob("evalharness-*/[0-9]*")))
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: "finishing" in process.stderr.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert list((here / "tmp").iterdir()) == []


def test_a_budget_that_ends_names_what_is_owed(here):
    source = (
        "from evalharness.model import Transcript, Usage\n\n"
        "def answer(task):\n    return Transcript(final='yes', usage=Usage(cost_usd=0.01))\n"
    )
    write_agent(here, source, isolation="none")
    done = ran(here, "--trials", 9, "--budget-usd", 0.05, "-j", 1)
    assert done.returncode == 3
    assert "stopped by --budget-usd 0.05: 22 trials owed; go on with `evalh run run`" in done.stderr
    assert len(lines(here / "run")) == 5


@pytest.mark.parametrize("amount", ["0.05", "$0.05", " $.05"])
def test_an_amount_of_dollars_may_have_its_sign(here, amount):
    source = (
        "from evalharness.model import Transcript, Usage\n"
        "def answer(task):\n    return Transcript(final='yes', usage=Usage(cost_usd=0.01))\n"
    )
    write_agent(here, source)
    assert "stopped by --budget-usd 0.05" in ran(here, "--trials", 9, "--budget-usd", amount).stderr


def test_a_budget_that_no_trial_says_anything_about_is_said_not_to_be_held(here):
    done = ran(here, "--budget-usd", 0.05)
    assert "--budget-usd: this agent did not say what any trial cost, so that was not counted" in done.stderr


def test_an_outage_ends_with_the_command_that_goes_on(here):
    write_agent(
        here,
        "from evalharness.errors import Unmeasured\n\ndef answer(task):\n    raise Unmeasured('status:401')\n",
        isolation="none",
    )
    done = ran(here, "--trials", 9)
    assert done.returncode == 4
    assert re.search(r"error: attempts keep failing with status:401.*27 trials owed.*`evalh run run`", done.stderr)


def test_a_run_that_measured_nothing_did_not_go_well(here):
    write_agent(
        here,
        "from evalharness.errors import Unmeasured\n\ndef answer(task):\n    raise Unmeasured('docker')\n",
        isolation="none",
    )
    done = ran(here, "--attempts", 1)
    assert done.returncode == 4
    assert "nothing was measured: docker x3" in done.stderr


def test_options_come_from_the_environment_and_from_a_file(here):
    (here / "evalh.toml").write_text("[run]\ntrials = 2\nout = 'from-file'\n")
    env = {"EVALH_RUN_AGENT": "agent.yaml", "EVALH_RUN_OUT": "from-env"}
    assert evalh("run", "suite.yaml", cwd=here, env=env).returncode == 0
    assert len(lines(here / "from-env")) == 6


def test_an_agent_may_print_while_json_stays_clean(here):
    for isolation in ("host", "none"):
        write_agent(here, "def answer(task):\n    print('chatter')\n    return 'yes'\n", isolation=isolation)
        done = evalh_process("run", "suite.yaml", "-a", "agent.yaml", "-o", isolation, "--json", cwd=here)
        assert json.loads(done.stdout)["passed"] == 3
