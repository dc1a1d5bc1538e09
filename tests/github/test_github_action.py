"""The steps of action.yml, run by bash in a shallow checkout, against a stand-in for GitHub's API."""

import html
import json
import re
import subprocess

import pytest
import yaml

from tests.github.github_runner import BOT, SUITE, TOKEN, git
from tests.running import ROOT

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOWS = {file.name: yaml.safe_load(file.read_text()) for file in (ROOT / ".github" / "workflows").glob("*.yml")}
BROKEN = {"t3": "no", "*": "yes"}


def steps_of(document):
    """Return all steps of a workflow or action."""
    jobs = document.get("jobs", {"action": document.get("runs", {})})
    return [step for job in jobs.values() for step in job["steps"]]


STEPS = [step for document in (ACTION, *WORKFLOWS.values()) for step in steps_of(document)]


def test_a_harmful_change_fails_and_is_told_of_everywhere(runner, api):
    policy = {"rules": [{"use": "no_confirmed_regressions"}]}
    lenient = {**SUITE, "gate": {**policy, "stance": "report"}, "trials": 1}
    job = runner(BROKEN, base_suite={**SUITE, "gate": policy}, suite=lenient)
    steps = job.act()
    assert [step.returncode for step in steps.values()] == [0, 0, 0, 1], steps
    base = git(job.origin, "rev-parse", "main^1")
    assert steps["prepare"].stdout.strip() == f"baseline: git:{base}:agent.yaml", (
        "the merge's first parent, not the event's"
    )
    assert steps["prepare"].outputs["gated"] == "true"
    assert steps["publish"].outputs["verdict"] == "block"
    assert steps["publish"].outputs["exit-code"] == "1"
    assert (job.checkout / steps["publish"].outputs["report"]).read_text().startswith("<!doctype html>")
    assert steps["publish"].outputs["scan"] == "true"
    [log] = json.loads((job.checkout / steps["publish"].outputs["sarif"]).read_text())["runs"]
    [place] = {each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in log["results"]}
    assert place == "suite.yaml"
    assert "<testsuites" in (job.checkout / steps["publish"].outputs["junit"]).read_text()
    commands = steps["publish"].stdout.splitlines()
    assert commands[0].startswith("::error title=evalh block::BLOCK")
    assert [line.partition(" 4 of 4")[0] for line in commands[1:]] == ["::error title=confirmed broken::t3:"], commands
    [comment] = api.comments
    assert re.match(r"<!-- evalh-gate [0-9a-f]{12} block -->\n### evalh: ", comment["body"])
    assert "not used for this gate" in comment["body"], "the change's own edits to the suite are told of"
    assert job.summary in comment["body"]
    [check] = api.sent("POST", "check-runs")
    assert (check["conclusion"], check["head_sha"]) == ("failure", job.event["pull_request"]["head"]["sha"])
    assert all(each.headers["Authorization"] == f"Bearer {TOKEN}" for each in api.asked)


def test_the_comment_is_edited_in_place_and_says_what_was_decided_before(runner, api):
    job = runner({"*": "yes"})
    job.act(requires="MODEL_KEY")
    own = api.comments.pop()
    assert "**The last time" not in own["body"]
    stranger = {"id": 1, "user": {"login": "mallory"}, "body": own["body"]}
    quoting = {"id": 2, "user": {"login": BOT}, "body": f"> {own['body']}"}
    others = [{"id": 1000 + n, "user": None, "body": None} for n in range(120)]
    own = {**own, "id": 3, "body": own["body"].replace(" not gated -->", " block -->", 1)}
    api.comments[:] = [stranger, quoting, *others, own]
    before = [each["body"] for each in api.comments]
    job.act(requires="MODEL_KEY")
    assert [each["body"] for each in api.comments[:-1]] == before[:-1]
    assert len(api.comments) == len(before)
    assert own["body"] != before[-1]
    assert "The last time this was **block**." in own["body"]
    assert [each.path for each in api.asked if each.method == "PATCH"][-1].endswith("/issues/comments/3")


def test_a_decision_that_changes_on_an_issue_gets_a_comment_that_notifies(runner, api):
    job = runner({"*": "yes"})
    job.act(issue="12", requires="MODEL_KEY")
    job.act(issue="12", requires="MODEL_KEY")
    assert len(api.comments) == 1, "the same decision again is no news"
    api.comments[0]["body"] = api.comments[0]["body"].replace(" not gated -->", " block -->", 1)
    job.act(issue="12", requires="MODEL_KEY")
    assert re.match(
        r"evalh: \*\*not gated\*\*, was \*\*block\*\*, at `[0-9a-f]{12}` \(\[run\]", api.comments[1]["body"]
    )
    assert all(
        "/issues/12/" in each.path or "/issues/comments/" in each.path for each in api.asked if "issues" in each.path
    )


