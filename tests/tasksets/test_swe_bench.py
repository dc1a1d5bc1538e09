"""SWE-bench's harness is stood in for by a program of the same command line; the real one needs Docker and images."""

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
    sys.exit("docker.errors.DockerException: no daemon")
if patch == "silent":
    sys.exit(0)
kind = {"right": "resolved_ids", "wrong": "unresolved_ids"}.get(patch, "error_ids")
found[kind].append(given["instance_id"])
if patch == "outage":
    found["infra_failure_ids"].append(given["instance_id"])
if patch == "bad":
    log = pathlib.Path("logs/run_evaluation", said.run_id, given["model_name_or_path"], given["instance_id"])
    log = log / "run_instance.log"
    log.parent.mkdir(parents=True)
    log.write_text("... >>>>> Patch Apply Failed:\\n")
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
        ("bad", False, "the patch does not apply"),
        (" \n", False, "no patch"),
    ],
)
def test_the_report_of_the_harness_decides(harness, patch, passed, reason):
    grade = judged(patch, harness)
    assert (grade.passed, grade.reason) == (passed, reason)


@pytest.mark.parametrize(
    ("patch", "cause"),
    [
        ("outage", "swe_bench:infrastructure"),
        ("odd", "swe_bench:error"),
        ("crash", "swe_bench:exit:1"),
        ("silent", "swe_bench:exit:0"),
    ],
)
def test_what_the_harness_could_not_judge_measured_nothing(harness, patch, cause):
    with pytest.raises(Unmeasured) as found:
        judged(patch, harness)
    assert found.value.cause == cause


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
