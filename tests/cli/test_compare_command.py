import json

import pytest
from running import evalh, write_agent, write_suite

GOOD = "def answer(task):\n    return 'yes'\n"
BAD = "def answer(task):\n    return 'no'\n"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    write_suite(folder, 12)
    for name, source in (("good", GOOD), ("same", GOOD), ("bad", BAD)):
        write_agent(folder, source, isolation="none")
        done = evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", name, "-k", 5, cwd=folder)
        assert done.returncode == 0
    (folder / "other").mkdir()
    write_suite(folder / "other", 3)
    (folder / "other" / "tasks.jsonl").write_text('{"id": "u", "text": "?", "label": "yes"}\n')
    evalh("run", "other/suite.yaml", "-a", "agent.yaml", "-o", "stranger", cwd=folder)
    return folder


def test_a_broken_candidate_is_blocked(here):
    done = evalh("compare", "good", "bad", cwd=here)
    assert done.returncode == 1
    assert "BLOCK" in done.stdout.splitlines()[0].upper()


def test_an_unchanged_candidate_is_not_blocked(here):
    assert evalh("compare", "good", "same", cwd=here).returncode == 0


def test_json_and_reports_say_the_same(here):
    done = evalh("compare", "good", "bad", "--json", "--report", "r.md", "--report", "r.json", cwd=here)
    assert json.loads(done.stdout)["decision"] == "block"
    assert json.loads((here / "r.json").read_text()) == json.loads(done.stdout)
    assert "block" in "".join((here / "r.md").read_text().splitlines()[:2]).lower()


def test_runs_without_a_task_in_common_are_not_comparable(here):
    done = evalh("compare", "good", "stranger", cwd=here)
    assert (done.returncode, "share no task" in done.stderr) == (5, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["good", "nowhere"], "nowhere"),
        (["good", "bad", "--policy", "nowhere"], "nowhere"),
        (["good", "bad", "--report", "r.docx"], "r.docx"),
    ],
)
def test_what_cannot_be_compared_is_named(here, arguments, says):
    done = evalh("compare", *arguments, cwd=here)
    assert (done.returncode, says in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr


def test_comparing_writes_nothing_into_the_runs(here):
    before = {file: file.stat().st_mtime_ns for name in ("good", "bad") for file in (here / name).rglob("*")}
    evalh("compare", "good", "bad", cwd=here)
    assert {file: file.stat().st_mtime_ns for name in ("good", "bad") for file in (here / name).rglob("*")} == before
