import pytest

from evalharness.errors import ConfigError
from evalharness.graders.call_text import calls_in
from evalharness.graders.tool_calls import ToolCalls, right
from evalharness.model import Message, Task, ToolCall, Transcript
from evalharness.workspaces.local import LocalWorkspace

AREA = {
    "name": "shape.area",
    "parameters": {
        "type": "dict",
        "properties": {
            "base": {"type": "integer"},
            "height": {"type": "float"},
            "unit": {"type": "string"},
            "sides": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["base", "height"],
    },
}
POSSIBLE = [{"shape.area": {"base": [10], "height": [5.0], "unit": ["Square cm", ""], "sides": ["", [1, 2]]}}]
TASK = Task(id="t", prompt="", fields={"functions": [AREA]}, expected=POSSIBLE)
NOWHERE = LocalWorkspace(folder="unused")


def judged(answer="", *calls, task=TASK):
    said = tuple(Message(role="assistant", tool_calls=(call,)) for call in calls)
    return ToolCalls().grade(task, Transcript(final=answer, messages=said), NOWHERE)


@pytest.mark.parametrize(
    "answer",
    [
        "[shape.area(base=10, height=5)]",
        "shape.area(base=10, height=5.0)",
        "shape_area(height=10/2, base=10, unit='square-CM')",
        "Here it is:\n```python\n[shape.area(base=10, height=5, sides=[1, 2])]\n```",
        '{"name": "shape.area", "arguments": {"base": 10, "height": 5}}',
        '[{"name": "shape.area", "parameters": {"base": 10, "height": 5, "unit": "square cm"}}]',
        '{"function": {"name": "shape_area", "arguments": "{\\"base\\": 10, \\"height\\": 5}"}}',
    ],
)
def test_a_right_call_passes_however_it_is_written(answer):
    assert judged(answer).passed, judged(answer).reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The area is 25.", "no call in"),
        ("", "0 calls where 1 is expected"),
        ("shape.area(base=10, height=5); print(1)", "no call in"),
        ("[shape.area(base=10, height=5), shape.area(base=10, height=5)]", "2 calls where 1 is expected"),
        ("area(base=10, height=5)", "called 'area', not 'shape.area'"),
        ("shape.area(base=10)", "argument 'height' is missing"),
        ("shape.area(10, 5)", "argument 'base' is missing"),
        ("shape.area(base=10, height=5, depth=1)", "argument 'depth' is not expected"),
        ("shape.area(base=10.0, height=5)", "argument 'base' is 10.0"),
        ("shape.area(base='10', height=5)", "argument 'base' is '10'"),
        ("shape.area(base=True, height=5)", "argument 'base' is True"),
        ("shape.area(base=10, height=5, unit='m')", "argument 'unit' is 'm'"),
        ("shape.area(base=10, height=5, sides=(1, 2))", "argument 'sides' is"),
        ("shape.area(base=10, height=5, sides=[2, 1])", "argument 'sides' is"),
        ('{"name": "shape.area"', "no call in"),
        ('{"name": 5, "arguments": {}}', "no call in"),
        ("shape.area(base=10 ** 9 ** 9, height=5)", "no call in"),
        ("shape.area(base=1/0, height=5)", "no call in"),
        ("(" * 5000 + ")" * 5000, "no call in"),
        ("-" * 15_000 + "1", "no call in"),
        ("[" * 9000, "no call in"),
        ("a" * 30_000, "30,000 characters are no call"),
        ("f(x=__import__('os').system('true'))", "called 'f'"),
    ],
)
def test_a_wrong_call_fails_and_says_why(answer, reason):
    found = judged(answer)
    assert not found.passed
    assert reason in found.reason


