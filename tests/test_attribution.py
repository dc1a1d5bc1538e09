import errno
import socket
import time
from email.utils import formatdate

import httpx
import pytest

from evalharness.errors import AgentFault, ConfigError, LimitReached, StorageFault, Unmeasured
from evalharness.model import UnmeasuredRules
from evalharness.running.attribution import CommandFailed, attribute, retry_after, retryable

NONE = UnmeasuredRules()
REQUEST = httpx.Request("POST", "http://provider.test")


def raised(module: str, name: str, *bases: type[BaseException], **attributes: object) -> BaseException:
    """Make an exception as another package would, without that package."""
    cls = type(name, bases or (Exception,), {"__module__": module})
    exc = cls("what happened")
    for attribute_name, value in attributes.items():
        setattr(exc, attribute_name, value)
    return exc


def status_error(status: int, headers: dict[str, str] | None = None) -> httpx.HTTPStatusError:
    response = httpx.Response(status, headers=headers, request=REQUEST)
    return httpx.HTTPStatusError("bad status", request=REQUEST, response=response)


def cause_of(exc: BaseException, rules: UnmeasuredRules = NONE) -> str | None:
    unmeasured = attribute(exc, rules)
    return unmeasured.cause if unmeasured else None


def behind(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("exc", "cause"),
    [
        (Unmeasured("weather"), "weather"),
        (ConfigError("x"), "config"),
        (StorageFault("x"), "harness"),
        (KeyboardInterrupt(), "interrupted"),
        (raised("openai", "RateLimitError", status_code=429), "status:429"),
        (raised("openai._exceptions", "APITimeoutError"), "timeout"),
        (raised("openai", "AuthenticationError", status_code=401), "status:401"),
        (raised("anthropic._exceptions", "InternalServerError", status_code=529), "status:529"),
        (raised("anthropic", "APIConnectionError"), "connection"),
        (raised("litellm.exceptions", "ServiceUnavailableError"), "status:503"),
        (raised("litellm.exceptions", "APIConnectionError", status_code=500), "connection"),
        (raised("litellm.exceptions", "NotFoundError", status_code=404), "status:404"),
        (raised("litellm.exceptions", "APIError", status_code=502), "status:502"),
        (raised("google.api_core.exceptions", "ResourceExhausted", code=429), "status:429"),
        (raised("aiohttp.client_exceptions", "ClientResponseError", status=503), "status:503"),
        (raised("urllib.error", "HTTPError", code=500), "status:500"),
        (raised("requests.exceptions", "ConnectionError", OSError), "connection"),
        (raised("docker.errors", "DockerException"), "docker"),
        (httpx.ConnectError("x"), "connection"),
        (httpx.ReadTimeout("x"), "timeout"),
        (httpx.RemoteProtocolError("x"), "connection"),
        (status_error(408), "status:408"),
        (status_error(503), "status:503"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "dns"),
        (ConnectionResetError(), "connection"),
        (ConnectionRefusedError(), "connection"),
        (OSError(errno.ETIMEDOUT, "x"), "connection"),
        (OSError(errno.ENOSPC, "x"), "disk_full"),
        (OSError(errno.EMFILE, "x"), "open_files"),
        (raised("our_own", "ApiError", status_code=429), "status:429"),
    ],
    ids=lambda value: f"{type(value).__module__}.{type(value).__name__}" if isinstance(value, BaseException) else value,
)
def test_what_is_not_the_agents_doing(exc, cause):
    assert cause_of(exc) == cause


@pytest.mark.parametrize(
    "exc",
    [
        ValueError("x"),
        AgentFault("exit:1"),
        LimitReached("seconds"),
        CommandFailed(75, "try later"),
        TimeoutError("my own wait_for"),
        MemoryError(),
        SystemExit(0),
        BrokenPipeError(),
        FileNotFoundError(errno.ENOENT, "x"),
        status_error(400),
        status_error(404),
        httpx.UnsupportedProtocol("x"),
        raised("openai", "BadRequestError", status_code=400),
        raised("litellm.exceptions", "ContextWindowExceededError", status_code=400),
        raised("docker.errors", "ContainerError", raised("docker.errors", "DockerException").__class__),
        raised("our_own", "RateLimitError"),
        raised("our_own", "Forbidden", status_code=403),
    ],
    ids=lambda exc: f"{type(exc).__module__}.{type(exc).__name__}",
)
def test_what_counts_against_the_agent(exc):
    assert attribute(exc, NONE) is None


