"""A trial that breaks its own workspace fails: an error would be tried again, and count for nothing."""

import json

import pytest

from evalharness.model import Outcome
from evalharness.store import RunStore
from tests.running import evalh

EVERYWHERE = {
    "locks the workspace": "echo x > a.txt; chmod 000 a.txt .",
    "locks a folder": "mkdir -p hidden; chmod 000 hidden",
    "puts a file where tests go": "echo x > hidden",
    "puts a link where tests go": "ln -s / hidden",
    "puts a link that leads nowhere": "ln -s /nowhere/at/all hidden",
    "empties the workspace": "rm -rf ./*",
    "leaves a loop of links": "ln -s a.txt a.txt; ln -s . again",
    "leaves more than fits": "truncate -s 300m a.txt; truncate -s 200m b.txt; truncate -s 200m c.txt",
    "leaves names that are hard to write down": "touch \"$(printf '\\377\\n')c.txt\"",
    "nests deep": "for i in $(seq 90); do mkdir deep{0}; cd deep{0} || break; done; echo x > a.txt".format("e" * 40),
}
AS_ROOT = {
    "removes the workspace": "rm -rf /workspace",
    "makes it a file": "cd /; rm -rf /workspace; echo x > /workspace",
    "makes it a link": "cd /; rm -rf /workspace; ln -s /nowhere /workspace",
    "removes what the container starts by": "rm /bin/sleep",
    "changes what the container starts by": "rm /bin/sleep; ln -s /bin/true /bin/sleep",
    "removes the shell": "rm /bin/sh",
}


def suite(folder, workspace, scripts):
    (folder / "hidden").mkdir()
    (folder / "hidden" / "check.sh").write_text("grep -q right answer.txt\n")
    (folder / "agent.yaml").write_text("use: command\noptions: {command: [sh, work.sh]}\n")
    rows = []
    for name, script in scripts.items():
        (folder / f"{len(rows)}.sh").write_text(f"{script}\necho done")
        rows.append({"id": name, "files": {"work.sh": f"{len(rows)}.sh"}})
    check = {"use": "command", "options": {"command": ["sh", "hidden/check.sh"], "files": {"hidden": "hidden"}}}
    whole = {"prompt": "?", "tasks": rows, "graders": [check], "artifacts": ["**/*.txt"], "workspace": workspace}
    (folder / "suite.yaml").write_text(json.dumps(whole))


def outcomes(folder):
    evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", "--attempts", 1, "--workers", 2, cwd=folder)
    return {each.task_id: (each.outcome, each.cause, each.detail) for each in RunStore(folder / "run").records()}


@pytest.mark.usefixtures("sandboxed")
def test_in_a_sandbox(tmp_path):
    suite(tmp_path, {"use": "sandbox"}, EVERYWHERE)
    found = outcomes(tmp_path)
    assert {name: said for name, said in found.items() if said[0] is not Outcome.FAIL} == {}
    assert len(found) == len(EVERYWHERE)


def test_in_a_container(tmp_path, any_containers):
    scripts = EVERYWHERE | AS_ROOT
    suite(tmp_path, {"use": "container", "options": any_containers.options}, scripts)
    found = outcomes(tmp_path)
    assert {name: said for name, said in found.items() if said[0] is not Outcome.FAIL} == {}
    assert len(found) == len(scripts)