def test_calls_in_messages_count_before_the_answer():
    call = ToolCall(name="shape_area", arguments={"base": 10, "height": 5})
    assert judged("nonsense", call).passed
    assert not judged("[shape.area(base=10, height=5)]", call, call).passed
    assert judged("", ToolCall(name="shape.area", arguments='{"base": 10, "height": 5}')).passed
    for broken in ("no json", "[1]", 5):
        assert "no object" in judged("", ToolCall(name="shape.area", arguments=broken)).reason


def test_an_argument_that_may_not_be_left_out_must_be_there():
    task = Task(
        id="t",
        prompt="",
        fields={"functions": [AREA]},
        expected=[{"shape.area": {**POSSIBLE[0]["shape.area"], "unit": ["m"]}}],
    )
    assert "argument 'unit' is missing" in judged("shape.area(base=10, height=5)", task=task).reason


@pytest.mark.parametrize(
    ("value", "possible", "said", "expected"),
    [
        (5, [5.0], {"type": "float"}, True),
        (10**400, [5.0], {"type": "float"}, False),
        ("New York, NY", ["new york ny"], {"type": "string"}, True),
        ("it's", ['it"s'], {"type": "string"}, True),
        ("x", ["x"], {"type": "integer"}, True),  # a variable: of the type of what is possible
        ("X", ["x"], {"type": "integer"}, False),  # and then to the letter
        (5, ["x"], {"type": "integer"}, False),
        ((1.0, 2.0), [[1.0, 2.0]], {"type": "tuple", "items": {"type": "float"}}, True),
        ((1, 2), [[1, 2]], {"type": "array", "items": {"type": "integer"}}, False),
        ([1, 2], [[1.0, 2.0]], {"type": "array", "items": {"type": "float"}}, False),
        ([1, 2], [[1, 2]], {"type": "array", "items": {"type": "float"}}, True),
        (["A b"], [["ab"]], {"type": "array", "items": {"type": "string"}}, True),
        ([], [["ab"], ""], {"type": "array", "items": {"type": "string"}}, True),  # as in the published checker
        ({"a": 1}, [{"a": [1, 2], "b": ["", 3]}], {"type": "dict"}, True),
        ({"a": 1, "c": 1}, [{"a": [1]}], {"type": "dict"}, False),
        ({"b": 3}, [{"a": [1], "b": [3]}], {"type": "dict"}, False),
        ([{"a": 1}], [[{"a": [1]}]], {"type": "array", "items": {"type": "dict"}}, True),
        ([{"a": 1}, {"a": 1}], [[{"a": [1]}]], {"type": "array", "items": {"type": "dict"}}, False),
        (True, [True], {"type": "boolean"}, True),
        (1, [True], {"type": "boolean"}, False),
    ],
)
def test_values_are_compared_as_the_published_checker_does(value, possible, said, expected):
    assert right(value, possible, said) is expected


@pytest.mark.parametrize(
    ("fields", "expected", "said"),
    [
        ({"functions": [AREA]}, "area", "expected must be"),
        ({"functions": [AREA]}, [], "expected must be"),
        ({"functions": [AREA]}, [{"f": {}, "g": {}}], "expected must be"),
        ({}, POSSIBLE, "describes no function 'shape.area'"),
        ({"functions": "text"}, POSSIBLE, "describes no function 'shape.area'"),
    ],
)
def test_a_task_that_cannot_be_judged_measures_nothing(fields, expected, said):
    task = Task(id="t", prompt="", fields=fields, expected=expected)
    with pytest.raises(ConfigError, match=said):
        judged("[f()]", task=task)


def test_an_unknown_type_measures_nothing():
    with pytest.raises(ConfigError, match="no type of string"):
        right("x", ["x"], {"type": "Array"})


def test_nothing_in_a_call_is_evaluated():
    (call,) = calls_in("f(a=open('x').read(), b=name, c=-3, d={'k': [1]}, e=1 + 2, **rest)")
    assert call.arguments == {"a": "open('x').read()", "b": "name", "c": -3, "d": {"k": [1]}, "e": 3}
