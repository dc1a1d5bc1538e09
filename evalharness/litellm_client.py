"""Calls of language models through litellm: one connection pool, one deadline, no retries, no network unasked.

All calls run in one event loop in a background thread, because only there can a call be cut short: a server that
sends a byte a second for ever keeps a blocking client busy for ever. Faults of the provider leave as litellm's own
exceptions (they carry `status_code`, and the headers as `litellm_response_headers`); a call over its time raises
TimeoutError; a reply without any answer in it raises `Unmeasured`.
"""

import asyncio
import importlib
import logging
import math
import os
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from evalharness.errors import Unmeasured
from evalharness.model import Message, ToolCall, Usage

_LOCK = threading.Lock()
_NO_LIMIT = 86_400.0  # litellm keeps a client per timeout, so the deadline is kept here and all calls share one
_GRACE = 5.0  # seconds for a cancelled call to let go
_KEYLESS = ("openai/", "text-completion-openai/")


class Reply(Struct, frozen=True, kw_only=True):
    """What a model answered; `model` is the name the provider returned, `finish_reason` says why it stopped."""

    text: str
    message: Message
    usage: Usage
    model: str | None = None
    finish_reason: str | None = None


def load() -> Any:
    """Import litellm once, without its network look-up of prices, its reading of `.env` files and its chatter."""
    with _LOCK:
        return _load()


@cache
def _load() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # else it puts every `.env` into the environment, unredacted
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.disable_aiohttp_transport = True  # it complains on stderr about connections that live until the end
    for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return litellm


@cache
def _loop(process: int) -> asyncio.AbstractEventLoop:  # a forked child has none of its parent's threads
    """Start the loop of all calls, and give litellm one connection pool for all OpenAI-like servers."""
    loop = asyncio.new_event_loop()
    # litellm prepares each call in a worker thread; the default of a handful would queue a hundred callers.
    loop.set_default_executor(ThreadPoolExecutor(max_workers=64, thread_name_prefix=f"litellm-{process}"))
    threading.Thread(target=loop.run_forever, name="litellm-loop", daemon=True).start()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    _load().aclient_session = httpx.AsyncClient(limits=limits, timeout=None, follow_redirects=True)  # noqa: S113 - complete() keeps the deadline
    return loop


def _within(call: Coroutine[Any, Any, Any], timeout: float) -> Any:
    """Wait for a call in the background loop; over time it is cancelled and TimeoutError raised."""
    with _LOCK:
        loop = _loop(os.getpid())
    future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(call, timeout), loop)
    try:
        return future.result(timeout + _GRACE)
    except TimeoutError:
        raise TimeoutError(f"no complete answer within {timeout:g} seconds") from None
    finally:
        future.cancel()  # also when Ctrl-C ends the waiting


@cache
def _takes_seed(model: str) -> bool:
    try:
        return "seed" in (load().get_supported_openai_params(model=model) or ())
    except Exception:  # noqa: BLE001 - an unknown provider: the call itself says so better
        return True


def _arguments(model: str, seed: int | None, options: dict[str, Any]) -> dict[str, Any]:
    ours: dict[str, Any] = {"model": model, "num_retries": 0, "max_retries": 0, "timeout": _NO_LIMIT}
    if seed is not None and _takes_seed(model):
        ours["seed"] = seed
    if "api_base" in options and model.startswith(_KEYLESS) and "OPENAI_API_KEY" not in os.environ:
        ours["api_key"] = options.get("api_key", "none")  # servers of one's own ask for no key, the client insists
    return {**options, **ours}


def complete(
    *,
    model: str,
    prompt: str | None = None,
    messages: list[dict[str, Any]] | None = None,
    timeout: float,
    seed: int | None,
    options: dict[str, Any],
) -> Reply:
    """Ask a model once: `messages` for a chat, `prompt` for a text completion. Never takes longer than `timeout`.

    `options` go to litellm as they are (temperature, stop, api_base, tools ...). A provider that knows no seed is
    asked without one.
    """
    if (prompt is None) == (messages is None):
        raise ValueError("give either prompt or messages")
    litellm = load()
    arguments = _arguments(model, seed, options)
    started = time.monotonic()
    if messages is not None:
        response = _within(litellm.acompletion(messages=messages, **arguments), timeout)
    else:
        response = _within(litellm.atext_completion(prompt=prompt, **arguments), timeout)
    return _reply(response, model=model, seconds=time.monotonic() - started)


def _reply(response: Any, *, model: str, seconds: float) -> Reply:
    choices = getattr(response, "choices", None)
    if not choices:
        raise Unmeasured("malformed_reply", f"{model} returned no answer")
    choice = choices[0]
    message = getattr(choice, "message", None)
    text = getattr(choice, "text", None) if message is None else (message.content or "")
    if not isinstance(text, str):
        raise Unmeasured("malformed_reply", f"{model} returned no answer")
    calls = tuple(_tool_call(call) for call in getattr(message, "tool_calls", None) or ())
    return Reply(
        text=text,
        message=Message(role="assistant", content=text, tool_calls=calls),
        usage=_usage(response, model=model, seconds=seconds),
        model=response.model or None,
        finish_reason=choice.finish_reason,
    )


def _tool_call(call: Any) -> ToolCall:
    """Read a tool call; arguments that are no JSON stay the text they are."""
    arguments = call.function.arguments
    with suppress(TypeError, ValueError, RecursionError):
        arguments = msgspec.json.decode(arguments)
    return ToolCall(name=call.function.name or "", arguments=arguments, id=call.id)


def _usage(response: Any, *, model: str, seconds: float) -> Usage:
    counted = getattr(response, "usage", None)
    if counted is None or not counted.total_tokens:  # litellm writes 0 where a server said nothing
        return Usage(seconds=seconds, model_calls=1)
    return Usage(
        input_tokens=counted.prompt_tokens,
        output_tokens=counted.completion_tokens,
        cached_tokens=getattr(counted.prompt_tokens_details, "cached_tokens", None),
        cost_usd=_cost(response, model),
        seconds=seconds,
        model_calls=1,
    )


def _cost(response: Any, model: str) -> float | None:
    known = prices(model)
    if not any(known.values()):
        return 0.0 if known else None  # a price of nothing is a price
    try:
        cost = float(load().completion_cost(completion_response=response, model=model))
    except Exception:  # noqa: BLE001 - a gap in the table must not cost the answer
        return None
    return cost if math.isfinite(cost) else None


def prices(model: str) -> dict[str, float]:
    """Return what litellm's own table says this model costs in dollars, by unit; empty when it is not there."""
    table = load().model_cost
    provider, _, name = model.partition("/")
    entry = table.get(model)
    if entry is None and str(table.get(name, {}).get("litellm_provider", "")).startswith(provider):
        entry = table[name]
    return {
        unit: float(price)
        for unit, price in (entry or {}).items()
        if "_cost" in unit and isinstance(price, int | float) and not isinstance(price, bool)
    }
