"""`evalh schema`: what editors check suites and agents with."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from evalharness.cli import cli
from evalharness.cli.schema import NOUNS, schema
from evalharness.loading.yaml_source import parse_yaml, read_yaml
from evalharness.suite import bundled

DOCS = Path(__file__).parents[2] / "docs" / "schema"


@pytest.mark.parametrize("name", ["suite", "agent"])
def test_the_schema_in_the_docs_is_the_one_that_is_printed(name, capsys):
    cli.main(["schema", name], standalone_mode=False)
    assert capsys.readouterr().out == (DOCS / f"{name}.json").read_text()


@pytest.mark.parametrize("name", list(NOUNS))
def test_every_schema_is_a_schema(name):
    Draft202012Validator.check_schema(json.loads(schema(name)))


@pytest.mark.parametrize("path", bundled().values(), ids=str)
def test_bundled_suites_keep_to_it_and_say_so(path):
    Draft202012Validator(json.loads(schema("suite"))).validate(read_yaml(path))
    assert path.read_text().startswith("# yaml-language-server: $schema=")


def test_it_sees_what_the_loader_sees():
    seen = Draft202012Validator(json.loads(schema("suite")))
    for text in (
        "tasks: []\nxyz: 1\n",
        "tasks: [{prompt: a, limits: {second: 1}}]\n",
        "tasks: []\ngate: {stance: gaurd}\n",
        "tasks: []\ntrials: 0\n",
        "name: a\n",
    ):
        assert list(seen.iter_errors(parse_yaml(text, "s.yaml")))
    assert not list(seen.iter_errors(parse_yaml("tasks: [{prompt: a, field_of_mine: 1}]\n", "s.yaml")))
