"""`evalh init --from`: another tool's configuration becomes a suite that loads and runs, and what is lost is named."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evalharness.adopt.inspect_task import adopted as inspect_adopted
from evalharness.adopt.promptfoo import adopted
from evalharness.errors import ConfigError
from evalharness.suite import load_suite
from tests.running import ROOT, evalh

CONFIG = """
description: Echo bot
prompts: ["Hello {{name}}, you like {{thing}}"]
providers: [echo, "file://asked.py"]
defaultTest: {assert: [{type: latency, threshold: 60000}]}
tests:
  - description: all that has a counterpart
    vars: {name: Bob, thing: tea}
    assert:
      - {type: equals, value: "Hello {{name}}, you like tea"}
      - {type: not-equals, value: Bye}
      - {type: contains, value: Bob}
      - {type: icontains, value: HELLO}
      - {type: not-contains, value: coffee}
      - {type: not-icontains, value: COFFEE}
      - {type: contains-any, value: [tea, coffee]}
      - {type: contains-all, value: "Bob, tea"}
      - {type: starts-with, value: Hello}
      - {type: not-starts-with, value: Bye}
      - {type: regex, value: "B.b"}
      - {type: not-regex, value: "^Bye"}
      - {type: python, value: "len(output) > 3 and context['vars']['name'] == 'Bob'"}
      - {type: python, value: "file://judging.py:is_kind", metric: kind, weight: 2}
  - vars: {name: [Ann, Zoe], thing: milk}
    assert: [{type: contains, value: milk}]
    metadata: {level: easy}
  - description: partly
    vars: {name: Kim}
    assert: [{type: contains, value: Kim}, {type: javascript, value: "true"}]
  - vars: {name: Lee}
    assert: [{type: rouge-n, value: x}]
