"""A repository as a runner checks it out, a stand-in for GitHub's API, and the action's steps as bash runs them."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tests.running import ROOT
from tests.servers import Asked, Reply, serving

TOKEN = "ghs-0123456789abcdef"
REPOSITORY = "team/agents"
BOT = "github-actions[bot]"
GIT = ("-c", "user.name=Dev", "-c", "user.email=dev@example.org", "-c", "init.defaultBranch=main")
SUITE = {
    "name": "yes",
    "tasks": [{"id": f"t{n}", "prompt": "say yes", "expected": "yes"} for n in range(24)],
    "trials": 4,
    "graders": [{"use": "exact_match"}],
}


def git(folder, *arguments) -> str:
    return subprocess.run(
        ["git", *GIT, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def write_agent(folder, script) -> None:
    (folder / "script.json").write_text(json.dumps(script))
    (folder / "agent.yaml").write_text(json.dumps({"use": "scripted", "name": "a", "options": {"file": "script.json"}}))


@dataclass
class Api:
    """GitHub's API: comments in pages, and whatever else a test puts under a path."""

    url: str = ""
    comments: list[dict] = field(default_factory=list)
    replies: dict[str, Reply] = field(default_factory=dict)
    forbidden: bool = False
    asked: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        place = urlsplit(asked.path)
        path = place.path.removeprefix(f"/repos/{REPOSITORY}/")
        if path in self.replies:
            return self.replies[path]
        if self.forbidden:
            return Reply.json({"message": "Resource not accessible by integration"}, status=403)
        if asked.method == "GET" and path.endswith("/comments"):
            query = parse_qs(place.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return Reply.json(self.comments[(page - 1) * size : page * size])
        if asked.method == "POST" and path.endswith("/comments"):
            self.comments.append({"id": len(self.comments) + 1, "user": {"login": BOT}, "body": asked.json()["body"]})
        if asked.method == "PATCH":
            number = int(path.rpartition("/")[2])
            next(each for each in self.comments if each["id"] == number)["body"] = asked.json()["body"]
        return Reply.json({}) if path == "check-runs" or "comments" in path else Reply.json({}, status=404)

    def sent(self, method, part) -> list[dict]:
        return [each.json() for each in self.asked if each.method == method and part in each.path]


@pytest.fixture
def api():
    """The stand-in for GitHub's API."""
    found = Api()
    with serving(answer=found.answer) as server:
        found.url = server.url
        yield found


@dataclass
class Step:
    """What one step left behind."""

    returncode: int
    stdout: str
    stderr: str
    outputs: dict[str, str]


@dataclass
class Runner:
    """Runs the action's steps in a shallow checkout, as its file says."""

    folder: Path
    checkout: Path
    origin: Path
    api: Api
    event: dict
    event_name: str = "pull_request"
    more: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    run_id: int = 0

    def environment(self) -> dict[str, str]:
        (self.folder / "event.json").write_text(json.dumps(self.event))
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "EVALH_", "ACTIONS_"))
        }
        return kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "GITHUB_EVENT_NAME": self.event_name,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_API_URL": self.api.url,
            "GITHUB_RUN_ID": str(self.run_id),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_ACTOR": "dev",
            "GITHUB_ENV": str(self.folder / "env"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GIT_AUTHOR_NAME": "Dev",
            "GIT_AUTHOR_EMAIL": "dev@example.org",
            "GIT_COMMITTER_NAME": "Dev",
            "GIT_COMMITTER_EMAIL": "dev@example.org",
            **self.more,
        }

    def shell(self, script: str, env: dict[str, str]) -> Step:
        """Run a script as GitHub runs `shell: bash`, with files for its outputs."""
        output = self.folder / "output"
        output.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.checkout,
            env=self.environment() | {"GITHUB_OUTPUT": str(output)} | env,
            capture_output=True,
            text=True,
            check=False,
        )
        said = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return Step(done.returncode, done.stdout, done.stderr, said)

    def act(self, *, last: str = "", **given: str) -> dict[str, Step]:
        """Run every step of the action that is a script of ours, by its subcommand."""
        self.run_id += 1
        (self.folder / "summary").write_text("")
        action = yaml.safe_load((ROOT / "action.yml").read_text())
        inputs = {name: each.get("default", "") for name, each in action["inputs"].items()}
        inputs |= {"suite": "suite.yaml", "candidate": "agent.yaml", "token": TOKEN}
        inputs |= {name.replace("_", "-"): value for name, value in given.items()}
        steps = {}
        for step in action["runs"]["steps"]:
            script = step.get("run", "")
            if "evalharness.cli.github" not in script:
                continue
            env = {name: filled(value, inputs) for name, value in step["env"].items()}
            name = script.split()[-1]
            steps[name] = self.shell(script, env)
            if steps["prepare"].returncode or name == last:
                break
        self.summary = (self.folder / "summary").read_text()
        return steps


def filled(text: str, inputs: dict[str, str]) -> str:
    """Put inputs in place of their expressions."""
    return re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda found: inputs[found[1]], text)


@pytest.fixture
def runner(tmp_path, api):
    """A pull request whose candidate is what a test writes; checked out as GitHub does: its merge, one commit deep."""

    def make(script, *, base=None, suite=SUITE, base_suite=SUITE, forked=False) -> Runner:
        work, origin, checkout = (tmp_path / name for name in ("work", "origin.git", "checkout"))
        work.mkdir()
        git(work, "init", "-q")
        (work / "suite.yaml").write_text(json.dumps(base_suite))
        write_agent(work, base or {"*": "yes"})
        git(work, "add", ".")
        git(work, "commit", "-qm", "base")
        event_base = git(work, "rev-parse", "HEAD")
        git(work, "commit", "-qm", "main went on", "--allow-empty")
        git(work, "checkout", "-qb", "change", event_base)
        write_agent(work, script)
        (work / "suite.yaml").write_text(json.dumps(suite))
        git(work, "add", ".")
        git(work, "commit", "-qm", "a change", "--allow-empty")
        head = git(work, "rev-parse", "HEAD")
        git(work, "checkout", "-q", "main")
        git(work, "merge", "-q", "--no-ff", "-m", "merge", "change")
        git(tmp_path, "clone", "-q", "--bare", str(work), str(origin))
        git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
        git(tmp_path, "clone", "-q", "--depth", "1", f"file://{origin}", str(checkout))
        repo = {"full_name": REPOSITORY}
        event = {
            "before": event_base,
            "pull_request": {
                "number": 7,
                "head": {"sha": head, "repo": {"full_name": "stranger/agents"} if forked else repo},
                "base": {"sha": event_base, "repo": repo},
            },
        }
        return Runner(folder=tmp_path, checkout=checkout, origin=origin, api=api, event=event)

    return make
