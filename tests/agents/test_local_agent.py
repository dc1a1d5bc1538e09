import importlib.util
import json
import os
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from evalharness.agents.local import INSTALL, LocalAgent
from evalharness.errors import ConfigError, HarnessFault
from evalharness.model import Extension
from evalharness.registry import build

needs_model = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="the extra evalharness[local] is not installed"
)


@pytest.fixture(scope="module")
def model():
    with LocalAgent().open(workers=2) as session:
        yield session


def test_it_is_built_from_its_options_and_can_be_pickled():
    agent = build("agent", Extension(use="local", options={"temperature": 0}))
    assert agent == LocalAgent(temperature=0.0)
    assert pickle.loads(pickle.dumps(agent)) == agent


@needs_model
def test_it_answers_a_question_for_nothing(model, task, workspace):
    transcript = model.run(task(seconds=120), workspace, seed=3)
    assert transcript.final == "Rome"
    assert "\n" not in transcript.messages[-1].content
    assert transcript.model == "gemma-3-270m-q4_k_m"
    assert transcript.usage.cost_usd == 0.0
    assert transcript.usage.output_tokens


@needs_model
def test_the_examples_are_read_once_and_not_in_every_trial(model, task, workspace):
    transcripts = [model.run(task(f"What is {number} + 1?", seconds=120), workspace, seed=1) for number in range(4)]
    usage = transcripts[-1].usage
    assert usage.cached_tokens > 0.8 * usage.input_tokens


@needs_model
def test_a_seed_gives_one_answer_and_seeds_differ(model, task, workspace):
    asked = task("Who discovered the most islands?", seconds=120)

    def answers(seeds):
        return [model.run(asked, workspace, seed=seed).final for seed in seeds]

    first = answers(range(6))
    assert answers(range(6)) == first
    assert len(set(first)) > 1


@needs_model
def test_several_threads_are_answered_at_once(model, task, workspace):
    with ThreadPoolExecutor(4) as pool:
        said = pool.map(lambda seed: model.run(task(seconds=120), workspace, seed=seed).final, range(4))
    assert all(said)


@needs_model
def test_a_schema_confines_what_it_says(task, workspace):
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Rome", "Oslo"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    with LocalAgent(schema=schema, max_tokens=40, stop=(), examples=()).open(workers=1) as session:
        said = json.loads(session.run(task(seconds=120), workspace, seed=1).final)
    assert said["city"] in ("Rome", "Oslo")


@needs_model
def test_a_grammar_confines_what_it_says(task, workspace):
    with LocalAgent(grammar='root ::= " yes" | " no"', examples=()).open(workers=1) as session:
        assert session.run(task(seconds=120), workspace, seed=1).final in ("yes", "no")


@needs_model
def test_nothing_is_printed_and_nothing_listens_beyond_loopback():
    script = (
        "import psutil\n"
        "from evalharness.agents.local import LocalAgent\n"
        "from evalharness.model import Task\n"
        "with LocalAgent(examples=()).open(workers=1) as session:\n"
        "    session.run(Task(id='a', prompt='What is 1 + 1?'), None, seed=1)\n"
        "    listening = [c.laddr.ip for c in psutil.Process().net_connections() if c.status == 'LISTEN']\n"
        "    assert listening == ['127.0.0.1'], listening\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_model
def test_others_are_not_let_in(model):
    address = model._options["api_base"]
    assert httpx.post(f"{address}/completions", json={"prompt": "x", "max_tokens": 1}).status_code == 401


def test_without_the_extra_the_command_that_installs_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigError, match=re.escape(INSTALL)), LocalAgent().open(workers=1):
        pass


@needs_model
def test_a_model_file_that_is_missing_is_named(tmp_path):
    agent = LocalAgent(file="no.gguf", folder=str(tmp_path))
    with pytest.raises(ConfigError, match=r"no such model file: .*no\.gguf"), agent.open(workers=1):
        pass


@needs_model
def test_a_model_file_that_is_none_is_named(tmp_path):
    Path(tmp_path, "bad.gguf").write_bytes(b"not a model")
    agent = LocalAgent(file="bad.gguf", folder=str(tmp_path))
    with pytest.raises(HarnessFault, match=r"cannot be started from .*bad\.gguf"), agent.open(workers=1):
        pass


def test_schema_and_grammar_exclude_each_other():
    with pytest.raises(ValueError, match="either schema or grammar"):
        LocalAgent(schema={}, grammar="root ::= x")
