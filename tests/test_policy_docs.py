import re
from pathlib import Path

import msgspec
import pytest
import yaml

from evalharness.comparison.pairing import KINDS
from evalharness.gate import PRESETS, check_policy, error_budget
from evalharness.loading.shape import Place
from evalharness.model import Policy
from evalharness.policy import with_preset
from evalharness.registry import BUILT_IN, find, option_names
from tests.tables import policy

PAGE = (Path(__file__).parent.parent / "docs" / "policy.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_meant(example):
    section = with_preset(yaml.safe_load(example)["gate"], Place("policy.md"))
    check_policy(msgspec.convert(section, Policy))


def test_every_rule_has_an_example_and_every_option_is_named():
    shown = {rule["use"] for example in EXAMPLES for rule in yaml.safe_load(example)["gate"].get("rules", ())}
    assert shown == set(BUILT_IN["rule"])
    for rule in BUILT_IN["rule"]:
        for option in option_names(find("rule", rule)):
            assert re.search(rf"\b{option}\b", PAGE), f"{rule}: {option}"


def test_every_preset_and_every_kind_of_difference_is_listed():
    for name in (*PRESETS, *KINDS):
        assert f"`{name}`" in PAGE or name == "removed", name


def test_the_split_in_the_text_is_the_real_one():
    split = error_budget(policy("no_worse", "no_confirmed_regressions", "slices", false_block=0.03))
    assert ", ".join(f"{100 * share:.2f} %" for share in split.values()) == "1.71 %, 0.86 %, 0.43 %"
    assert "1.71 %, 0.86 % and 0.43 %" in PAGE
