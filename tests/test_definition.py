"""Agents by name: files, shorthands, and what tells one version from the next."""

import re
import sys
from pathlib import Path

import msgspec
import pytest

from evalharness.agents.command import CommandAgent
from evalharness.agents.function import FunctionAgent
from evalharness.errors import ConfigError
from evalharness.loading.definition import build_agent, fingerprint, load_agent


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def agent(task):\n    return 'one'\n")
    (tmp_path / "script.json").write_text('{"*": "one"}')
    (tmp_path / "agent.sh").write_text("echo one\n")
    (tmp_path / "agent.yaml").write_text("use: function\noptions: {call: 'mine:agent'}\n")


def changed(**change: object) -> str:
    return fingerprint(msgspec.structs.replace(load_agent("agent.yaml"), **change))


def test_a_file_names_its_adapter_and_options(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text(
        "name: mine\nversion: 1.10\nuse: function\noptions: {call: 'mine:agent', takes: prompt}\nsetup: make\n"
        "fingerprint: ['*.yaml']\nunmeasured: {exit_codes: [75], stderr: busy}\n"
    )
    found = load_agent("sub/a.yaml")
    assert (found.name, found.use, found.setup, found.fingerprint) == ("mine", "function", "make", ("*.yaml",))
    assert found.place == str(tmp_path / "sub")
    assert found.unmeasured.exit_codes == (75,)
    agent = build_agent(found)
    assert isinstance(agent, FunctionAgent)
    assert (agent.folder, agent.takes, agent.unmeasured.stderr) == (str(tmp_path / "sub"), "prompt", "busy")


@pytest.mark.parametrize(
    ("spec", "use", "options"),
    [
        ("python:mine:agent", "function", {"call": "mine:agent"}),
        ("model:openai/gpt-4o-mini", "model", {"model": "openai/gpt-4o-mini"}),
        ("local", "local", {}),
        ("scripted:script.json", "scripted", {"file": "script.json"}),
        ("http://localhost:8000/ask", "http", {"url": "http://localhost:8000/ask"}),
        ("command:./agent.sh --say 'two words'", "command", {"command": ["./agent.sh", "--say", "two words"]}),
    ],
)
def test_shorthands(tmp_path, spec, use, options):
    found = load_agent(spec)
    assert (found.name, found.use, found.options, found.place) == (spec, use, options, str(tmp_path))


def test_an_address_is_named_without_user_and_query():
    found = load_agent("https://${USER_AND_PASSWORD}@host/ask?key=${API_KEY}")
    assert found.name == "https://host/ask"
    assert found.options == {"url": "https://${USER_AND_PASSWORD}@host/ask?key=${API_KEY}"}


def test_a_name_may_be_given():
    assert load_agent("agent.yaml").name == "agent"
    assert load_agent("agent.yaml", name="release 2").name == "release 2"


def test_a_command_agent_starts_from_the_folder_of_its_file(tmp_path):
    (tmp_path / "c.yaml").write_text("use: command\noptions: {command: ./agent.sh}\n")
    agent = build_agent(load_agent("c.yaml"))
    assert isinstance(agent, CommandAgent)
    assert agent.folder == str(tmp_path)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("none.yaml", "none.yaml: no such file; an agent is an agent's YAML file, python:module:function"),
        (".", ".: is a folder"),
        ("python:", "agent 'python:' names nothing after the colon"),
        ("python:a/mine.py:fn", "agent 'python:a/mine.py:fn' names a file; name the module: python:a.mine:fn"),
        ("python:mine", "agent 'function': call must be 'module:function'"),
        ("command:'", "agent 'command:'': No closing quotation"),
        ("http://", "agent 'http://' names no host"),
        ("http://[::1", "agent 'http://[::1': Invalid IPv6"),
        ("https://me:secret@host/x", "agent 'https://...@host': the address is written into run.json; say user"),
        ("scripted:none.json", "agent 'scripted:none.json': no such file"),
        ("empty.yaml", "empty.yaml: is empty"),
        ("typo.yaml", "typo.yaml: unknown key 'optoins' (did you mean 'options'?)"),
        ("option.yaml", "option.yaml: agent 'function': unknown option 'cal' (did you mean 'call'?)"),
        ("adapter.yaml", "adapter.yaml: unknown agent 'functoin'"),
        ("rules.yaml", "rules.yaml: unmeasured.exit_codes[0]: must be a whole number, but is text"),
    ],
)
def test_what_is_no_agent_is_refused(tmp_path, spec, said):
    for name, text in {
        "empty": "",
        "typo": "use: function\noptoins: {}\n",
        "option": "use: function\noptions: {cal: x}\n",
        "adapter": "use: functoin\n",
        "rules": "use: function\noptions: {call: 'a:b'}\nunmeasured: {exit_codes: [x]}\n",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}"):
        load_agent(spec)


def test_the_fingerprint_sees_name_options_setup_and_rules():
    rules = msgspec.structs.replace(load_agent("agent.yaml").unmeasured, exit_codes=(75,))
    prints = {
        changed(),
        changed(name="other"),
        changed(options={"call": "mine:other"}),
        changed(options={"call": "mine:agent", "takes": "prompt"}),
        changed(setup="make"),
        changed(unmeasured=rules),
    }
    assert len(prints) == 6


def test_the_fingerprint_sees_no_comment_place_version_or_repeated_default(tmp_path):
    before = changed()
    (tmp_path / "agent.yaml").write_text(
        "# a comment\nversion: 9\nuse: function\noptions:\n  takes: task\n  call: mine:agent\n"
    )
    (tmp_path / "sub").mkdir()
    for name in ("agent.yaml", "mine.py"):
        (tmp_path / "sub" / name).write_bytes((tmp_path / name).read_bytes())
    assert fingerprint(load_agent("sub/agent.yaml")) == changed() == before


def test_the_fingerprint_sees_the_source_of_a_function(tmp_path):
    before = changed()
    (tmp_path / "mine.py").write_text("def agent(task):\n    return 'two'\n")
    assert changed() != before
    assert "mine" not in sys.modules


def test_the_fingerprint_sees_the_script_of_a_command(tmp_path):
    before = fingerprint(load_agent("command:sh agent.sh"))
    (tmp_path / "agent.sh").write_text("echo two\n")
    assert fingerprint(load_agent("command:sh agent.sh")) != before


def test_the_fingerprint_sees_the_file_of_a_scripted_agent(tmp_path):
    before = fingerprint(load_agent("scripted:script.json"))
    (tmp_path / "script.json").write_text('{"*": "two"}')
    assert fingerprint(load_agent("scripted:script.json")) != before


def test_the_fingerprint_sees_files_that_patterns_match(tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.txt").write_text("one")
    before = changed(fingerprint=("prompts/*.txt",))
    (tmp_path / "prompts" / "a.txt").write_text("two")
    after = changed(fingerprint=("prompts/*.txt",))
    (tmp_path / "prompts" / "a.txt").rename(tmp_path / "prompts" / "b.txt")
    assert len({before, after, changed(fingerprint=("prompts/*.txt",))}) == 3


@pytest.mark.parametrize("pattern", ["nothing/*.txt", "/etc/*", ""])
def test_a_pattern_that_matches_no_file_is_refused(pattern):
    with pytest.raises(ConfigError, match="fingerprint: "):
        changed(fingerprint=(pattern,))


def test_a_definition_is_enough_to_find_the_agent_again(tmp_path, monkeypatch):
    found = load_agent("python:mine:agent")
    before = fingerprint(found)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert fingerprint(found) == before
    assert Path(found.place) == tmp_path