"""


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    """Every suite has a module of this name, and a process imports one."""
    monkeypatch.delitem(sys.modules, "promptfoo_checks", raising=False)


@pytest.fixture
def config(tmp_path) -> Path:
    source = tmp_path / "theirs"
    source.mkdir()
    (source / "promptfooconfig.yaml").write_text(CONFIG)
    (source / "asked.py").write_text("def call_api(prompt, options, context):\n    return {'output': prompt}\n")
    (source / "judging.py").write_text(
        "def is_kind(output, context):\n    return {'pass': 'Hello' in output, 'score': 1.0, 'reason': 'kind'}\n"
    )
    return source / "promptfooconfig.yaml"


def test_a_promptfoo_configuration_runs_and_gates_at_once(tmp_path, config):
    done = evalh("init", "--from", config, "ours", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ours = tmp_path / "ours"
    assert set(done.stdout.split()) == {f"ours/{path.name}" for path in ours.iterdir() if path.is_file()}
    for step in done.stderr.split("next:\n")[1].splitlines()[1:]:
        ran = evalh(*step.split()[1:], cwd=ours)
        assert ran.returncode == 0, ran.stderr
    assert "12 of 12 trials passed" in ran.stdout
    arms = ["--candidate", "echo.yaml", "--baseline", "file-asked-py.yaml"]
    gated = evalh("gate", "suite.yaml", *arms, "--trials", "1", cwd=ours)
    assert gated.returncode == 0, gated.stderr
    assert "no regression shown" in gated.stdout.lower()


def test_what_has_no_counterpart_is_named_with_its_place_and_never_passes(tmp_path, config):
    done = evalh("init", "--from", config, "ours", cwd=tmp_path)
    lost = [line for line in done.stderr.splitlines() if line.startswith("not taken over: ")]
    assert lost == [
        "not taken over: tests[2].assert[1]: type 'javascript' has no counterpart here",
        "not taken over: tests[3].assert[0]: type 'rouge-n' has no counterpart here",
        "not taken over: tests[3]: the test is left out: none of its assertions could be taken over",
    ]
    assert "4 tasks, 2 agents, to look at: 3" in done.stderr


@pytest.mark.parametrize(
    ("said", "answer", "passes"),
    [
        ("{type: equals, value: Rome}", "Rome", True),
        ("{type: equals, value: Rome}", "rome", False),
        ("{type: not-equals, value: Rome}", "Rome", False),
        ("{type: not-equals, value: Rome}", "Romeo", True),
        ("{type: equals, value: {a: 1}}", '{"a": 1}', True),
        ("{type: contains, value: a.b}", "axb", False),
        ("{type: icontains-any, value: 'x, ROME'}", "in rome", True),
        ("{type: icontains-all, value: [x, rome]}", "in rome", False),
        ("{type: not-contains-any, value: [x, Rome]}", "in Rome", False),
        ("{type: is-json}", '{"a": 1}', True),
        ("{type: is-json}", 'here: {"a": 1}', False),
        ("{type: contains-json}", 'here: {"a": 1}', True),
        ("{type: is-json, value: {required: [b], type: object}}", '{"a": 1}', False),
        ("{type: starts-with, value: (a}", "(a) Rome", True),
        ("{type: not-regex, value: 'R.me'}", "in\nRome", False),
        ("{type: python, value: 'float(output)', threshold: 0.5}", "0.4", False),
        ('{type: not-python, value: \'output == context["vars"]["q"]\'}', "Rome", True),
        ("{type: assert-set, assert: [{type: contains, value: R}, {type: contains, value: e}]}", "Rom", False),
    ],
)
def test_an_assertion_judges_as_it_does_there(tmp_path, said, answer, passes):
    (tmp_path / "c.yaml").write_text(
        f"prompts: [x]\nproviders: [echo]\ntests: [{{vars: {{q: one}}, assert: [{said}]}}]\n"
    )
    assert evalh("init", "--from", "c.yaml", "ours", cwd=tmp_path).returncode == 0
    row = json.loads((tmp_path / "ours" / "tasks.jsonl").read_text())
    (tmp_path / "ours" / "script.json").write_text(json.dumps({row["id"]: answer}))
    evalh("run", "suite.yaml", "-a", "scripted:script.json", "-k", "1", "-o", "run", cwd=tmp_path / "ours")
    record = json.loads((tmp_path / "ours" / "run" / "trials.jsonl").read_text())
    assert record["outcome"] == ("pass" if passes else "fail"), record


def test_models_keep_their_options_and_never_their_keys(tmp_path):
    (tmp_path / "chat.json").write_text(
        '[{"role": "system", "content": "Kind."}, {"role": "user", "content": "{{q}}?"}]'
    )
    provider = (
        "{id: 'openai:chat:gpt-4o', config: {temperature: 0, max_tokens: 9, top_p: 1, apiKey: sk-hidden-key, seed: 1}}"
    )
    (tmp_path / "c.yaml").write_text(
        f"prompts: ['file://chat.json']\nproviders: [{provider}]\n"
        "tests: [{vars: {q: why}, assert: [{type: llm-rubric, value: 'Answers {{q}}', provider: 'openai:gpt-4o'}]}]\n"
    )
    found = adopted(tmp_path / "c.yaml", tmp_path / "ours")
    assert found.agents["openai:chat:gpt-4o"]["options"] == {
        "model": "openai/gpt-4o",
        "template": "{{q}}?",
        "system": "Kind.",
        "temperature": 0,
        "max_tokens": 9,
        "extra": {"top_p": 1},
    }
    assert found.rows[0]["graders"] == [
        {"use": "judge", "options": {"rubric": "Answers why", "model": "openai/gpt-4o"}}
    ]
    assert [str(lost) for lost in found.lost] == [
        "providers[0].config.apiKey: keys are taken from the environment, never copied"
    ]


def test_a_provider_that_is_no_model_to_prompt_is_named_and_made_no_model(tmp_path):
    providers = ["openai:assistant:asst_1", "openai:embeddings:e", "bedrock:agents:a", "openai:ft:gpt-4o:me"]
    (tmp_path / "c.yaml").write_text(
        f"prompts: [x]\nproviders: {json.dumps(providers)}\ntests: [{{assert: [{{type: contains, value: x}}]}}]\n"
    )
    found = adopted(tmp_path / "c.yaml", tmp_path / "ours")
    assert [each["options"]["model"] for each in found.agents.values()] == ["openai/ft:gpt-4o:me"]
    assert [lost.place for lost in found.lost] == ["providers[0]", "providers[1]", "providers[2]"]


def test_tests_in_a_table_are_read(tmp_path):
    (tmp_path / "t.csv").write_text('q,__expected,__description\none,contains: x,first\ntwo,"plain, text",second\n')
    (tmp_path / "c.yaml").write_text("prompts: ['{{q}}']\nproviders: [echo]\ntests: file://t.csv\n")
    found = adopted(tmp_path / "c.yaml", tmp_path / "ours")
    assert [(row["id"], row["q"], row.get("expected")) for row in found.rows] == [
        ("first", "one", None),
        ("second", "two", "plain, text"),
    ]


def test_a_pattern_stands_for_all_files_of_tests_that_it_matches(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.yaml").write_text(
        "- {description: first, vars: {q: one}, assert: [{type: contains, value: o}]}\n"
    )
    (tmp_path / "tests" / "b.yaml").write_text(
        "description: second\nvars: {q: two}\nassert: [{type: contains, value: t}]\n"
    )
    config = "prompts: ['{{q}}']\nproviders: [echo]\ntests: ['file://tests/*.yaml', 'file://none/*.yaml']\n"
    (tmp_path / "c.yaml").write_text(config)
    found = adopted(tmp_path / "c.yaml", tmp_path / "ours")
    assert [row["id"] for row in found.rows] == ["first", "second"]
    assert [str(lost) for lost in found.lost] == ["tests[1]: none/*.yaml: no such files"]


def test_variables_called_like_keys_of_ours_still_fill_the_template(tmp_path):
    (tmp_path / "c.yaml").write_text(
        "prompts: ['{{id}} {{tags}}']\nproviders: [echo]\n"
        "tests: [{vars: {id: 7, tags: odd}, assert: [{type: equals, value: 7 odd}]}]\n"
    )
    assert evalh("init", "--from", "c.yaml", "ours", cwd=tmp_path).returncode == 0
    done = evalh("run", "suite.yaml", "-a", "agent.yaml", "-k", "1", cwd=tmp_path / "ours")
    assert "1 of 1 trials passed" in done.stdout


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on PATH")
def test_a_provider_in_javascript_is_asked_by_node(tmp_path):
    config = ROOT / "examples" / "external-promptfoo" / "promptfooconfig.yaml"
    done = evalh("init", "--from", config, "ours", cwd=tmp_path)
    assert "to look at: 0" in done.stderr
    ran = evalh("run", "suite.yaml", "-a", "agent.yaml", "-k", "1", "-o", "run", cwd=tmp_path / "ours")
    assert "3 of 3 trials passed" in ran.stdout
    assert json.loads((tmp_path / "ours" / "run" / "trials.jsonl").read_text().splitlines()[0])["usage"]["cost_usd"]


def test_no_variable_is_shown_that_no_prompt_shows(tmp_path):
    (tmp_path / "c.yaml").write_text(
        "prompts: ['Q: {{q}}']\nproviders: [echo]\n"
        "tests: [{vars: {q: why, gold: because}, assert: [{type: equals, value: '{{gold}}'}]}]\n"
    )
    row = adopted(tmp_path / "c.yaml", tmp_path / "ours").rows[0]
    assert (row["prompt"], row["expected"]) == ("Q: why", "because")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("c.yaml", b"prompts: [a\n", "c.yaml:2: malformed YAML"),
        ("c.yaml", b"\xff\xfe", "not UTF-8"),
        ("c.yaml", b"a: 1", "is no promptfoo configuration"),
        ("c.yaml", b"- 1", "is no promptfoo configuration"),
        ("c.yaml", b"prompts: [x]\nproviders: [echo]\ntests: []", "no test could be taken over"),
        ("c.yaml", b"prompts: [x]\ntests: [{assert: [{type: nonsense}]}]", "type 'nonsense' has no counterpart"),
        ("c.yaml", b"prompts: [x]\ndefaultTest: 5\ntests: [{}]", "defaultTest: is no object"),
        ("c.js", b"module.exports = {}", "is a .yaml or .json file"),
    ],
)
def test_a_broken_configuration_is_one_line_and_writes_nothing(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    done = evalh("init", "--from", name, "ours", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "ours").exists()


def test_nothing_is_overwritten_by_an_adopted_suite(tmp_path, config):
    (tmp_path / "suite.yaml").write_text("mine")
    done = evalh("init", "--from", config, cwd=tmp_path)
    assert done.returncode == 2
    assert "suite.yaml: exists already" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"suite.yaml", "theirs"}


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TYPE = st.sampled_from(
    ["equals", "contains-any", "is-json", "regex", "latency", "cost", "python", "assert-set", "llm-rubric"]
)
ASSERTION = st.fixed_dictionaries(
    {"type": TYPE | ANY}, optional={"value": ANY, "threshold": ANY, "assert": ANY, "metric": ANY}
)
TEST = st.fixed_dictionaries(
    {}, optional={"vars": ANY, "assert": st.lists(ASSERTION | ANY, max_size=3) | ANY, "description": ANY}
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example({"tests": "\0"})
@given(
    st.fixed_dictionaries(
        {"tests": st.lists(TEST | ANY, max_size=4) | ANY},
        optional={
            "prompts": ANY,
            "providers": ANY,
            "defaultTest": TEST | ANY,
            "evaluateOptions": ANY,
            "scenarios": ANY,
        },
    )
)
def test_whatever_a_configuration_holds_it_loads_or_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "c.json").write_text(json.dumps(content))
    shutil.rmtree(tmp_path / "ours", ignore_errors=True)
    done = evalh("init", "--from", "c.json", "ours", cwd=tmp_path)
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode == 0:
        load_suite(tmp_path / "ours" / "suite.yaml")
    else:
        assert not (tmp_path / "ours").exists()


needs_inspect = pytest.mark.skipif(shutil.which("inspect") is None, reason="inspect (inspect-ai) is not on PATH")


@needs_inspect
def test_an_inspect_task_becomes_rows_graders_and_a_model_agent(tmp_path):
    (tmp_path / "quiz.py").write_text(
        "from inspect_ai import Task, task\n"
        "from inspect_ai.dataset import Sample\n"
        "from inspect_ai.scorer import choice, includes, match, model_graded_qa\n"
        "from inspect_ai.solver import generate, prompt_template, system_message\n"
        "DATA = [Sample(id='a', input='2+2?', target=['4', 'four'], metadata={'level': 'easy'})]\n"
        "@task\n"
        "def sums():\n"
        "    solver = [system_message('Be brief.'), prompt_template('Q: {prompt}'), generate()]\n"
        "    return Task(dataset=DATA, solver=solver, scorer=[match(), includes()], epochs=4, time_limit=9)\n"
        "@task\n"
        "def letters():\n"
        "    judge = model_graded_qa(model='openai/gpt-4o')\n"
        "    return Task(dataset=[Sample(input='?', choices=['x', 'y'], target='B')], scorer=[choice(), judge])\n"
    )
    sums, letters = (inspect_adopted(f"{tmp_path}/quiz.py@{name}") for name in ("sums", "letters"))
    assert sums.suite["trials"] == 4
    assert sums.suite["limits"] == {"seconds": 9}
    assert [grader["use"] for grader in sums.rows[0]["graders"]] == ["regex", "contains"]
    assert (sums.rows[0]["expected"], sums.rows[0]["level"]) == (["4", "four"], "easy")
    assert sums.agents["agent"]["options"]["system"] == "Be brief."
    assert sums.agents["agent"]["options"]["template"] == "Q: {{ prompt }}"
    assert [grader["use"] for grader in letters.rows[0]["graders"]] == ["choice", "judge"]
    assert letters.rows[0]["choices"] == ["x", "y"]
    assert letters.rows[0]["graders"][1]["options"]["model"] == "openai/gpt-4o"
    with pytest.raises(ConfigError, match="of sums, letters"):
        inspect_adopted(f"{tmp_path}/quiz.py")


@needs_inspect
def test_an_adopted_inspect_task_runs_with_an_agent_of_ours(tmp_path):
    task = ROOT / "examples" / "external-inspect" / "triage.py"
    done = evalh("init", "--from", task, "ours", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "not taken over: solver sorting" in done.stderr
    (tmp_path / "ours" / "script.json").write_text('{"*": {"pass": 1.0}}')
    ran = evalh("run", "suite.yaml", "-a", "scripted:script.json", "-k", "1", cwd=tmp_path / "ours")
    assert "5 of 5 trials passed" in ran.stdout


def test_an_inspect_task_without_inspect_is_refused_with_the_way_out(tmp_path, monkeypatch):
    if subprocess.run(["python3", "-c", "import inspect_ai"], capture_output=True, check=False).returncode == 0:
        pytest.skip("inspect_ai is installed for every Python here")
    (tmp_path / "t.py").write_text("")
    done = evalh("init", "--from", "t.py", "ours", cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert done.returncode == 2
    assert "pip install inspect-ai" in done.stderr
