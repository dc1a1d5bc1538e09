import json
from dataclasses import replace

import msgspec
import pytest

from evalharness.model.audit import GraderAudit
from evalharness.report.audit import sentence
from tests.running import evalh, write_agent, write_suite

SOURCE = """
def answer(task, seed):
    index = int(task.id[1:])
    if index == 29:
        raise RuntimeError("no answer")
    if index == 5:
        return " "
    return "maybe yes" if index % 3 == 0 else "no" if seed % 4 == 0 else "yes"
"""
LOOSE = "graders: [{use: regex, name: loose, options: {pattern: 'yes|^ $'}}]\n"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    strict = write_suite(folder, 30)
    (folder / "loose.yaml").write_text(strict.read_text().partition("graders")[0] + LOOSE)
    write_agent(folder, SOURCE, isolation="none")
    evalh("run", "loose.yaml", "-a", "agent.yaml", "-o", "run", "-k", 3, "--seed", 1, cwd=folder)
    assert evalh("grade", "run", "--suite", "suite.yaml", "-o", "strict", cwd=folder).returncode == 0
    return folder


def test_a_stronger_grader_says_what_a_pass_is_worth(here):
    done = evalh("audit", "run", "--reference", "strict", cwd=here)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith("of 100 answers that pass, ")
    assert "3 more trials hold no answer that was graded" in done.stdout
    for text in (
        "false passes, of the wrong",
        "pass@3",
        "Cohen's kappa",
        "if a wrong answer costs 4 right ones",
        "look at",
    ):
        assert any(text in line for line in rest), text


def test_json_says_the_same_and_names_empty_passes(here):
    found = json.loads(evalh("audit", "run", "--reference", "strict", "--json", cwd=here).stdout)
    tally = found["errors"]["tally"]
    assert (found["answers"], found["audited"], found["unjudged"]) == (87, 87, 3)
    assert tally["false_pass"] == 33
    assert found["corrected"]["value"] == pytest.approx(tally["true_pass"] / 87)
    again = json.loads(evalh("audit", "strict", "--reference", "run", "--json", cwd=here).stdout)
    assert again["errors"]["tally"]["false_fail"] == 33


def test_empty_answers_that_pass_are_listed_where_the_reference_says_nothing_of_them(here):
    (here / "labels.csv").write_text("task_id,trial,passed\nt1,1,true\nt3,1,false\n")
    found = json.loads(evalh("audit", "run", "--reference", "labels.csv", "--json", cwd=here).stdout)
    empty = [(each["task_id"], each["trial"]) for each in found["doubts"] if each["kind"] == "empty_pass"]
    assert empty == [("t5", 1), ("t5", 2), ("t5", 3)]


def test_a_handful_of_labels_gives_a_range_and_no_number(here):
    (here / "few.csv").write_text("task_id,trial,passed\nt1,1,true\nt2,1,true\nt4,1,true\n")
    done = evalh("audit", "run", "--reference", "few.csv", cwd=here)
    assert done.returncode == 0
    assert "too few to say more" in done.stdout.replace("\n", " ")
    assert "about" not in done.stdout.splitlines()[0]


def test_the_same_question_has_the_same_answer(here):
    first, second = (evalh("audit", "run", "--reference", "labels.csv", "--json", cwd=here).stdout for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "--reference", "nowhere"], 2, "does not exist"),
        (["run", "--reference", "run"], 5, "is the run itself"),
        (["run", "--reference", "strict", "--grader", "lose"], 2, "did you mean 'loose'"),
        (["run", "--reference", "strict", "--k", "0"], 2, "--k must be whole numbers"),
        (["run", "--reference", "strict", "--cost-ratio", "x"], 2, "--cost-ratio must be numbers"),
        (["run", "--reference", "strict", "--cost-ratio", "nan"], 2, "--cost-ratio must be numbers"),
        (["run"], 2, "--reference"),
    ],
)
def test_what_cannot_be_audited_is_named(here, arguments, code, says):
    done = evalh("audit", *arguments, cwd=here)
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_the_sentence_never_rounds_an_error_away(here):
    done = evalh("audit", "run", "--reference", "strict", "--json", cwd=here)
    found = msgspec.json.decode(done.stdout, type=GraderAudit)
    near = msgspec.structs.replace(
        found.errors, precision=replace(found.errors.precision, value=0.999, low=0.98, high=0.9995)
    )
    said = sentence(msgspec.structs.replace(found, errors=near))
    assert said == "of 100 answers that pass, about 99 are right (98 to 100)"
