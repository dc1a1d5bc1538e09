import importlib.abc
import pickle
import sys

import pytest

from evalharness.agents import Priced, opened
from evalharness.agents.asking import Example, folded
from evalharness.agents.model import ModelAgent
from evalharness.errors import AgentFault, ConfigError, LimitReached
from evalharness.model import Extension, UnmeasuredRules
from evalharness.registry import build
from evalharness.running.attribution import attribute
from tests.servers import NEVER, Asked, Reply, serving

USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 3,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 8},
}


ONCE = {"patience_seconds": 0.0}


def answer(asked: Asked) -> Reply:
    """Answer as a provider does, chat and completion."""
    if asked.path == "/v1/chat/completions":
        said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Rome"}}
        kind = "chat.completion"
    else:
        said = {"index": 0, "finish_reason": "stop", "text": " Rome ", "logprobs": None}
        kind = "text_completion"
    document = {"id": "1", "object": kind, "created": 1, "model": "tiny-2026-01", "choices": [said], "usage": USAGE}
    return Reply.json(document)


@pytest.fixture
def provider():
    with serving(answer=answer) as server:
        yield server


@pytest.fixture
def ask(task, workspace):
    def run(server, *, seconds=60.0, seed=7, **options):
        options = {
            "model": "openai/tiny",
            "api_base": f"{server.url}/v1",
            "extra": {"api_key": "none"},
            **ONCE,
            **options,
        }
        with opened(ModelAgent(**options), workers=1) as agent:
            return agent.run(task(seconds=seconds), workspace, seed=seed)

    return run


def test_it_is_built_from_its_options_and_can_be_pickled():
    options = {"model": "openai/tiny", "examples": [{"input": "a", "output": "b"}], "stop": ["\n"]}
    agent = build("agent", Extension(use="model", options=options))
    assert agent == ModelAgent("openai/tiny", examples=(Example(input="a", output="b"),), stop=("\n",))
    assert pickle.loads(pickle.dumps(agent)) == agent


def test_a_chat_is_system_examples_and_question(provider, ask):
    examples = (Example(input="Capital of Norway?", output="Oslo", fields={"topic": "towns"}),)
    transcript = ask(provider, system="Be brief.", template="[{{ topic }}] {{ prompt }}", examples=examples)
    said = [
        ("system", "Be brief."),
        ("user", "[towns] Capital of Norway?"),
        ("assistant", "Oslo"),
        ("user", "[cities] What is the capital of Italy?"),
    ]
    sent = provider.asked[0].json()["messages"]
    assert [(message["role"], message["content"]) for message in sent] == said
    assert [(message.role, message.content) for message in transcript.messages] == [*said, ("assistant", "Rome")]
    assert transcript.final == "Rome"


def test_a_completion_goes_on_after_examples_and_question(provider, ask):
    transcript = ask(
        provider,
        model="text-completion-openai/tiny",
        mode="completion",
        system="Some questions.",
        template="Q: {{ prompt }}\nA:",
        examples=(Example(input="Capital of Norway?", output="Oslo"),),
    )
    prompt = "Some questions.\n\nQ: Capital of Norway?\nA: Oslo\n\nQ: What is the capital of Italy?\nA:"
    assert provider.asked[0].json()["prompt"] == prompt
    assert [message.content for message in transcript.messages] == [prompt, " Rome "]
    assert transcript.final == "Rome"


def test_what_a_call_took_and_who_answered_is_recorded(provider, ask):
    transcript = ask(provider)
    usage = transcript.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.model_calls) == (12, 3, 8, 1)
    assert usage.cost_usd is None
    assert transcript.model == "tiny-2026-01"


def test_options_and_the_seed_of_the_trial_are_sent(provider, ask):
    ask(provider, seed=2**62 + 5, temperature=0.7, max_tokens=9, stop=("\n",), extra={"api_key": "k", "top_p": 0.5})
    sent = provider.asked[0].json()
    assert sent["seed"] == folded(2**62 + 5)
    assert (sent["temperature"], sent["max_tokens"], sent["stop"], sent["top_p"]) == (0.7, 9, ["\n"], 0.5)


