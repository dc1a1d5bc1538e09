import json
from typing import Any

import pytest

from evalharness.errors import ConfigError
from evalharness.graders.tool_calls import ToolCalls
from evalharness.model import Message, ToolCall, Transcript
from evalharness.suite import load_suite
from evalharness.tasksets.bfcl import load, openai_tools
from evalharness.workspaces.local import LocalWorkspace

QUESTION: dict[str, Any] = {
    "id": "simple_python_7",
    "question": [[{"role": "user", "content": "Area of 10 by 5?"}]],
    "function": [
        {
            "name": "shape.area",
            "description": "Area.",
            "parameters": {
                "type": "dict",
                "properties": {"base": {"type": "float"}, "type": {"type": "tuple", "items": {"type": "any"}}},
                "required": ["base"],
            },
        }
    ],
}
ANSWER = {"id": "simple_python_7", "ground_truth": [{"shape.area": {"base": [10], "type": [""]}}]}
NOWHERE = LocalWorkspace(folder="unused")


def published(folder, question=QUESTION, answers=(ANSWER,)):
    (folder / "possible_answer").mkdir(exist_ok=True)
    (folder / "q.json").write_text(json.dumps(question) + "\n")
    (folder / "possible_answer" / "q.json").write_text("".join(json.dumps(each) + "\n" for each in answers))
    return {"path": "q.json", "folder": folder}


def test_questions_and_possible_answers_are_put_together(tmp_path):
    (row,) = load(**published(tmp_path))
    assert row["question"] == "Area of 10 by 5?"
    assert row["possible"] == ANSWER["ground_truth"]
    assert json.loads(row["described"]) == row["functions"] == QUESTION["function"]
    assert row["tags"] == {"parameters": "2", "optional": "yes", "type": ["float", "tuple"]}


def test_what_cannot_be_judged_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"q.json:1: has no possible answers"):
        load(**published(tmp_path, answers=()))
    with pytest.raises(ConfigError, match=r"q.json:1: has several turns"):
        load(**published(tmp_path, question={**QUESTION, "question": QUESTION["question"] * 2}))
    with pytest.raises(ConfigError, match="category 'java' is not one of"):
        load("java", folder=tmp_path)


def test_tools_are_written_with_standard_types_and_names_without_dots():
    (tool,) = openai_tools(QUESTION["function"])
    assert tool["function"]["name"] == "shape_area"
    assert tool["function"]["parameters"] == {
        "type": "object",
        "properties": {"base": {"type": "number"}, "type": {"type": "array", "items": {"type": "string"}}},
        "required": ["base"],
    }


def right_call(task):
    """Take a possible value of every argument; in objects every key has possible values of its own."""
    ((name, possible),) = task.expected[0].items()
    return ToolCall(name=name, arguments=chosen(possible))


def chosen(possible):
    said = {key: [each for each in values if each != ""] for key, values in possible.items()}
    return {key: taken(values[0]) for key, values in said.items() if values}


def taken(value):
    if isinstance(value, dict):
        return chosen(value)
    return [taken(each) for each in value] if isinstance(value, list) else value


def test_right_calls_pass_and_wrong_ones_fail_in_all_given_items(shared, tmp_path):
    suite = tmp_path / "bfcl.yaml"
    suite.write_text(
        "tasks: {use: 'evalharness.tasksets.bfcl:load', options: {path: bfcl}}\nprompt: '{{ question }}'\n"
        "expected: possible\ngraders: [{use: tool_calls}]\n"
    )
    (tmp_path / "bfcl").mkdir()
    (tmp_path / "bfcl" / "items.jsonl").write_bytes((shared / "data/items/bfcl/items.jsonl").read_bytes())
    tasks = load_suite(suite).tasks
    assert len(tasks) == 300
    for task in tasks:
        call = right_call(task)
        renamed = ToolCall(name=f"{call.name}_other", arguments=call.arguments)
        added = ToolCall(name=call.name, arguments={**call.arguments, "of_no_use": 1})
        for made, passes in ((call, True), (renamed, False), (added, False)):
            said = Transcript(final="", messages=(Message(role="assistant", tool_calls=(made,)),))
            grade = ToolCalls().grade(task, said, NOWHERE)
            assert grade.passed is passes, (task.id, grade.reason)
