"""What the pages on suites and agents show can be loaded, and their tables name every key."""

import re
from pathlib import Path

import pytest

from evalharness.loading.definition import AgentFile
from evalharness.loading.shape import Place, shaped
from evalharness.loading.suite_file import RowKeys, SuiteFile
from evalharness.loading.yaml_source import parse_yaml

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize(("page", "file"), [("suites.md", SuiteFile), ("agents.md", AgentFile)])
def test_the_first_example_can_be_loaded(page, file):
    example = re.search(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert example is not None
    assert shaped(parse_yaml(example[1], page), file, Place(page))


@pytest.mark.parametrize(("page", "file"), [("suites.md", SuiteFile), ("suites.md", RowKeys), ("agents.md", AgentFile)])
def test_the_tables_name_every_key(page, file):
    first_columns = re.findall(r"^\| ([^|]*) \|", (DOCS / page).read_text(), re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(first_columns)))
    assert set(file.__struct_fields__) <= named