@pytest.mark.parametrize(
    ("given", "forked", "code", "because"),
    [
        ({"requires": "MODEL_KEY"}, True, 0, "MODEL_KEY is empty: a pull request from a fork gets no secrets"),
        ({"requires": "MODEL_KEY"}, False, 0, "MODEL_KEY is empty: the job does not set it"),
        ({"requires": "MODEL_KEY", "stance": "certify"}, True, 3, "MODEL_KEY is empty"),
        ({"candidate": "new.yaml"}, False, 0, "new.yaml is new: the base revision has no such agent"),
    ],
)
def test_what_cannot_be_gated_says_so_and_runs_nothing(runner, api, given, forked, code, because):
    job = runner({"*": "yes"}, forked=forked)
    steps = job.act(**given)
    assert because in steps["prepare"].stdout
    assert steps["prepare"].outputs["gated"] == "false"
    assert steps["publish"].outputs["verdict"] == "not gated"
    assert steps["publish"].stdout.startswith("::") and because in steps["publish"].stdout
    assert because in html.unescape(job.summary)
    assert steps["finish"].returncode == code
    assert not (job.checkout / "runs").exists()
    assert api.sent("POST", "check-runs")[0]["conclusion"] == ("failure" if code else "neutral")


def test_a_fork_that_needs_no_secret_is_gated_though_its_token_may_not_comment(runner, api):
    api.forbidden = True
    steps = runner({"*": "yes"}, forked=True).act()
    assert steps["finish"].returncode == 0
    assert steps["publish"].outputs["verdict"] == "promote"
    assert steps["publish"].outputs["scan"] == "false", "a fork's token may not write to code scanning"
    assert "::notice title=no comment::the comment was not written: GitHub answered 403" in steps["publish"].stdout
    assert "::notice title=no check run::" in steps["publish"].stdout


def test_code_of_a_pull_request_never_runs_with_secrets(runner):
    job = runner({"*": "yes"})
    job.event_name = "pull_request_target"
    steps = job.act()
    assert list(steps) == ["prepare"]
    assert steps["prepare"].returncode == 2
    assert "::error title=evalh::pull_request_target gives" in steps["prepare"].stdout


def test_a_push_is_compared_with_what_was_there_before_it(runner):
    job = runner({"*": "yes"})
    job.event, job.event_name = {"before": job.event["before"]}, "push"
    steps = job.act(last="prepare")
    assert f"baseline: git:{job.event['before']}:agent.yaml" in steps["prepare"].stdout


def test_a_fault_is_told_of_as_such_and_fails(runner, api):
    steps = runner({"*": "yes"}).act(suite="none.yaml")
    assert steps["publish"].outputs["verdict"] == "failed"
    assert "none.yaml" in steps["publish"].stdout
    assert steps["finish"].returncode == 2
    assert api.sent("POST", "check-runs")[0]["conclusion"] == "failure"


AGENT = """#!/usr/bin/env python3
import json, os, pathlib, sys
pathlib.Path(os.environ["SEEN"]).write_text(json.dumps(dict(os.environ)))
print("::error::from the agent", file=sys.stderr)
print("yes")
"""


def test_agents_see_no_token_and_no_file_of_the_runner(runner):
    job = runner({"*": "yes"})
    (job.checkout / "agent.py").write_text(AGENT)
    (job.checkout / "agent.yaml").write_text(
        json.dumps({"use": "command", "options": {"command": ["python", "agent.py"]}})
    )
    job.more = {
        "SEEN": str(job.folder / "seen.json"),
        "MODEL_KEY": "sk-0123456789",
        "ACTIONS_RUNTIME_TOKEN": "rt-0123456789",
    }
    steps = job.act(trials="1")
    seen = json.loads((job.folder / "seen.json").read_text())
    assert seen["MODEL_KEY"] == "sk-0123456789"
    assert [name for name in seen if name.startswith(("ACTIONS_", "EVALH_TOKEN", "GITHUB_OUTPUT", "GITHUB_ENV"))] == []
    assert TOKEN not in seen.values()
    opened = re.match(r"::stop-commands::([0-9a-f]{32})\n", steps["gate"].stdout)
    assert opened
    assert f"\n::{opened[1]}::\n" in steps["gate"].stdout


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_workflows_ask_for_little_and_never_run_a_strangers_code_with_secrets(name):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in str(workflow[True])  # YAML reads the key `on` as true


@pytest.mark.parametrize("step", STEPS, ids=lambda step: str(step.get("name", step.get("uses", step.get("run"))))[:40])
def test_no_expression_is_part_of_a_script_and_every_action_is_pinned(step):
    assert "${{" not in step.get("run", "")
    uses = step.get("uses", "./")
    assert uses == "./" or re.fullmatch(r"[\w-]+/[\w-]+(/[\w-]+)?@[0-9a-f]{40}", uses)


def test_the_steps_name_inputs_that_exist_and_that_are_read():
    named = set(re.findall(r"inputs\.([a-z-]+)", (ROOT / "action.yml").read_text()))
    assert named == set(ACTION["inputs"])


def test_code_scanning_is_asked_for_by_name_and_can_fail_no_gate():
    [step] = [each for each in ACTION["runs"]["steps"] if "upload-sarif" in each.get("uses", "")]
    assert ACTION["inputs"]["sarif"]["default"] == "false"
    assert "inputs.sarif == 'true'" in step["if"]
    assert "steps.publish.outputs.scan == 'true'" in step["if"]
    assert step["continue-on-error"] is True


def test_actionlint_finds_nothing(actionlint):
    done = subprocess.run([actionlint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_an_unreachable_api_is_told_of_and_changes_nothing(runner):
    job = runner({"*": "yes"})
    job.more = {"GITHUB_API_URL": "http://127.0.0.1:9"}
    steps = job.act(requires="MODEL_KEY")
    assert (
        "::notice title=no comment::the comment was not written: GitHub did not answer (ConnectError)"
        in steps["publish"].stdout
    )
    assert steps["finish"].returncode == 0