def test_a_spent_account_is_not_a_passing_limit():
    exc = raised("openai", "RateLimitError", status_code=429)
    exc.args = ("Error code: 429 - insufficient_quota",)
    assert cause_of(exc) == "quota"


def test_throttling_by_aws_is_found_in_the_response():
    response = {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    assert cause_of(raised("botocore.exceptions", "ClientError", response=response)) == "status:429"


def test_the_cause_behind_an_exception_counts():
    assert cause_of(behind(RuntimeError("the call failed"), status_error(503))) == "status:503"


def test_an_exception_raised_while_another_was_handled_is_excused_with_it():
    try:
        try:
            raise status_error(503)
        except httpx.HTTPStatusError:
            raise RuntimeError("the call failed")  # noqa: B904 - as agents do
    except RuntimeError as exc:
        assert cause_of(exc) == "status:503"


def test_from_none_says_that_nothing_is_behind_it():
    try:
        try:
            raise status_error(503)
        except httpx.HTTPStatusError:
            raise RuntimeError("mine") from None
    except RuntimeError as exc:
        assert attribute(exc, NONE) is None


def test_a_refused_request_is_not_excused_by_an_earlier_outage():
    assert attribute(behind(status_error(400), status_error(503)), NONE) is None


def test_a_name_that_does_not_resolve_is_said_so_although_the_client_calls_it_a_connection():
    assert cause_of(behind(httpx.ConnectError("x"), socket.gaierror(socket.EAI_AGAIN, "x"))) == "dns"


def test_a_500_that_litellm_made_up_yields_to_what_is_behind_it():
    outer = raised("litellm.exceptions", "InternalServerError", status_code=500)
    assert cause_of(behind(outer, httpx.ReadError("x"))) == "connection"
    assert cause_of(behind(outer, status_error(500))) == "status:500"


def test_an_exception_handed_to_another_counts_as_behind_it():
    assert cause_of(RuntimeError(socket.gaierror(socket.EAI_AGAIN, "x"))) == "dns"


def test_a_circle_of_causes_ends():
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert attribute(one, NONE) is None


def test_a_group_counts_against_the_agent_when_one_of_its_members_does():
    assert cause_of(ExceptionGroup("tasks", [status_error(429), httpx.ReadTimeout("x")])) == "status:429"
    assert attribute(ExceptionGroup("tasks", [status_error(429), ValueError()]), NONE) is None


@pytest.mark.parametrize("name", ["ToolDown", "shop.tools.ToolDown", "shop.ToolDown", "ToolFault"])
def test_an_agent_names_its_own_exceptions(name):
    exc = raised("shop.tools", "ToolDown", raised("shop.tools", "ToolFault").__class__)
    assert cause_of(behind(RuntimeError("x"), exc), UnmeasuredRules(exceptions=(name,))).startswith("exception:Tool")
    assert attribute(exc, UnmeasuredRules(exceptions=("Tool", "tools.ToolDown"))) is None


def test_an_agent_excuses_exit_codes_and_words_on_stderr():
    assert cause_of(CommandFailed(75, ""), UnmeasuredRules(exit_codes=(75,))) == "exit:75"
    assert cause_of(CommandFailed(1, "upstream gone"), UnmeasuredRules(stderr="upstream (gone|away)")) == "stderr"
    assert attribute(CommandFailed(1, "KeyError"), UnmeasuredRules(exit_codes=(75,), stderr="upstream")) is None


def test_a_command_ended_by_a_signal_says_which():
    assert CommandFailed(-11, "").cause == "signal:11"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_the_pause_that_is_asked_for(headers, seconds):
    assert retry_after(headers) == seconds


def test_the_pause_may_be_a_date():
    assert retry_after({"Retry-After": formatdate(time.time() + 30, usegmt=True)}) == pytest.approx(30, abs=2)


def test_the_pause_travels_with_the_cause():
    unmeasured = attribute(behind(RuntimeError("x"), status_error(429, {"retry-after": "3"})), NONE)
    assert unmeasured is not None
    assert unmeasured.retry_after == 3.0


@pytest.mark.parametrize("cause", ["status:429", "status:503", "timeout", "connection", "dns", "docker", "weather"])
def test_what_passes_is_tried_again(cause):
    assert retryable(cause)


@pytest.mark.parametrize(
    "cause", ["status:401", "status:403", "status:404", "quota", "disk_full", "config", "grader:judge"]
)
def test_what_lasts_is_not_tried_again(cause):
    assert not retryable(cause)
