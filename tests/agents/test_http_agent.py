import gzip
import json
import pickle
import threading

import pytest

from evalharness.agents.http import HttpAgent
from evalharness.errors import AgentFault, ConfigError, LimitReached
from evalharness.model import Extension, UnmeasuredRules, Usage
from evalharness.registry import build
from evalharness.running.attribution import attribute
from tests.running import PATIENCE
from tests.servers import HANGS_UP, NEVER, Reply, serving


@pytest.fixture
def ask(task, workspace):
    """Ask a server once; its agent takes the options given."""

    def run(server, seconds=20.0, **options):
        with HttpAgent(f"{server.url}/agent", **options).open(workers=1) as session:
            return session.run(task(seconds=seconds), workspace, seed=7)

    return run


def unmeasured(exc):
    found = attribute(exc, UnmeasuredRules())
    assert found is not None
    return found


def test_it_is_built_from_its_options_and_can_be_pickled():
    agent = build("agent", Extension(use="http", options={"url": "http://host/path"}))
    assert agent == HttpAgent("http://host/path")
    assert pickle.loads(pickle.dumps(agent)) == agent


def test_it_posts_the_task_and_reads_the_answer(ask):
    with serving(Reply.json({"final": "Rome", "usage": {"input_tokens": 3}})) as server:
        transcript = ask(server, fields=("topic",))
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.headers["Content-Type"]) == ("POST", "/agent", "application/json")
    assert asked.json() == {
        "task_id": "italy",
        "prompt": "What is the capital of Italy?",
        "seed": 7,
        "fields": {"topic": "cities"},
        "files": [],
    }
    assert (transcript.final, transcript.usage) == ("Rome", Usage(input_tokens=3))


def test_plain_text_is_an_answer_too(ask):
    with serving(Reply(body="R\u2028ome \xff\n".encode("latin-1", "ignore"))) as server:
        assert ask(server).final == "Rome \ufffd"


def test_method_and_headers_are_options_and_may_name_variables(ask, monkeypatch):
    monkeypatch.setenv("AGENT_KEY", "s3cret")
    with serving(Reply()) as server:
        ask(server, method="PUT", headers={"Authorization": "Bearer ${AGENT_KEY}"})
    assert (server.asked[0].method, server.asked[0].headers["Authorization"]) == ("PUT", "Bearer s3cret")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "http://h/", "headers": {"X": "${NOT_SET_ANYWHERE}"}}, "NOT_SET_ANYWHERE is not set"),
        ({"url": "http://"}, "must look like"),
        ({"url": "http://h:port/"}, "is no URL"),
    ],
)
def test_wrong_options_are_said_before_the_first_trial(options, said):
    with pytest.raises(ConfigError, match=said), HttpAgent(**options).open(workers=1):
        pass


def test_something_that_is_no_url_is_refused():
    with pytest.raises(ValueError, match="must start with http"):
        HttpAgent("localhost:80")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529, 401, 403, 404])
def test_a_status_that_is_not_its_doing_measured_nothing(ask, status):
    with serving(Reply(status, b"busy", {"Retry-After": "3"})) as server, pytest.raises(Exception) as caught:
        ask(server, patience_seconds=0)
    found = unmeasured(caught.value)
    assert (found.cause, found.detail, found.retry_after) == (f"status:{status}", "busy", 3.0)


def test_a_service_that_holds_back_is_asked_again_and_the_task_keeps_its_time(ask):
    busy = Reply(429, b"busy", {"Retry-After": "0.4"})
    with serving(busy, busy, Reply.json({"final": "Rome", "usage": {"input_tokens": 3}})) as server:
        transcript = ask(server, seconds=0.6)
    assert (transcript.final, transcript.usage) == ("Rome", Usage(input_tokens=3, held_back=2))


@pytest.mark.parametrize("status", [302, 400, 405, 422])
def test_a_status_that_refuses_the_task_counts_against_it(ask, status):
    with serving(Reply(status, b"no")) as server, pytest.raises(AgentFault) as caught:
        ask(server)
    assert caught.value.cause == f"status:{status}"


@pytest.mark.parametrize(
    "reply",
    [HANGS_UP, Reply(raw=b"\0garbage\r\n\r\n"), Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")],
    ids=["hangs up", "garbage", "cut short"],
)
def test_a_broken_connection_measured_nothing(ask, reply):
    with serving(reply) as server, pytest.raises(Exception) as caught:
        ask(server)
    assert unmeasured(caught.value).cause == "connection"


def test_nobody_listening_measured_nothing(ask):
    with serving(Reply()) as server:
        pass
    with pytest.raises(Exception) as caught:
        ask(server)
    assert unmeasured(caught.value).cause == "connection"


def test_a_name_that_does_not_resolve_measured_nothing(task, workspace):
    with HttpAgent("http://no-such-host.invalid/").open(workers=1) as session, pytest.raises(Exception) as caught:
        session.run(task(), workspace, seed=7)
    assert unmeasured(caught.value).cause == "dns"


@pytest.mark.parametrize(
    "reply",
    [
        NEVER,
        Reply(raw=b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000, pause=0.05),
        Reply(body=b"x" * 1000, pause=0.02),
        Reply(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000, pause=0.02),
    ],
    ids=["never answers", "drips its headers", "drips its body", "drips a body without length"],
)
def test_its_time_is_up_however_it_spends_it(ask, reply):
    with serving(reply) as server:
        with pytest.raises(LimitReached) as caught:
            ask(server, seconds=0.6)
        assert server.answered == 0
    assert caught.value.cause == "limit:seconds"


def test_after_a_cut_the_next_task_is_answered(task, workspace):
    with serving(NEVER, Reply(body=b"Rome")) as server, HttpAgent(server.url).open(workers=1) as session:
        with pytest.raises(LimitReached):
            session.run(task(seconds=0.3), workspace, seed=7)
        assert session.run(task(), workspace, seed=7).final == "Rome"


@pytest.mark.parametrize("encode", [bytes, gzip.compress], ids=["plain", "packed"])
def test_an_endless_answer_counts_against_it(ask, encode):
    body = encode(b"x" * 3_000_000)
    headers = {"Content-Encoding": "gzip"} if encode is gzip.compress else {}
    with serving(Reply(body=body, headers=headers)) as server, pytest.raises(LimitReached) as caught:
        ask(server, max_bytes=1_000_000)
    assert caught.value.cause == "limit:output"


def test_an_error_in_the_answer_measured_nothing(ask):
    with serving(Reply.json({"error": {"cause": "search_down"}})) as server, pytest.raises(Exception) as caught:
        ask(server)
    assert unmeasured(caught.value).cause == "search_down"


def test_a_thread_keeps_its_connection_but_no_cookies(task, workspace):
    with (
        serving(Reply(headers={"Set-Cookie": "session=1"})) as server,
        HttpAgent(server.url).open(workers=1) as session,
    ):
        for _ in range(5):
            session.run(task(), workspace, seed=7)
    assert server.connections == 1
    assert not any("Cookie" in asked.headers for asked in server.asked)


def test_threads_do_not_wait_for_each_other(task, workspace):
    together = threading.Barrier(16)

    def echo(asked):
        together.wait(PATIENCE)  # no answer before all sixteen have asked
        return Reply(body=str(json.loads(asked.body)["seed"]).encode())

    answers: dict[int, str] = {}
    with serving(answer=echo) as server, HttpAgent(server.url).open(workers=16) as session:

        def work(seed: int) -> None:
            answers[seed] = session.run(task(seconds=2 * PATIENCE), workspace, seed=seed).final

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {seed: str(seed) for seed in range(16)}
