import json

import pytest

from evalharness.errors import ConfigError
from evalharness.model import Task, Transcript
from evalharness.registry import build
from evalharness.suite import load_suite
from evalharness.tasksets.math_word_problems import gsm8k, svamp
from evalharness.workspaces.local import LocalWorkspace

PUBLISHED_GSM8K = {"question": "How many?", "answer": "Two and <<1+1=2>>two: <<1000*2=2000>>\n#### 2,000"}
PUBLISHED_SVAMP = {
    "ID": "chal-9",
    "Body": "Tom had 4.5 litres",
    "Question": "How many are left?",
    "Answer": 2.5,
    "Type": "Common-Divison",
}


def written(folder, rows):
    (folder / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"path": "set.jsonl", "folder": folder}


def test_the_published_form_of_gsm8k_is_read(tmp_path):
    assert gsm8k(**written(tmp_path, [PUBLISHED_GSM8K])) == [
        {"question": "How many?", "answer": 2000, "tags": {"steps": "2"}}
    ]


def test_the_published_form_of_svamp_is_read(tmp_path):
    assert svamp(**written(tmp_path, [PUBLISHED_SVAMP])) == [
        {
            "id": "chal-9",
            "question": "Tom had 4.5 litres. How many are left?",
            "answer": 2.5,
            "tags": {"type": "division"},
        }
    ]


@pytest.mark.parametrize(
    ("load", "row", "said"),
    [
        (gsm8k, {"question": "q", "answer": "no mark"}, "set.jsonl:1: the solution has no '####'"),
        (gsm8k, {"question": "q", "answer": "#### many"}, "set.jsonl:1: the answer 'many' is no number"),
        (gsm8k, {"text": "q"}, "set.jsonl:1: has none of the fields"),
        (svamp, {"Body": "b", "Question": "q"}, "set.jsonl:1: has none of the fields Answer"),
        (svamp, {"Body": "b", "Question": "q", "Answer": "x"}, "'x' is no number"),
    ],
)
def test_a_row_of_another_set_is_refused_with_its_line(tmp_path, load, row, said):
    with pytest.raises(ConfigError, match=said):
        load(**written(tmp_path, [row]))


@pytest.mark.parametrize(("name", "tasks"), [("gsm8k", 1319), ("svamp", 1000)])
def test_the_bundled_suite_passes_right_answers_and_fails_wrong_ones(shared, monkeypatch, tmp_path, name, tasks):
    monkeypatch.setenv("EVALH_DATA", str(shared / "data" / "items"))
    suite = load_suite(name)
    assert len(suite.tasks) == tasks
    grader = build("grader", suite.tasks[0].graders[0])
    place = LocalWorkspace(folder=str(tmp_path))

    def passed(task: Task, answer: str) -> bool:
        return grader.grade(task, Transcript(final=answer), place).passed

    for task in suite.tasks:
        assert passed(task, f"First 17, then 4.\n#### {task.expected}"), task.id
        assert not passed(task, f"#### {task.expected + 1}"), task.id
        assert str(task.expected) not in task.tags


def test_gsm8ks_own_solutions_pass(shared, monkeypatch, tmp_path):
    """The number that the loader takes for the answer is the one that the published items hold."""
    monkeypatch.setenv("EVALH_DATA", str(shared / "data" / "items"))
    given = {}
    for line in (shared / "data" / "items" / "gsm8k" / "items.jsonl").read_text().splitlines():
        row = json.loads(line)
        given[row["id"]] = float(row["target"][0])
    assert {row["id"]: float(row["answer"]) for row in gsm8k(folder=tmp_path)} == given
