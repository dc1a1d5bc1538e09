import json

import pytest

from evalharness.errors import ConfigError
from tests.counting import patience

SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ('{"a": 1}', True),
        (' {"a": 1}\n', True),
        ('```json\n{"a": 1}\n```', True),
        ('Sure!\n```\n{"a": 1}\n```\nAnything else?', True),
        ('```json\n{"a": "draft"}\n```\nor rather\n```json\n{"a": 1}\n```', True),
        ('here [1] you are: {"a": 1}.', True),
        ('{"a": "1"}', False),
        ("{}", False),
        ("[1]", False),
        ("", False),
        ("no braces", False),
        ('{"a": 1', False),
        ("{'a': 1}", False),
        ('{"a": NaN}', False),
        ('{"a": 1e999}', False),
        ('{"a": %s}' % ("9" * 5000), False),
    ],
)
def test_json_is_found_and_checked(judge, answer, passed):
    grade = judge("json_schema", answer, schema=SCHEMA)
    assert grade.passed is passed, grade.reason


def test_a_violation_is_named_with_its_place(judge):
    assert judge("json_schema", '{"a": "x"}', schema=SCHEMA).reason == "'x' is not of type 'integer' at $.a"


def test_bare_wants_nothing_but_json(judge):
    assert judge("json_schema", '{"a": 1}', schema=SCHEMA, bare=True).passed
    assert not judge("json_schema", '```\n{"a": 1}\n```', schema=SCHEMA, bare=True).passed


def test_json_may_be_a_file_that_the_agent_wrote(judge, workspace):
    assert "cannot be read" in judge("json_schema", "done", schema=SCHEMA, file="out.json").reason
    workspace.write("out.json", b'\xef\xbb\xbf{"a": 1}')
    assert judge("json_schema", "done", schema=SCHEMA, file="out.json").passed
    workspace.write("out.json", b"\xff\xfe")
    assert not judge("json_schema", "done", schema=SCHEMA, file="out.json").passed


def test_the_schema_may_come_from_the_row(judge):
    assert judge("json_schema", '{"a": 1}', schema_field="shape", fields={"shape": SCHEMA}).passed
    with pytest.raises(ConfigError, match="no JSON schema in its field 'shape'"):
        judge("json_schema", '{"a": 1}', schema_field="shape")


def test_the_schema_may_lie_beside_the_suite(judge, tmp_path):
    (tmp_path / "shape.json").write_text(json.dumps(SCHEMA))
    assert judge("json_schema", '{"a": 1}', schema_file="shape.json", folder=str(tmp_path)).passed
    assert not judge("json_schema", "{}", schema_file="shape.json", folder=str(tmp_path)).passed


@pytest.mark.parametrize(
    ("answer", "expected", "how", "passed"),
    [
        ('{"a": 1, "b": [1, 2]}', {"a": 1}, "subset", True),
        ('{"a": 1, "b": [1, 2]}', {"a": 1}, "equal", False),
        ('{"a": 1.0}', {"a": 1}, "equal", True),
        ('{"a": true}', {"a": 1}, "equal", False),
        ('{"a": [1, 2]}', {"a": [1]}, "subset", False),
        ('{"a": 1}', '{"a": 1}', "equal", True),
        ("[1, 2]", [1, 2], "equal", True),
        ('{"a": {"b": 1, "c": 2}}', {"a": {"b": 1}}, "subset", True),
    ],
)
def test_json_may_be_compared_with_the_expected_value(judge, answer, expected, how, passed):
    assert judge("json_schema", answer, expected=expected, compare=how).passed is passed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schema": {"type": "nope"}}, "schema: 'nope'"),
        ({}, "schema: is missing"),
        ({"schema": True, "schema_field": "x"}, "only one of"),
        ({"schema_file": "no.json"}, r"schema_file: 'no\.json' holds no JSON schema"),
    ],
)
def test_a_wrong_option_is_named(judge, options, message):
    with pytest.raises(ConfigError, match=message):
        judge("json_schema", "{}", **options)


def test_references_are_never_fetched_and_measure_nothing(judge):
    with pytest.raises(Exception, match="Unresolvable"):
        judge("json_schema", "{}", schema={"$ref": "http://127.0.0.1:9/schema.json"})


BOMBS = {
    "open brackets": "[" * 900_000,
    "open objects": '{"a":' * 150_000,
    "braces": "{" * 900_000,
    "fences": "```\n" * 200_000,
    "deep": "[" * 500 + "]" * 500,
    "unique": "[" + ",".join("{}" if i % 2 else str(i) for i in range(100_000)) + "]",
    "wrong items": "[" + ",".join('"x"' for _ in range(100_000)) + "]",
    "runaway pattern": '{"s": "' + "a" * 50 + '!"}',
    "surrogate": '"\\ud800"',
}


@pytest.mark.parametrize("answer", BOMBS.values(), ids=BOMBS)
def test_json_bombs_fail(judge, answer):
    schema = {
        "uniqueItems": True,
        "items": {"type": "integer"},
        "not": {"type": "string"},
        "properties": {"s": {"pattern": "^(a+)+$"}},
        "maxItems": 10,
    }
    with patience():
        grade = judge("json_schema", answer, schema={**schema, "allOf": [{"items": {"$ref": "#"}}]})
    assert not grade.passed
    assert len(grade.reason) < 500
    grade.reason.encode()
