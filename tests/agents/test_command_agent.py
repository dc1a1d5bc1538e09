import json
import pickle
import sys
from pathlib import Path

import pytest

from evalharness.agents import opened
from evalharness.agents.command import CommandAgent
from evalharness.errors import AgentFault, ConfigError, LimitReached, Unmeasured
from evalharness.model import Extension, Message, ToolCall, UnmeasuredRules, Usage
from evalharness.registry import build
from evalharness.running.attribution import CommandFailed, attribute


def shell(script: str, **options) -> CommandAgent:
    return CommandAgent(command=("sh", "-c", script), **options)


def saying(document: object, **options) -> CommandAgent:
    return shell("cat <<'END'\n" + json.dumps(document) + "\nEND", **options)


def run(agent, task, workspace, seed=7):
    with opened(agent, workers=1) as session:
        return session.run(task, workspace, seed=seed)


def test_it_is_built_from_its_options_and_can_be_pickled():
    agent = build("agent", Extension(use="command", options={"command": "cat -u", "fields": ["topic"]}))
    assert agent == CommandAgent(command="cat -u", fields=("topic",))
    assert pickle.loads(pickle.dumps(agent)) == agent


def test_it_is_told_the_task_but_neither_the_answer_nor_a_path_of_the_host(task, workspace):
    asked = task(files={"b.txt": "/host/b.txt", "a.txt": "/host/a.txt"})
    said = run(shell("cat; echo"), asked, workspace).final
    assert json.loads(said) == {
        "task_id": "italy",
        "prompt": asked.prompt,
        "seed": 7,
        "fields": {},
        "files": ["a.txt", "b.txt"],
    }


def test_it_is_told_the_fields_that_its_options_name(task, workspace):
    assert json.loads(run(shell("cat", fields=("topic",)), task(), workspace).final)["fields"] == {"topic": "cities"}


def test_a_field_that_the_task_has_not_counts_against_it(task, workspace):
    with pytest.raises(AgentFault, match="has no field colour"):
        run(shell("cat", fields=("colour",)), task(), workspace)


def test_plain_text_is_the_answer_without_its_last_line_break(task, workspace):
    transcript = run(shell("echo ' Rome '; echo thinking >&2"), task(), workspace)
    assert (transcript.final, transcript.logs) == (" Rome ", "thinking\n")


def test_a_json_answer_brings_messages_usage_and_model(task, workspace):
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"for": "Italy"}'}}
    document = {
        "final": "Rome",
        "messages": [
            {"role": "assistant", "content": None, "tool_calls": [call, {"name": "think", "arguments": {"n": 1}}]},
            {"role": "tool", "content": [{"type": "text", "text": "Rome"}], "tool_call_id": "c1"},
        ],
        "usage": {"input_tokens": 5, "output_tokens": 1, "cost_usd": 0.01, "somebody_elses": "x"},
        "model": "m-1",
    }
    transcript = run(saying(document), task(), workspace)
    calls = (ToolCall(name="look", arguments={"for": "Italy"}, id="c1"), ToolCall(name="think", arguments={"n": 1}))
    assert transcript.final == "Rome"
    assert transcript.messages == (
        Message(role="assistant", tool_calls=calls),
        Message(role="tool", content="Rome", tool_call_id="c1"),
    )
    assert transcript.usage == Usage(input_tokens=5, output_tokens=1, cost_usd=0.01)
    assert transcript.model == "m-1"


@pytest.mark.parametrize(
    ("document", "final"),
    [
        ({"answer": 42}, '{"answer": 42}'),
        ({"error": None}, '{"error": null}'),
        ([1, 2], "[1, 2]"),
        ({"final": {"answer": 42}}, '{"answer": 42}'),
        ({"final": 42}, "42"),
        ({"final": None}, ""),
        ({"final": "\ud83d"}, "?"),
    ],
)
def test_what_the_final_answer_is(task, workspace, document, final):
    assert run(saying(document), task(), workspace).final == final


@pytest.mark.parametrize(
    "document",
    [
        {"final": "x", "messages": [{"content": "no role"}]},
        {"final": "x", "usage": {"cost_usd": -1}},
        {"final": "x", "usage": {"input_tokens": "many"}},
        {"error": "something broke"},
        {"error": {"detail": "no cause"}},
    ],
)
def test_a_broken_answer_counts_against_it(task, workspace, document):
    with pytest.raises(AgentFault, match="the answer is not as it should be") as caught:
        run(saying(document), task(), workspace)
    assert caught.value.cause == "answer"


