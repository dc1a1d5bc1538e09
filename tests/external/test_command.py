"""Commands with placeholders: what stands in an argument stays in it, and what cannot be said is refused."""

import re

import pytest

from evalharness.errors import ConfigError
from evalharness.external.command import Asked, check_agent, check_ids, check_placeholders, filled
from evalharness.model import AgentDefinition, External

NASTY = "a b; rm -rf $HOME `x` | y && 'z' \"q\" {out} \\ \n"


def external(*command: str, reads: str = "junit") -> External:
    return External(command=command, reads=reads, batch=50)


def words(*command: str, ids=("a", "b"), reads="junit", **options: object) -> list[str]:
    asked = Asked(ids=ids, trials=3, out="/o", seed=7, workers=2)
    return filled(command, asked, external(*command, reads=reads), options)


@pytest.mark.parametrize(
    ("word", "becomes"),
    [
        ("{ids}", ["a,b"]),
        ("--only={ids}", ["--only=a,b"]),
        ("{id}", ["a", "b"]),
        ("--only={id}:{trials}", ["--only=a:3", "--only=b:3"]),
        ("{ids_regex}", ["^(?:a|b)$"]),
        ("{trials}/{seed}/{workers}/{out}", ["3/7/2//o"]),
        ("{{id}} {0} {a-b {", ["{id} {0} {a-b {"]),
        ("{agent.model}", ["m x"]),
        ("-T={agent.flag}", ["-T=true"]),
        ("{agent.list}", ['[1,"two"]']),
    ],
)
def test_placeholders_are_filled_in(word, becomes):
    assert words("tool", word, model="m x", flag=True, list=[1, "two"]) == ["tool", *becomes]


def test_no_value_makes_two_arguments_or_reaches_a_placeholder():
    assert words("tool", "x={agent.value}", value=NASTY) == ["tool", f"x={NASTY}"]
    assert words("tool", "{id}", ids=(NASTY,)) == ["tool", NASTY]


@pytest.mark.parametrize("task_id", ["a.b", "crash [x]", "a|b", "(", "$^", "\\", "a/b", "é*"])
def test_the_regular_expression_matches_its_ids_and_nothing_else(task_id):
    found = words("tool", "{ids_regex}", ids=(task_id, "other"))[1]
    assert re.search(found, task_id)
    assert not re.search(found, f"{task_id}!")
    assert not re.search(found, f"!{task_id}")


def test_inspect_is_given_no_patterns():
    assert words("inspect", "{ids}", ids=("a[1]", "b*"), reads="inspect_ai") == ["inspect", "a[[]1],b[*]"]


@pytest.mark.parametrize(
    ("command", "ids", "said"),
    [
        (["x", "{ids}"], ["a,b"], "cannot stand in {ids}"),
        (["x", "{ids}"], [" a"], "cannot stand in {ids}"),
        (["x", "{id}"], ["-rf"], "cannot be an argument"),
        (["x", "{ids_regex}"], ["a\0b"], "cannot be an argument"),
    ],
)
def test_ids_that_a_command_cannot_say_are_refused(command, ids, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        check_ids(external(*command), ids)


def test_an_unknown_placeholder_is_refused_with_what_was_meant():
    with pytest.raises(ConfigError, match=r"unknown placeholder '\{trial\}' \(did you mean 'trials'\?\)"):
        check_placeholders(["x", "{trial}"])


def test_an_option_that_the_agent_lacks_is_named():
    definition = AgentDefinition(name="mine", use="external", options={"modle": "x"})
    with pytest.raises(ConfigError, match=r"agent 'mine' has no option 'model'.*did you mean 'modle'"):
        check_agent(external("x", "{agent.model}"), definition)
