"""Calls of language models through litellm: one connection pool, one deadline, and no network unasked.

Nothing is asked twice but what a provider held back. Its faults leave as litellm's own exceptions (they carry
`status_code`, and the headers as `litellm_response_headers`); a call over its time raises TimeoutError; a reply without
any answer in it raises `Unmeasured`. How fast a provider is asked is for `rates` to say.
"""

import math
import os
import time
from contextlib import suppress
from functools import cache
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from evalharness.errors import Unmeasured
from evalharness.litellm_loop import load, within
from evalharness.model import Message, ToolCall, Usage
from evalharness.rates import Ceiling, through
from evalharness.running import underway
from evalharness.text import decoder

__all__ = ["Reply", "complete", "load", "prices"]

_NO_LIMIT = 86_400.0  # litellm keeps a client per timeout, so the deadline is kept here and all calls share one
_KEYLESS = ("openai/", "text-completion-openai/")


class Reply(Struct, frozen=True, kw_only=True):
    """What a model answered; `model` is the name the provider returned, `finish_reason` says why it stopped."""

    text: str
    message: Message
    usage: Usage
    model: str | None = None
    finish_reason: str | None = None


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
    said: str | list[dict[str, Any]],
    *,
    model: str,
    timeout: float,
    seed: int | None,
    options: dict[str, Any],
    ceiling: Ceiling | None = None,
) -> Reply:
    """Ask a model to answer the messages of a chat, or to complete a text, in no more asking than `timeout`.

    A call that the provider holds back (429) is waited out and asked again, within the patience of `ceiling`; nothing
    else is. `options` go to litellm as they are (temperature, stop, api_base, tools ...). A provider that knows no
    seed is asked without one. An answer that the trial under way may use again is not asked for.
    """
    arguments = {**_arguments(model, seed, options), "prompt" if isinstance(said, str) else "messages": said}
    memory = underway.memory()
    if memory is None:
        return _asked(arguments, timeout, ceiling)
    key = memory.key(arguments)
    if (kept := memory.find(key)) and (reply := _replayed(kept)):
        return reply
    reply = _asked(arguments, timeout, ceiling)
    if reply.text or reply.message.tool_calls:
        memory.add(key, msgspec.json.encode(reply))
    return reply


def _asked(arguments: dict[str, Any], timeout: float, ceiling: Ceiling | None) -> Reply:
    litellm = load()
    call = litellm.acompletion if "messages" in arguments else litellm.atext_completion
    model: str = arguments["model"]

    def ask(seconds: float) -> Reply:
        started = time.monotonic()
        response = within(call(**arguments), seconds)
        return _reply(response, model=model, seconds=time.monotonic() - started)

    asked = through(_lane(model, arguments.get("api_base")), ask, seconds=timeout, ceiling=ceiling)
    if not asked.held_back:
        return asked.value
    usage = msgspec.structs.replace(asked.value.usage, held_back=asked.held_back)
    return msgspec.structs.replace(asked.value, usage=usage)


@cache
def _lane(model: str, api_base: str | None) -> str:
    """Name who sets the limits: a server of one's own by its address, a provider by its name."""
    if api_base:
        return httpx.URL(api_base).netloc.decode() or api_base
    try:
        provider: str = load().get_llm_provider(model=model)[1]
    except Exception:  # noqa: BLE001 - an unknown provider: the call itself says so better
        provider = model.partition("/")[0]
    return provider.removeprefix("text-completion-")


def _replayed(kept: bytes) -> Reply | None:
    """Read an answer that was kept: its tokens and time are those of the call that was made, its cost was paid then."""
    try:
        reply = decoder(Reply).decode(kept)
    except msgspec.DecodeError:  # damaged, or of another version: it is asked for again
        return None
    was = reply.usage
    usage = msgspec.structs.replace(
        was,
        cost_usd=None if was.cost_usd is None else 0.0,
        saved_usd=was.cost_usd,
        working_seconds=was.seconds,
        cached_calls=1,
        held_back=None,
    )
    return msgspec.structs.replace(reply, usage=usage)


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
