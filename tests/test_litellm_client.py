import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from evalharness.errors import Unmeasured
from evalharness.litellm_client import complete, prices
from evalharness.model import Message, ToolCall
from evalharness.rates import Ceiling
from tests.servers import HANGS_UP, NEVER, Reply, serving

ASKED = [{"role": "user", "content": "What is the capital of Italy?"}]


def chat(message=None, **more):
    message = {"role": "assistant", "content": "Rome", **(message or {})}
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return Reply.json(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "m-1",
            "choices": [choice],
            "usage": usage,
            **more,
        }
    )


TEXT = Reply.json(
    {
        "id": "1",
        "object": "text_completion",
        "created": 1,
        "model": "m-2",
        "choices": [{"index": 0, "finish_reason": "length", "text": " Rome"}],
    }
)


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def ask(server, *, model="openai/gpt-4o-mini", timeout=10.0, seed=7, prompt=None, patience=0.0, **options):
    options = {"api_base": f"{server.url}/v1", **options}
    return complete(
        ASKED if prompt is None else prompt,
        model=model,
        timeout=timeout,
        seed=seed,
        options=options,
        ceiling=Ceiling(patience_seconds=patience),
    )


def test_a_chat_tells_text_usage_cost_and_the_model_that_answered():
    with serving(chat()) as server:
        reply = ask(server, temperature=0.7, stop=["\n"])
    assert (reply.text, reply.model, reply.finish_reason) == ("Rome", "m-1", "stop")
    assert reply.message == Message(role="assistant", content="Rome")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cached_tokens) == (9, 2, 4)
    price = prices("openai/gpt-4o-mini")
    cost = (
        5 * price["input_cost_per_token"]
        + 4 * price["cache_read_input_token_cost"]
        + 2 * price["output_cost_per_token"]
    )
    assert reply.usage.cost_usd == pytest.approx(cost)
    sent = server.asked[0].json()
    assert (sent["seed"], sent["temperature"], sent["stop"], sent["messages"]) == (7, 0.7, ["\n"], ASKED)


def test_a_text_completion_sends_the_prompt_as_it_is():
    with serving(TEXT) as server:
        reply = ask(server, model="text-completion-openai/base", prompt="Italy:")
    assert (reply.text, reply.model, reply.finish_reason) == (" Rome", "m-2", "length")
    assert (server.asked[0].path, server.asked[0].json()["prompt"]) == ("/v1/completions", "Italy:")
    assert (reply.usage.input_tokens, reply.usage.cost_usd) == (None, None)


def test_tool_calls_come_as_plain_data_and_broken_arguments_as_text():
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q": "Rome"}'}},
        {"id": "c2", "type": "function", "function": {"name": "search", "arguments": '{"q": '}},
    ]
    with serving(chat({"content": None, "tool_calls": calls})) as server:
        reply = ask(server)
    assert reply.text == ""
    assert reply.message.tool_calls == (
        ToolCall(name="search", arguments={"q": "Rome"}, id="c1"),
        ToolCall(name="search", arguments='{"q": ', id="c2"),
    )


def test_prices_of_ones_own_make_a_cost():
    with serving(chat()) as server:
        reply = ask(server, model="openai/our-own-priced", input_cost_per_token=1e-3, output_cost_per_token=2e-3)
    assert reply.usage.cost_usd == pytest.approx(0.013)


@pytest.mark.parametrize(
    ("model", "known"),
    [("openai/gpt-4o-mini", True), ("openai/nobody", False), ("nobody", False), ("groq/gpt-4o-mini", False)],
)
def test_prices_are_those_of_the_table_or_none(model, known):
    assert bool(prices(model)) is known


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply.json({"error": {"message": "no"}}, status=429), 429),
        (Reply.json({"error": {"message": "no"}}, status=500), 500),
        (Reply.json({"error": {"message": "no"}}, status=401), 401),
        (Reply(body=b"<html>"), 500),
        (HANGS_UP, 500),
    ],
)
def test_faults_leave_once_as_they_are_and_are_not_retried(reply, status):
    with serving(reply) as server, pytest.raises(Exception, match="litellm") as caught:
        ask(server)
    assert vars(caught.value)["status_code"] == status
    assert len(server.asked) == 1


def test_what_a_provider_holds_back_is_asked_again_when_it_allows_it():
    busy = Reply.json({"error": {"message": "slow down"}}, status=429)
    busy.headers["Retry-After"] = "0.2"
    started = time.monotonic()
    with serving(busy, busy, chat()) as server:
        reply = ask(server, patience=5.0)
    assert (reply.text, reply.usage.held_back, len(server.asked)) == ("Rome", 2, 3)
    assert time.monotonic() - started >= 0.4


def test_a_spent_account_is_not_waited_for():
    spent = Reply.json({"error": {"message": "no credit", "code": "insufficient_quota"}}, status=429)
    with serving(spent) as server, pytest.raises(Exception, match="no credit"):
        ask(server, patience=5.0)
    assert len(server.asked) == 1


def test_a_reply_without_an_answer_measures_nothing():
    empty = {"id": "1", "object": "text_completion", "created": 1, "model": "m", "choices": []}
    with serving(Reply.json(empty)) as server, pytest.raises(Unmeasured, match="malformed_reply"):
        ask(server, model="text-completion-openai/base", prompt="x")


@pytest.mark.parametrize("reply", [NEVER, Reply.json({"x": "y" * 5000}, pause=0.02)], ids=["never", "a byte at a time"])
@pytest.mark.parametrize("prompt", [None, "Italy:"], ids=["chat", "text"])
def test_no_call_takes_longer_than_its_time(reply, prompt):
    model = "openai/m" if prompt is None else "text-completion-openai/m"
    with serving(reply) as server:
        with pytest.raises(TimeoutError, match=r"no complete answer within 0\.3 seconds"):
            ask(server, model=model, prompt=prompt, timeout=0.3)
        assert server.answered == 0


@pytest.mark.parametrize("prompt", [None, "Italy:"], ids=["chat", "text"])
def test_a_hundred_threads_share_their_connections(prompt):
    model = "openai/m" if prompt is None else "text-completion-openai/m"
    with serving(chat() if prompt is None else TEXT) as server, ThreadPoolExecutor(100) as threads:
        replies = list(
            threads.map(lambda seed: ask(server, model=model, prompt=prompt, seed=seed, timeout=30), range(200))
        )
        assert {reply.text.strip() for reply in replies} == {"Rome"}
        assert sorted(asked.json()["seed"] for asked in server.asked) == list(range(200))
        assert server.connections < 150  # not one per call; a few more than threads are opened while others come back


SCRIPT = """
import os, sys
from evalharness.litellm_client import complete
reply = complete([{"role": "user", "content": "?"}], model="openai/m", timeout=10, seed=1,
                 options={"api_base": sys.argv[1]})
print(reply.text, os.environ.get("FROM_DOTENV"))
"""


def test_a_process_ends_in_silence_and_reads_no_dotenv_file(tmp_path):
    (tmp_path / ".env").write_text("FROM_DOTENV=secret-value\n")
    with serving(chat()) as server:
        ended = subprocess.run(
            [sys.executable, "-W", "error::ResourceWarning", "-c", SCRIPT, f"{server.url}/v1"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("Rome None\n", "", 0)