def test_nothing_is_sent_that_was_not_asked_for(provider, ask):
    ask(provider)
    assert set(provider.asked[0].json()) == {"messages", "model", "seed"}


def test_folded_seeds_fit_and_stay_apart():
    seeds = [folded(number * 0x9E3779B97F4A7C15 % 2**63) for number in range(2000)]
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert len(set(seeds)) == 2000


def test_braces_in_a_task_are_text(provider, task, workspace):
    agent = ModelAgent("openai/tiny", api_base=f"{provider.url}/v1")
    agent.run(task("Is {{ 7 * 7 }} or {% raw %} code?"), workspace, seed=1)
    assert provider.asked[0].json()["messages"][0]["content"] == "Is {{ 7 * 7 }} or {% raw %} code?"


@pytest.mark.parametrize("template", ["{{ colour }}", "{{ prompt.__class__.__mro__ }}", "{{ 1 // 0 }}"])
def test_a_template_that_cannot_be_filled_in_counts_against_it(provider, ask, template):
    with pytest.raises(AgentFault) as caught:
        ask(provider, template=template)
    assert caught.value.cause == "template"


def test_a_malformed_template_is_refused():
    with pytest.raises(ValueError, match="template: "):
        ModelAgent("openai/tiny", template="{{ prompt")


def test_an_unknown_provider_is_said_before_the_first_trial():
    with pytest.raises(ConfigError, match="no such provider"), ModelAgent("no-such-thing").open(workers=1):
        pass


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (Reply(429, b'{"error": {"message": "slow down"}}', {"Retry-After": "4"}), "status:429"),
        (Reply(500, b"oops"), "status:500"),
        (Reply(503, b"busy"), "status:503"),
        (Reply(401, b'{"error": {"message": "bad key"}}'), "status:401"),
        (Reply(404, b'{"error": {"message": "no such model"}}'), "status:404"),
        (Reply(raw=b""), "connection"),
        (Reply(body=b"<html>", headers={"Content-Type": "text/html"}), "status:500"),  # as litellm calls it
        (Reply.json({"choices": []}), "malformed_reply"),
    ],
    ids=["429", "500", "503", "401", "404", "hangs up", "garbage", "no answer"],
)
def test_faults_of_the_provider_measured_nothing(ask, reply, cause):
    with serving(reply) as server, pytest.raises(Exception) as caught:
        ask(server)
    unmeasured = attribute(caught.value, UnmeasuredRules())
    assert unmeasured is not None
    assert unmeasured.cause == cause
    assert unmeasured.retry_after == (4.0 if cause == "status:429" else None)
    assert len(server.asked) == 1


@pytest.mark.parametrize("message", ["bad request", "maximum context length is 8 tokens: context_length_exceeded"])
def test_a_request_that_the_provider_refuses_counts_against_it(ask, message):
    reply = Reply(400, f'{{"error": {{"message": "{message}"}}}}'.encode())
    with serving(reply) as server, pytest.raises(Exception) as caught:
        ask(server)
    assert attribute(caught.value, UnmeasuredRules()) is None


def test_no_answer_in_its_time_counts_against_it(ask):
    with serving(NEVER) as server, pytest.raises(LimitReached) as caught:
        ask(server, seconds=0.5)
    assert caught.value.cause == "limit:seconds"


def test_prices_are_those_of_litellms_own_table():
    agent = ModelAgent("openai/gpt-4o-mini")
    assert isinstance(agent, Priced)
    assert agent.prices()["openai/gpt-4o-mini"]["input_cost_per_token"] > 0
    assert ModelAgent("openai/tiny").prices() == {}


class WithoutMcp(importlib.abc.MetaPathFinder):
    """A machine on which `mcp` is not installed."""

    def find_spec(self, fullname, path, target=None):
        if fullname.partition(".")[0] == "mcp":
            raise ModuleNotFoundError(f"No module named '{fullname}'")


def test_tools_without_what_litellm_needs_for_them_are_refused_before_the_first_trial(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "mcp"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [WithoutMcp(), *sys.meta_path])
    agent = ModelAgent(model="openai/tiny", api_base="http://127.0.0.1:9/v1", extra={"tools": []})
    with pytest.raises(ConfigError, match="pip install mcp"), opened(agent, workers=1):
        pass
