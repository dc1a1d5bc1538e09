"""External suites: trials become calls, what a call leaves becomes records, and every command works with them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from evalharness.external.reading import told
from evalharness.model import External
from tests.running import evalh, lines, start

TOOL = Path(__file__).parent / "tool.py"


@pytest.fixture
def folder(tmp_path) -> Path:
    shutil.copy(TOOL, tmp_path / "tool.py")
    (tmp_path / "agent.yaml").write_text("name: mine\nuse: external\n")
    return tmp_path


def write(folder: Path, does: dict[str, str], *, command='"{id}"', repeats="{trials}", tasks="", more="") -> None:
    (folder / "does.json").write_text(json.dumps(does))
    words = f"[{sys.executable}, tool.py, '{{out}}', '{repeats}'{', ' + command if command else ''}]"
    (folder / "suite.yaml").write_text(
        f"name: theirs\ntasks:\n  use: external\n  command: {words}\n  reads: junit\n  ids: {json.dumps(list(does))}\n"
        f"{tasks}{more}"
    )


def run(folder: Path, *arguments: object, code: int = 0):
    done = evalh("run", *arguments, cwd=folder)
    assert done.returncode == code, done.stderr
    return done


def records(folder: Path) -> list[dict]:
    return [json.loads(line) for line in lines(folder)]


def calls(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]


def test_one_call_tries_every_task_as_often_as_is_owed(folder):
    write(folder, {"a": "pass", "b": "fail", "c d": "pass"})
    run(folder, "suite.yaml", "-a", "agent.yaml", "-k", "3", "-o", "run", "-j", "2")
    assert [(each["ids"], each["trials"]) for each in calls(folder)] == [(["a", "b", "c d"], 3)]
    found = Counter((each["task_id"], each["outcome"]) for each in records(folder / "run"))
    assert found == {("a", "pass"): 3, ("b", "fail"): 3, ("c d", "pass"): 3}
    assert {each["usage"]["seconds"] for each in records(folder / "run")} == {0.5}
    assert all("seed" not in each for each in records(folder / "run"))  # nobody was given one


def test_a_command_that_cannot_repeat_is_called_once_per_trial(folder):
    write(folder, {"a": "pass", "b": "pass"}, repeats="1")
    run(folder, "suite.yaml", "-a", "agent.yaml", "-k", "3", "-o", "run")
    assert sorted((tuple(each["ids"]), each["trials"]) for each in calls(folder)) == [(("a", "b"), 1)] * 3
    assert len(records(folder / "run")) == 6


def test_a_command_that_cannot_choose_runs_everything_and_only_what_is_owed_counts(folder):
    write(folder, {"a": "pass", "b": "pass"}, command="")
    run(folder, "suite.yaml", "-a", "agent.yaml", "-k", "2", "--task", "b", "-o", "run")
    assert [(each["ids"], each["trials"]) for each in calls(folder)] == [([], 2)]
    assert {each["task_id"] for each in records(folder / "run")} == {"b"}


def test_trials_are_added_to_a_run_and_a_batch_bounds_a_call(folder):
    write(folder, {"a": "pass", "b": "pass"}, tasks="  batch: 2\n")
    run(folder, "suite.yaml", "-a", "agent.yaml", "-k", "1", "-o", "run")
    before = lines(folder / "run")
    run(folder, "run", "--trials", "4")
    assert lines(folder / "run")[: len(before)] == before
    assert Counter(each["task_id"] for each in records(folder / "run")) == {"a": 4, "b": 4}
    assert max(len(each["ids"]) * each["trials"] for each in calls(folder)) == 2


def test_what_the_tool_calls_an_error_is_one_and_is_tried_again(folder):
    write(folder, {"a": "error", "b": "pass"})
    run(folder, "suite.yaml", "-a", "agent.yaml", "-o", "run", "--attempts", "2")
    assert [each["outcome"] for each in records(folder / "run") if each["task_id"] == "a"] == ["error", "error"]


@pytest.mark.parametrize(
    ("act", "cause", "detail"),
    [
        ("silent", "external:unreadable", "holds no task"),
        ("exit", "external:exit:3", "Error: the config is broken, key [redacted]"),
        ("garbage", "external:unreadable", "is no whole XML"),
    ],
)
def test_one_task_that_spoils_a_call_costs_the_others_nothing(folder, monkeypatch, act, cause, detail):
    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret-value")
    write(folder, {"a": "pass", "b": act, "c": "fail"})
    run(folder, "suite.yaml", "-a", "agent.yaml", "-o", "run", "-j", "1")
    found = {each["task_id"]: each for each in records(folder / "run")}
    assert {name: each["outcome"] for name, each in found.items()} == {"a": "pass", "b": "error", "c": "fail"}
    assert found["b"]["cause"] == cause
    assert detail in found["b"]["detail"]
    assert "sk-very-secret" not in (folder / "run" / "trials.jsonl").read_text()


def test_a_command_that_never_works_stops_the_run_and_says_why(folder):
    write(folder, {f"t{index}": "exit" for index in range(12)})
    done = run(folder, "suite.yaml", "-a", "agent.yaml", "-o", "run", code=4)
    assert "external:exit:3" in done.stderr
    assert "Error: the config is broken" in done.stderr


def test_a_task_that_hangs_runs_out_of_its_own_time_only(folder):
    write(folder, {"a": "pass", "b": "hang"}, more="limits: {seconds: 1.5}\n")
    run(folder, "suite.yaml", "-a", "agent.yaml", "-o", "run", "-j", "1")
    found = {each["task_id"]: each for each in records(folder / "run")}
    assert found["a"]["outcome"] == "pass"
    assert (found["b"]["outcome"], found["b"]["cause"]) == ("fail", "limit:seconds")
    assert not any(Path(f"/proc/{each['pid']}").exists() for each in calls(folder))


def test_a_killed_run_keeps_what_was_finished_and_goes_on(folder):
    write(folder, {f"t{index}": "slow" for index in range(8)}, tasks="  batch: 2\n")
    process = start("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", "-j", "1", cwd=folder)
    deadline = time.monotonic() + 60
    while len(lines(folder / "run")) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = lines(folder / "run")
    assert 2 <= len(before) < 8
    run(folder, "run", "-j", "1")
    assert lines(folder / "run")[: len(before)] == before
    assert Counter(each["task_id"] for each in records(folder / "run")) == {f"t{index}": 1 for index in range(8)}


def test_an_interrupted_run_ends_its_calls(folder):
    write(folder, {"a": "hang", "b": "hang"})
    process = start("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", cwd=folder)
    deadline = time.monotonic() + 60
    while not (folder / "calls.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    while "finishing" not in (line := process.stderr.readline()):
        assert line, "it ended without a word"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert not any(Path(f"/proc/{each['pid']}").exists() for each in calls(folder))


def test_a_budget_ends_a_run_with_trials_owed(folder):
    write(folder, {f"t{index}": "slow" for index in range(8)}, tasks="  batch: 1\n")
    done = run(folder, "suite.yaml", "-a", "agent.yaml", "-o", "run", "-j", "1", "--budget-minutes", "0.015", code=3)
    assert "trials owed" in done.stderr
    assert 1 <= len(records(folder / "run")) < 8


def test_a_gate_confirms_what_broke_with_calls_for_it_alone(folder):
    (folder / "agent.yaml").unlink()
    for name, act in (("good", "pass"), ("bad", "fail")):
        home = folder / name
        home.mkdir()
        shutil.copy(TOOL, home / "tool.py")
        (home / "does.json").write_text(json.dumps({"a": act, "b": "pass", "c": "pass", "d": "pass", "e": "pass"}))
        (folder / f"{name}.yaml").write_text(f"use: external\noptions: {{tool: {name}/tool.py}}\n")
    (folder / "suite.yaml").write_text(
        "trials: 3\ntasks:\n  use: external\n  reads: junit\n  ids: [a, b, c, d, e]\n"
        f"  command: [{sys.executable}, '{{agent.tool}}', '{{out}}', '{{trials}}', '{{id}}']\n"
        "gate: {rules: [{use: no_confirmed_regressions}]}\n"
    )
    done = evalh("gate", "suite.yaml", "--candidate", "bad.yaml", "--baseline", "good.yaml", cwd=folder)
    assert done.returncode == 1, done.stderr
    assert "1 confirmed on fresh trials: a" in done.stdout
    again = [each["ids"] for each in calls(folder / "bad") if each["ids"] == ["a"]]
    assert again  # the confirmation asked for the one task only


@pytest.fixture
def repository(folder) -> Path:
    write(folder, {"a": "pass", "b": "pass"})
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def test_each_arm_runs_in_its_own_checkout(repository, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(repository / "cache"))
    run(repository, "suite.yaml", "-a", "git:HEAD", "-o", "then")
    run(repository, "suite.yaml", "-a", "agent.yaml", "-o", "now")
    assert not Path(calls(repository)[0]["cwd"]).is_relative_to(repository / "cache")
    tree = next((repository / "cache").rglob("calls.jsonl")).parent
    assert calls(tree)[0]["cwd"] == str(tree)


def test_arms_whose_question_differs_are_not_compared(repository, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(repository / "cache"))
    (repository / "tool.py").write_text((repository / "tool.py").read_text() + "# changed\n")
    done = evalh("gate", "suite.yaml", "--candidate", "agent.yaml", "--baseline", "git:HEAD", cwd=repository)
    assert done.returncode == 5
    assert "tool.py, which the suite names, is not the same" in done.stderr


def test_a_run_whose_command_or_its_files_changed_is_not_resumed(folder):
    write(folder, {"a": "pass"})
    run(folder, "suite.yaml", "-a", "agent.yaml", "-o", "run")
    (folder / "tool.py").write_text(TOOL.read_text() + "# changed\n")
    done = run(folder, "run", "--trials", "2", code=2)
    assert "task 'a' has changed since the run began" in done.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("reads: junit, ids: [a]", "key 'command' is missing"),
        ("command: [x, '{out}'], ids: [a]", "key 'reads' is missing"),
        ("command: [x, '{out}'], reads: junt, ids: [a]", "unknown format 'junt' (did you mean 'junit'?)"),
        ("command: [x], reads: junit, ids: [a]", "{out} is missing"),
        ("command: [x, '{out}', '{idz}'], reads: junit, ids: [a]", "unknown placeholder '{idz}'"),
        ("command: [x, '{out}'], reads: junit", "say once which tasks there are"),
        ("command: [x, '{out}'], reads: junit, ids: [a], list: [y]", "say once which tasks there are"),
        ("command: [x, '{out}'], reads: junit, ids: []", "the suite has no tasks"),
        ("command: [x, '{out}'], reads: junit, ids: nothing.xml", "no such log"),
        ("command: [x, '{out}'], reads: junit, list: [no-such-program]", "`no-such-program` cannot be started"),
        ("command: [x, '{out}'], reads: junit, list: ['false']", "`false` ended with exit code 1"),
        ("command: [x, '{out}', '{ids}'], reads: junit, ids: ['a,b']", "cannot stand in {ids}"),
        ("command: [no-such-program, '{out}'], reads: junit, ids: [a]", "'no-such-program' is not installed"),
        ("command: '{out}', reads: junit, ids: [a]", "must be a list"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line_before_anything_runs(folder, source, said):
    (folder / "suite.yaml").write_text(f"tasks: {{use: external, {source}}}\n")
    done = run(folder, "suite.yaml", "-a", "agent.yaml", "-o", "run", code=2)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "run").exists()


def test_graders_of_ours_and_runners_of_theirs_do_not_mix(folder):
    write(folder, {"a": "pass"}, more="graders: [{use: exact_match}]\n")
    assert "asked and judged by its command" in run(folder, "suite.yaml", "-a", "agent.yaml", code=2).stderr
    write(folder, {"a": "pass"})
    run(folder, "suite.yaml", "-a", "agent.yaml", "-o", "run")
    done = evalh("grade", "run", cwd=folder)
    assert (done.returncode, "its own command judges" in done.stderr) == (2, True)
    (folder / "plain.yaml").write_text("tasks: [{prompt: x, expected: y}]\ngraders: [{use: exact_match}]\n")
    assert "has no command of its own" in run(folder, "plain.yaml", "-a", "agent.yaml", code=2).stderr


@pytest.mark.parametrize("printed", ['["a", {"id": "b", "tags": ["x"]}]', 'a\n{"id": "b", "tags": ["x"]}\n\n2 found\n'])
def test_tasks_are_listed_by_a_command(folder, printed):
    write(folder, {"a": "pass", "b": "pass"})
    (folder / "list.py").write_text(f"print({printed!r})\n")
    text = (folder / "suite.yaml").read_text().replace('ids: ["a", "b"]', f"list: [{sys.executable}, list.py]")
    (folder / "suite.yaml").write_text(text)
    run(folder, "suite.yaml", "-a", "agent.yaml", "--tag", "x", "-o", "run")
    assert [each["task_id"] for each in records(folder / "run")] == ["b"]


def test_tasks_are_found_in_the_log_of_an_earlier_run(folder):
    write(folder, {"a": "pass", "b": "pass"})
    subprocess.run([sys.executable, "tool.py", ".", "1"], cwd=folder, check=True)
    (folder / "suite.yaml").write_text(
        (folder / "suite.yaml").read_text().replace('ids: ["a", "b"]', "ids: report.xml")
    )
    run(folder, "suite.yaml", "-a", "agent.yaml", "-o", "run")
    assert {each["task_id"] for each in records(folder / "run")} == {"a", "b"}


def test_a_job_folder_is_read_whole_wherever_it_lies(tmp_path):
    result = {
        "task_name": "fix",
        "trial_name": "fix__1",
        "agent_info": {"name": "a", "version": "1"},
        "verifier_result": {"rewards": {"reward": 1.0}},
        "started_at": "2026-01-01T00:00:00",
        "finished_at": "2026-01-01T00:00:05",
    }
    for number in (1, 2):
        trial = tmp_path / "out" / "2026-01-01__00-00-00" / f"fix__{number}"
        trial.mkdir(parents=True)
        (trial / "result.json").write_text(json.dumps({**result, "trial_name": f"fix__{number}"}))
    found = told(tmp_path / "out", External(command=("harbor",), reads="harbor", batch=1), {})
    assert {task: [each.record.outcome for each in trials] for task, trials in found.items()} == {
        "fix": ["pass", "pass"]
    }


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("a\n\x1b[32mb\x1b[0m", "line 2 of what it printed holds characters that cannot be seen"),
        ('a\n{"id": "b"', "line 2 of what it printed begins like a JSON object and is none"),
        ('["a", null]', "line 2 of what it printed names no task"),
        ('["a", ["b"]]', "line 2 of what it printed names no task"),
    ],
)
def test_odd_lines_of_a_listing_command_are_refused_when_the_suite_is_validated(folder, printed, said):
    (folder / "printed").write_text(printed)
    suite = (
        "name: s\ntrials: 1\ntasks:\n  use: external\n  reads: junit\n  list: [cat, printed]\n"
        "  command: [tool, '{out}', '{id}']\n"
    )
    (folder / "odd.yaml").write_text(suite)
    done = evalh("validate", "odd.yaml", cwd=folder)
    assert done.returncode == 2
    assert "odd.yaml: tasks.list: " in done.stderr
    assert said in done.stderr
