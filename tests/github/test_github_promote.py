"""Promotion on a push: by the verdict that the merged pull request's gate left behind, or by a gate of its own."""

import io
import json
import subprocess
import zipfile

import pytest

from evalharness.cli.github_job import Job
from evalharness.cli.github_promote import trusted, unpacked
from tests.github.github_runner import REPOSITORY, TOKEN, git
from tests.servers import Reply

WORKFLOW = ".github/workflows/evalh-gate.yml"
PROMOTE = "python -P -m evalharness.cli.github promote"
ASKED = {"EVALH_INPUT_SUITE": "suite.yaml", "EVALH_INPUT_CANDIDATE": "agent.yaml", "EVALH_TOKEN": TOKEN}


def zipped(folder, *names) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in (each for name in names for each in (folder / name).rglob("*") if each.is_file()):
            archive.write(file, file.relative_to(folder))
    return content.getvalue()


def left_behind(api, job, name, **said):
    """Let the API have an artifact of this name from a workflow run that says so of itself."""
    run = {
        "path": WORKFLOW,
        "event": "pull_request",
        "conclusion": "success",
        "head_repository": {"full_name": REPOSITORY},
        "head_sha": job.event["pull_request"]["head"]["sha"],
        **said,
    }
    commit = git(job.checkout, "rev-parse", "HEAD")
    pulls = [{"merged_at": "2026-01-01T00:00:00Z", "head": {"sha": job.event["pull_request"]["head"]["sha"]}}]
    stored = [{"id": 5, "name": name, "expired": False, "workflow_run": {"id": 9}}]
    api.replies[f"commits/{commit}/pulls"] = Reply.json(pulls)
    api.replies["actions/artifacts"] = Reply.json({"artifacts": stored})
    api.replies["actions/runs/9"] = Reply.json(run)


def line_of(folder) -> list[dict]:
    commits = git(folder, "rev-list", "--reverse", "refs/evalh/lines/main").split()
    return [json.loads(git(folder, "show", f"{each}:entry.json")) for each in commits]


def test_the_gate_of_the_merged_pull_request_is_reused_and_the_same_agent_is_promoted_once(runner, api):
    job = runner({"t1": "yes", "*": "yes"})
    steps = job.act()
    assert steps["publish"].outputs["verdict"] == "promote", steps["gate"].stdout
    stored = zipped(job.checkout, "gates", "runs")
    subprocess.run(["rm", "-rf", "gates", "runs"], cwd=job.checkout, check=True)
    left_behind(api, job, steps["prepare"].outputs["artifact"])
    api.replies["actions/artifacts/5/zip"] = Reply(status=302, headers={"Location": f"{api.url}/storage"})
    api.replies["/storage"] = Reply(body=stored)
    job.event_name = "push"
    done = job.shell(PROMOTE, ASKED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(job.checkout.glob("gates/*/gate")), "nothing was run again"
    assert [each.headers.get("Authorization") for each in api.asked if each.path == "/storage"] == [None]
    [entry] = line_of(job.origin)
    assert (entry["version"], entry["intent"], entry["who"]) == (
        git(job.checkout, "rev-parse", "HEAD")[:12],
        "merge",
        "dev",
    )
    again = job.shell(PROMOTE, ASKED)
    assert (again.returncode, len(line_of(job.origin))) == (0, 1)
    assert "nothing to promote" in again.stdout


def test_without_a_verdict_to_reuse_a_gate_of_its_own_decides_and_a_refusal_is_recorded(runner):
    job = runner({"t3": "no", "*": "yes"})
    job.event_name = "push"
    done = job.shell(PROMOTE, ASKED)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no verdict is reused" in done.stdout
    [entry] = line_of(job.origin)
    assert entry["evidence"][0]["decision"] == "block"


class Answers:
    """Answers as the API would, from a dictionary."""

    def __init__(self, api):
        self.replies = api.replies

    def call(self, method, path, **options):
        return json.loads(self.replies[path].body)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, 5),
        ({"path": f"{WORKFLOW}@refs/heads/main"}, 5),
        ({"head_sha": "f" * 40}, None),  # a branch that was never merged
        ({"path": ".github/workflows/other.yml"}, None),
        ({"event": "workflow_dispatch"}, None),
        ({"conclusion": "failure"}, None),
        ({"head_repository": {"full_name": "stranger/agents"}}, None),
        ({"head_repository": None}, None),
    ],
)
def test_only_the_gate_of_the_merged_pull_request_is_trusted(runner, api, said, found):
    job = runner({"*": "yes"})
    left_behind(api, job, "evalh-gate-tree", **said)
    asking = Job.of(job.environment())
    assert trusted(Answers(api), asking, "evalh-gate-tree", git(job.checkout, "rev-parse", "HEAD")) == found
    assert trusted(Answers(api), asking, "another-name", git(job.checkout, "rev-parse", "HEAD")) is None


def test_an_archive_stays_in_its_folder_and_a_damaged_one_is_left_alone(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../outside", "x")
    assert unpacked(content.getvalue(), tmp_path / "a" / "b")
    assert not (tmp_path / "outside").exists()
    assert not unpacked(b"no archive", tmp_path / "c")
