import json

import pytest

from evalharness.agents.command import CommandAgent
from evalharness.model import Outcome
from evalharness.store import RunStore
from tests.running import evalh, write_agent

WORKS = """
def answer(task, workspace):
    workspace.write("answer.txt", b"right")
    said = workspace.run(["cat", "answer.txt"], timeout=60).stdout.decode()
    return f"{type(workspace).__name__} {workspace.location} {said}"
"""
COMMAND = """#!/bin/sh
cat >/dev/null
echo right > answer.txt
ls /agent
cat "$(dirname "$0")/data/word.txt" /agent/hidden/check.sh
"""


@pytest.fixture(params=["sandbox", "container"])
def folder(request, tmp_path):
    if request.param == "sandbox":
        request.getfixturevalue("sandboxed")
        options = {}
    else:
        options = request.getfixturevalue("any_containers").options
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "check.sh").write_text("grep -q right answer.txt\n")
    check = {"use": "command", "options": {"command": ["sh", "tests/check.sh"], "files": {"tests": "hidden"}}}
    whole = {"prompt": "?", "tasks": [{"id": "a"}, {"id": "b"}], "graders": [check]}
    (tmp_path / "suite.yaml").write_text(json.dumps({**whole, "workspace": {"use": request.param, "options": options}}))
    return tmp_path


def answers(folder):
    done = evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", cwd=folder)
    store = RunStore(folder / "run")
    records = list(store.records())
    assert {each.outcome for each in records} == {Outcome.PASS}, done.stderr
    return {store.transcript(each).final for each in records}


@pytest.mark.parametrize("isolation", ["host", "none"])
def test_a_function_thinks_outside_and_acts_inside(folder, isolation):
    write_agent(folder, WORKS, isolation=isolation)
    assert [each.split()[1:] for each in answers(folder)] == [["/workspace", "right"]]


def test_a_command_sees_of_its_folder_only_what_it_names(folder):
    (folder / "data").mkdir()
    (folder / "data" / "word.txt").write_text("a word\n")
    (folder / "agent.sh").write_text(COMMAND)
    (folder / "agent.sh").chmod(0o755)
    (folder / "agent.yaml").write_text(
        json.dumps(
            {"use": "command", "options": {"command": "sh -c '/agent/agent.sh; true'", "files": ["agent.sh", "data"]}}
        )
    )
    assert answers(folder) == {"agent.sh\ndata\na word"}


def test_a_word_that_is_a_file_comes_along_by_itself(folder):
    (folder / "agent.sh").write_text("#!/bin/sh\necho right > answer.txt\nls /agent\n")
    (folder / "agent.sh").chmod(0o755)
    (folder / "agent.yaml").write_text(json.dumps({"use": "command", "options": {"command": "./agent.sh"}}))
    assert answers(folder) == {"agent.sh"}


@pytest.mark.parametrize("name", ["../secret", "/etc", ".", "a/../.."])
def test_files_from_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="is no path inside the agent's folder"):
        CommandAgent(command="true", files=(name,), folder=str(tmp_path))
