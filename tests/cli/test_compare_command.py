import json

import pytest

from tests.running import evalh, write_agent, write_suite

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


def test_several_candidates_stand_beside_each_other_and_the_worst_counts(here):
    done = evalh("compare", "good", "same", "bad", "--report", "several.md", "--json", cwd=here)
    assert done.returncode == 1
    assert [each["decision"] for each in json.loads(done.stdout)["candidates"]] == ["promote", "block"]
    assert "2 candidates" in (here / "several.md").read_text()
    assert evalh("compare", "good", "same", "same", cwd=here).returncode == 0


def test_what_is_accepted_needs_a_reason_and_is_shown(here):
    refused = evalh("compare", "good", "same", "--allow", "agent", cwd=here)
    assert (refused.returncode, "say why with --reason" in refused.stderr) == (2, True)
    done = evalh("compare", "good", "same", "--allow", "agent", "--reason", "a rehearsal", cwd=here)
    assert "accepted: agent (a rehearsal)" in done.stdout
    assert "same agent fingerprint" not in done.stdout


def test_a_run_compared_with_itself_is_a_data_fault_and_no_promotion(here):
    done = evalh("compare", "good", "good", "--policy", "release", cwd=here)
    assert done.returncode == 3
    assert "data fault: both arms are the same run" in done.stdout


def test_a_policy_file_that_names_an_unknown_rule_is_refused_by_its_place(here):
    (here / "p.yaml").write_text("gate: {preset: pr, rules: [{use: no_wrose}]}\n")
    done = evalh("compare", "good", "same", "--policy", "p.yaml", cwd=here)
    assert (done.returncode, "p.yaml: unknown rule 'no_wrose'" in done.stderr) == (2, True)
