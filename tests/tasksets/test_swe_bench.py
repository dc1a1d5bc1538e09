"""SWE-bench's harness is stood in for by a program of its command line; test_swe_bench_harness.py runs the real one."""

import json
import sys

import pytest

from evalharness.errors import ConfigError, Unmeasured
from evalharness.graders.swe_bench import SweBench
from evalharness.model import Task, Transcript
from evalharness.suite import load_suite
from evalharness.tasksets.swe_bench import Predictions, load
from evalharness.workspaces.local import LocalWorkspace
from tests.running import evalh

NOWHERE = LocalWorkspace(folder="unused")
INSTANCE = {
    "instance_id": "django__django-1",
    "repo": "django/django",
    "base_commit": "abc",
    "problem_statement": "It breaks.",
    "patch": "the gold patch",
    "test_patch": "the hidden tests",
    "FAIL_TO_PASS": '["test_a"]',
    "difficulty": "<15 min fix",
}

HARNESS = """
import argparse, json, pathlib, sys
known = argparse.ArgumentParser()
for name in "dataset_name split instance_ids predictions_path run_id max_workers timeout report_dir".split():
    known.add_argument("--" + name, required=True)
said = known.parse_args()
(line,) = open(said.predictions_path).read().splitlines()
given = json.loads(line)
assert given["instance_id"] == said.instance_ids and given["model_name_or_path"]
patch = given["model_patch"]
found = {name: [] for name in ("resolved_ids", "unresolved_ids", "error_ids", "infra_failure_ids")}
if patch == "crash":
    sys.exit("a traceback")
if patch == "no daemon":
    sys.exit("docker.errors.DockerException: Error while fetching server API version: ...")
if patch == "silent":
    sys.exit(0)
if said.dataset_name.endswith(".json"):
    (instance,) = json.load(open(said.dataset_name))
    assert instance["instance_id"] == said.instance_ids and instance["patch"]
kind = {"right": "resolved_ids", "wrong": "unresolved_ids", "hungry": "unresolved_ids"}.get(patch, "error_ids")
found[kind].append(given["instance_id"])
if patch in ("outage", "hungry"):
    found["infra_failure_ids"].append(given["instance_id"])
    found["failure_reasons"] = {given["instance_id"]: "out_of_memory"}
SAID = {
    "bad": "... >>>>> Patch Apply Failed:",
    "slow": "Error in evaluation: Test timed out after 5 seconds.",
    "gone": "docker.errors.NotFound: 404 Client Error: No such container",
}
if patch in SAID:
    log = pathlib.Path("logs/run_evaluation", said.run_id, given["model_name_or_path"], given["instance_id"])
    log = log / "run_instance.log"
    log.parent.mkdir(parents=True)
    log.write_text(SAID[patch])
folder = pathlib.Path(said.report_dir)
folder.mkdir()
(folder / (given["model_name_or_path"] + "." + said.run_id + ".json")).write_text(json.dumps(found))
"""


@pytest.fixture
def harness(tmp_path):
    (tmp_path / "harness.py").write_text(HARNESS)
    return (sys.executable, str(tmp_path / "harness.py"))


def judged(patch, harness):
    return SweBench(command=harness).grade(Task(id="django__django-1", prompt=""), Transcript(final=patch), NOWHERE)


@pytest.mark.parametrize(
    ("patch", "passed", "reason"),
    [
        ("right", True, ""),
        ("wrong", False, "not resolved"),
        ("hungry", False, "not resolved (perhaps out_of_memory)"),
        ("bad", False, "the patch does not apply"),
        ("slow", False, "its tests ran out of time"),
        (" \n", False, "no patch"),
    ],
)
def test_the_report_of_the_harness_decides(harness, patch, passed, reason):
    grade = judged(patch, harness)
    assert (grade.passed, grade.reason) == (passed, reason)


