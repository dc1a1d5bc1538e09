import re
from pathlib import Path

import pytest
import yaml

from evalharness.graders import Grader
from evalharness.model import Extension
from evalharness.registry import BUILT_IN, build

PAGE = Path(__file__).resolve().parents[2] / "docs" / "graders.md"
EXAMPLES = [
    use
    for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for use in yaml.safe_load(block)["graders"]
]


@pytest.mark.parametrize("use", EXAMPLES, ids=lambda use: use["use"])
def test_every_example_can_be_built(use):
    grader = build("grader", Extension(use=use["use"], options=use.get("options", {})))
    assert isinstance(grader, Grader)


def test_every_built_in_grader_has_an_example():
    assert {use["use"] for use in EXAMPLES} == set(BUILT_IN["grader"])
