"""The nightly workflow of docs/ci.md, its scripts run by bash as a runner would, with stand-ins for pip and gh."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.github.github_runner import SUITE, git, write_agent
from tests.running import ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
[WORKFLOW] = [block for block in BLOCKS if "decide" in block.get("jobs", {})]
SHARD, DECIDE = WORKFLOW["jobs"]["shard"], WORKFLOW["jobs"]["decide"]


@pytest.fixture
def checkout(tmp_path):
    """A repository with a suite, an agent at v1.4, and one that broke since."""
    folder = tmp_path / "checkout"
    (folder / "suites").mkdir(parents=True)
    (folder / "agents").mkdir()
    git(folder, "init", "-q")
    policy = {"stance": "guard", "rules": [{"use": "no_worse"}]}
    (folder / "suites" / "large.yaml").write_text(json.dumps({**SUITE, "gate": policy, "trials": 2}))
    write_agent(folder / "agents", {"*": "yes"})
    (folder / "agents" / "agent.yaml").rename(folder / "agents" / "support.yaml")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "1.4")
    git(folder, "tag", "v1.4")
    (folder / "agents" / "script.json").write_text(json.dumps({"*": "no"}))
    git(folder, "commit", "-qam", "broken")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, does in (
        ("pip", ":"),
        ("gh", 'printf "%s\\n" "$*" >> "$TOLD"'),
        ("evalh", f'{sys.executable} -m evalharness "$@"'),
    ):
        (tools / name).write_text(f"#!/bin/bash\n{does}\n")
        (tools / name).chmod(0o755)
    return folder


def filled(text, values):
    return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: str(values.get(found[1], "x")), str(text))


def bash(folder, script, env):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "EVALH_"))}
    told = {
        "TOLD": str(folder.parent / "told"),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{folder.parent / 'tools'}:{os.environ['PATH']}",
    }
    told["XDG_CACHE_HOME"] = str(folder.parent / "cache")
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder, env=kept | told | env, capture_output=True, text=True, check=False,
    )  # fmt: skip


def shards(folder, left_out=()):
    """Run the matrix, and leave its artifacts where the merging job finds them."""
    matrix = SHARD["strategy"]["matrix"]
    for more in matrix["include"]:
        for number in matrix["shard"]:
            values = {f"matrix.{name}": value for name, value in (more | {"shard": number}).items()}
            values["github.run_id"] = 17
            env = {name: filled(value, values) for name, value in SHARD["env"].items()}
            for step in SHARD["steps"]:
                if "run" in step:
                    done = bash(folder, step["run"], env)
                    assert done.returncode == 0, done.stderr
            place = folder / "shards" / f"{more['arm']}-{number}"
            if f"{more['arm']}-{number}" in left_out:
                shutil.rmtree(folder / "shard")
            else:
                place.parent.mkdir(exist_ok=True)
                (folder / "shard").rename(place)


def decided(folder):
    """Run the scripts of the merging job until one fails; those that look at the verdict run all the same."""
    codes = []
    for step in DECIDE["steps"]:
        always = "verdict.json" in step.get("if", "") and (folder / "verdict.json").exists()
        if "run" in step and (always or not any(codes)):
            done = bash(folder, step["run"], {name: filled(value, {}) for name, value in step.get("env", {}).items()})
            codes.append(done.returncode)
            last = done
    return codes, last


def test_a_night_of_shards_is_merged_judged_and_told_of(checkout):
    shards(checkout)
    codes, _ = decided(checkout)
    assert codes == [0, 0, 0, 1, 0], "the comparison blocks, and the note is still written"
    assert json.loads((checkout / "verdict.json").read_text())["decision"] == "block"
    assert not (checkout.parent / "told").exists(), "nothing to compare the first night with"
    (checkout / "last" / "decision").write_text("promote\n")
    for name in ("baseline", "candidate"):
        shutil.rmtree(checkout / "runs" / name)
    decided(checkout)
    assert "was **promote**" in (checkout.parent / "told").read_text()
    assert (checkout / "last" / "decision").read_text() == "block\n"


def test_a_shard_that_did_not_come_fails_the_night_by_name(checkout):
    shards(checkout, left_out={"candidate-3"})
    codes, last = decided(checkout)
    assert codes == [0, 0, 2]
    assert "shards are missing (3/4)" in last.stderr


def test_every_action_of_the_page_is_pinned():
    used = [
        step["uses"]
        for block in BLOCKS
        for job in block.get("jobs", {}).values()
        for step in job.get("steps", [])
        if "uses" in step
    ]
    assert all(re.search(r"@([0-9a-f]{40}|COMMIT)$", name) for name in used), used
    assert not any("${{" in step.get("run", "") for job in (SHARD, DECIDE) for step in job["steps"])


def test_actionlint_finds_nothing_in_the_page(tmp_path, actionlint):
    files = []
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)):
        if "runs-on" in block:
            files.append(tmp_path / f"{number}.yml")
            files[-1].write_text(block if block.startswith("name:") else f"name: night\n{block}")
    done = subprocess.run([actionlint, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert files
    assert done.returncode == 0, done.stdout