def test_numbers_that_json_does_not_know_are_unknown(task, workspace):
    agent = shell("""echo '{"final": "x", "usage": {"cost_usd": NaN}}'""")
    assert run(agent, task(), workspace).usage == Usage()


@pytest.mark.parametrize("script", ["printf '%50000s' | tr ' ' '['", "printf '{\"final\": %9000s' 1 | tr ' ' 1"])
def test_text_that_only_looks_like_json_is_text(task, workspace, script):
    assert len(run(shell(script), task(), workspace).final) > 5000


@pytest.mark.parametrize("exit_code", [0, 3])
def test_an_error_that_it_reports_measured_nothing(task, workspace, exit_code):
    document = json.dumps({"error": {"cause": "search\ndown", "detail": "no route", "retry_after": 4}})
    with pytest.raises(Unmeasured) as caught:
        run(shell(f"echo '{document}'; exit {exit_code}"), task(), workspace)
    assert (caught.value.cause, caught.value.detail, caught.value.retry_after) == ("search down", "no route", 4)


def test_a_crash_counts_against_it_unless_its_rules_say_otherwise(task, workspace):
    with pytest.raises(CommandFailed) as caught:
        run(shell("echo lost the queue >&2; exit 75"), task(), workspace)
    assert (caught.value.cause, caught.value.detail) == ("exit:75", "lost the queue")
    assert attribute(caught.value, UnmeasuredRules()) is None
    assert attribute(caught.value, UnmeasuredRules(exit_codes=(75,))) is not None
    assert attribute(caught.value, UnmeasuredRules(stderr="lost .* queue")) is not None


def test_a_crash_with_a_broken_answer_is_a_crash(task, workspace):
    with pytest.raises(CommandFailed):
        run(shell("""echo '{"final": 1, "usage": 3}'; exit 1"""), task(), workspace)


def test_running_out_of_time_counts_against_it(task, workspace):
    with pytest.raises(LimitReached) as caught:
        run(shell("while :; do :; done"), task(seconds=0.3), workspace)
    assert caught.value.cause == "limit:seconds"


def test_a_gigabyte_of_output_counts_against_it(task, workspace):
    with pytest.raises(LimitReached) as caught:
        run(shell("head -c 1000000000 /dev/zero"), task(), workspace)
    assert caught.value.cause == "limit:output"


def test_invalid_utf8_is_replaced_and_line_separators_stay(task, workspace):
    assert run(shell(r"printf '\377a\342\200\250b'"), task(), workspace).final == "\ufffda\u2028b"


def test_its_own_files_are_found_although_it_runs_in_the_workspace(task, workspace, tmp_path):
    (tmp_path / "words.txt").write_text("Rome\n")
    (tmp_path / "agent.sh").write_text("#!/bin/sh\ncat $1\ntouch here\n")
    (tmp_path / "agent.sh").chmod(0o755)
    assert run(CommandAgent(command="./agent.sh words.txt", folder=str(tmp_path)), task(), workspace).final == "Rome"
    assert workspace.find("*") == ["here"]
    assert not (tmp_path / "here").exists()


def test_a_script_may_be_given_to_an_interpreter(task, workspace, tmp_path):
    (tmp_path / "agent.py").write_text("import json, sys; print(json.load(sys.stdin)['seed'])")
    agent = CommandAgent(command=(sys.executable, "agent.py"), folder=str(tmp_path))
    assert run(agent, task(), workspace, seed=2**63 - 1).final == str(2**63 - 1)


def test_variables_are_added_to_its_environment(task, workspace):
    assert run(shell("echo $COLOUR", env={"COLOUR": "red"}), task(), workspace).final == "red"


def test_a_missing_program_file_is_said_before_the_first_trial(tmp_path):
    with (
        pytest.raises(ConfigError, match="no such file in"),
        CommandAgent("./no.sh", folder=str(tmp_path)).open(workers=1),
    ):
        pass


def test_a_program_file_without_permission_is_said_with_the_way_out(tmp_path):
    Path(tmp_path, "agent.sh").write_text("")
    with pytest.raises(ConfigError, match="chmod"), CommandAgent("./agent.sh", folder=str(tmp_path)).open(workers=1):
        pass


def test_a_program_that_is_not_installed_measured_nothing(task, workspace):
    with pytest.raises(Unmeasured, match="no_program"):
        run(CommandAgent("no-such-program-here"), task(), workspace)


@pytest.mark.parametrize("command", ["", (), "  "])
def test_an_empty_command_is_refused(command):
    with pytest.raises(ValueError, match="empty"):
        CommandAgent(command)
