import json
import pickle
import time
from collections import Counter

import pytest

from evalharness.agents.scripted import ScriptedAgent
from evalharness.errors import AgentFault, ConfigError, LimitReached, Unmeasured
from evalharness.model import Extension, Task, Usage
from evalharness.registry import build


@pytest.fixture
def play(task, workspace):
    def run(answers, seed=1, **options):
        with ScriptedAgent(answers=answers, **options).open(workers=1) as session:
            return session.run(task(), workspace, seed=seed)

    return run


def outcomes(script, trials=4000) -> Counter[str]:
    """Count what a script does over many seeds."""
    task, counts = Task(id="t", prompt="", expected="right"), Counter[str]()
    with ScriptedAgent(answers={"t": script}).open(workers=1) as session:
        for seed in range(trials):
            try:
                counts[session.run(task, None, seed=seed).final] += 1
            except Unmeasured as exc:
                counts[exc.cause] += 1
            except AgentFault as exc:
                counts[f"crash: {exc.detail}"] += 1
    return counts


def test_it_is_built_from_its_options_and_can_be_pickled():
    options = {"answers": {"*": "x"}, "seconds": 0, "usage": {"cost_usd": 0.1}}
    agent = build("agent", Extension(use="scripted", options=options))
    assert agent == ScriptedAgent(answers={"*": "x"}, usage=Usage(cost_usd=0.1))
    assert pickle.loads(pickle.dumps(agent)) == agent


def test_a_text_is_always_the_answer(play):
    assert {play({"italy": "Rome"}, seed=seed).final for seed in range(20)} == {"Rome"}


def test_a_star_stands_for_all_other_tasks(play):
    assert play({"spain": "Madrid", "*": "other"}).final == "other"


def test_scripts_are_read_from_a_file_in_the_agents_folder(task, workspace, tmp_path):
    (tmp_path / "script.json").write_text(json.dumps({"italy": {"pass": 1}}))
    with ScriptedAgent(file="script.json", folder=str(tmp_path)).open(workers=1) as session:
        assert session.run(task(), workspace, seed=1).final == "Rome"


def test_a_task_is_passed_as_often_as_its_odds_say():
    counts = outcomes({"pass": 0.7})
    assert counts["right"] / 4000 == pytest.approx(0.7, abs=0.03)
    assert counts["wrong"] == 4000 - counts["right"]


def test_errors_and_crashes_do_not_change_the_rate_among_answers():
    counts = outcomes({"pass": 0.7, "error": 0.2, "cause": "status:503", "crash": 0.1})
    assert counts["status:503"] / 4000 == pytest.approx(0.2, abs=0.03)
    assert counts["crash: scripted"] / 4000 == pytest.approx(0.1, abs=0.03)
    assert counts["right"] / (counts["right"] + counts["wrong"]) == pytest.approx(0.7, abs=0.03)


def test_lines_come_as_often_as_they_say():
    script = [{"answer": "a", "p": 0.6}, {"error": "dns", "p": 0.3}, {"crash": "KeyError", "p": 0.1}]
    counts = outcomes(script)
    assert {name: round(count / 400) for name, count in counts.items()} == {"a": 6, "dns": 3, "crash: KeyError": 1}


@pytest.mark.parametrize(
    "answers", [{"*": {"pass": 0.5}}, {"*": [{"answer": "a", "p": 0.5}, {"answer": "b", "p": 0.5}]}]
)
def test_the_seed_alone_decides(play, answers):
    assert [play(answers, seed=seed).final for seed in range(40)] == [
        play(answers, seed=seed).final for seed in range(40)
    ]


def test_usage_is_as_scripted_or_else_as_the_agent_says(play):
    assert play({"*": "x"}, usage=Usage(cost_usd=0.1)).usage == Usage(cost_usd=0.1)
    script = {"*": {"pass": 1, "usage": {"output_tokens": 5}}}
    assert play(script, usage=Usage(cost_usd=0.1)).usage == Usage(output_tokens=5)


def test_it_takes_the_time_it_is_told_to(play):
    started = time.monotonic()
    play({"*": {"pass": 1, "seconds": 0.1}}, seconds=60)
    assert time.monotonic() - started >= 0.1


def test_more_time_than_the_limit_allows_counts_against_it(task, workspace):
    with ScriptedAgent(answers={"*": "x"}, seconds=9).open(workers=1) as session, pytest.raises(LimitReached):
        session.run(task(seconds=0.05), workspace, seed=1)


@pytest.mark.parametrize("expected", [["Rome", "Roma"], ("Rome",), "Rome"])
def test_the_first_of_several_right_answers_is_given(expected):
    with ScriptedAgent(answers={"*": {"pass": 1}}).open(workers=1) as session:
        assert session.run(Task(id="t", prompt="", expected=expected), None, seed=1).final == "Rome"


def test_an_expected_number_is_given_as_text():
    with ScriptedAgent(answers={"*": {"pass": 1}}).open(workers=1) as session:
        assert session.run(Task(id="t", prompt="", expected=42), None, seed=1).final == "42"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"italy": {"pass": 1.5}}, r"'italy': .*<= 1.0.*pass"),
        ({"italy": {"pas": 1}}, "'italy': .*unknown field `pas`"),
        ({"italy": [{"p": 1}]}, "needs one of answer, error and crash"),
        ({"italy": [{"answer": "a", "error": "b"}]}, "needs one of answer, error and crash"),
        ({"italy": [{"answer": "a", "p": 0.5}]}, "'italy': the p of its lines add up to 0.5, not to 1"),
        ({"italy": []}, "add up to 0"),
        ({"italy": {"pass": 0.5, "error": 0.6, "crash": 0.6}}, "more than 1 together"),
        ({"italy": 42}, "Expected `str | object | array`, got `int`"),
    ],
)
def test_a_wrong_script_is_said_before_the_first_trial(answers, said):
    with pytest.raises(ConfigError, match=f"answers.*{said}"), ScriptedAgent(answers=answers).open(workers=1):
        pass


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), ("{", "malformed JSON"), ("[]", "must be an object")]
)
def test_a_broken_file_is_named(tmp_path, content, said):
    if content is not None:
        (tmp_path / "script.json").write_text(content)
    agent = ScriptedAgent(file="script.json", folder=str(tmp_path))
    with pytest.raises(ConfigError, match=f"script.json: .*{said}"), agent.open(workers=1):
        pass


def test_a_task_without_script_is_no_fail_of_the_agent(play):
    with pytest.raises(ConfigError, match="no script for task 'italy'"):
        play({"spain": "Madrid"})


def test_either_a_file_or_answers():
    for options in ({}, {"file": "x", "answers": {}}):
        with pytest.raises(ValueError, match="either file or answers"):
            ScriptedAgent(**options)