@pytest.mark.parametrize(
    ("patch", "cause", "detail"),
    [
        ("outage", "swe_bench:infrastructure", "out_of_memory"),
        ("odd", "swe_bench:error", ""),
        ("gone", "swe_bench:error", "No such container"),
        ("crash", "swe_bench:exit:1", "a traceback"),
        ("no daemon", "docker", "API version"),
        ("silent", "swe_bench:exit:0", ""),
    ],
)
def test_what_the_harness_could_not_judge_measured_nothing(harness, patch, cause, detail):
    with pytest.raises(Unmeasured) as found:
        judged(patch, harness)
    assert found.value.cause == cause
    assert detail in found.value.detail


@pytest.mark.parametrize("where", ["suite", "data"])
def test_the_harness_is_given_the_instance_of_the_file_that_the_tasks_come_from(tmp_path, harness, monkeypatch, where):
    (tmp_path / where / "set").mkdir(parents=True)
    (tmp_path / where / "set" / "test.jsonl").write_text(json.dumps(INSTANCE) + "\n")
    monkeypatch.setenv("EVALH_DATA", str(tmp_path / "data"))
    grader = SweBench(command=harness, dataset="set", folder=str(tmp_path / "suite"))
    assert grader.grade(Task(id="django__django-1", prompt=""), Transcript(final="right"), NOWHERE).passed
    with pytest.raises(ConfigError, match="has no instance django__django-2"):
        grader.grade(Task(id="django__django-2", prompt=""), Transcript(final="right"), NOWHERE)


def test_a_harness_that_is_not_installed_is_named_with_its_command():
    with pytest.raises(ConfigError, match="run `pip install swebench`"):
        judged("right", (sys.executable, "-c", "import swebench.harness_that_is_missing"))


def test_the_agent_is_shown_neither_patches_nor_tests(tmp_path):
    (tmp_path / "test.jsonl").write_text(json.dumps(INSTANCE) + "\n")
    (row,) = load("test.jsonl", folder=tmp_path)
    assert row == {
        "id": "django__django-1",
        "problem": "It breaks.",
        "repo": "django/django",
        "base_commit": "abc",
        "tags": {"repo": "django/django", "difficulty": "<15 min fix"},
    }


def test_the_bundled_suite_takes_the_published_form(tmp_path, monkeypatch):
    (tmp_path / "swe-bench-verified").mkdir()
    (tmp_path / "swe-bench-verified" / "test.jsonl").write_text(json.dumps(INSTANCE) + "\n")
    monkeypatch.setenv("EVALH_DATA", str(tmp_path))
    (task,) = load_suite("swe-bench-verified").tasks
    assert "django/django at commit abc" in task.prompt
    assert "gold" not in task.prompt


@pytest.mark.parametrize("form", ["list", "object", "lines"])
def test_predictions_are_handed_in_and_judged(tmp_path, harness, form):
    made = [
        {"instance_id": f"i-{n}", "model_patch": patch, "model_name_or_path": "m"}
        for n, patch in enumerate(["right", "wrong", None])
    ]
    forms = {
        "list": json.dumps(made),
        "object": json.dumps({each["instance_id"]: each for each in made}, indent=1),
        "lines": "".join(json.dumps(each) + "\n" for each in made),
    }
    (tmp_path / "preds.json").write_text(forms[form])
    use = "evalharness.tasksets.swe_bench:Predictions"
    (tmp_path / "agent.yaml").write_text(json.dumps({"use": use, "options": {"file": "preds.json"}}))
    tasks = [{"id": f"i-{n}", "prompt": "p"} for n in range(4)]
    grader = {"use": "swe_bench", "options": {"command": harness}}
    (tmp_path / "s.yaml").write_text(json.dumps({"tasks": tasks, "graders": [grader]}))
    done = evalh("run", "s.yaml", "-a", "agent.yaml", "-o", "run", "--attempts", 1, cwd=tmp_path)
    assert "1 of 3 trials passed, 1 unmeasured (no_prediction" in done.stdout, done.stderr


def test_a_predictions_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        Predictions("preds.json", folder=str(tmp_path)).run(Task(id="a", prompt=""), NOWHERE, seed=1)
