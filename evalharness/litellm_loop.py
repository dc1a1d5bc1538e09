"""litellm itself, loaded once and quietly, and the event loop in the background that all of its calls run in.

Only there can a call be cut short: a server that sends a byte a second for ever keeps a blocking client busy for ever.
"""

import asyncio
import importlib
import logging
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import httpx

_LOCK = threading.Lock()
_GRACE = 5.0  # seconds for a cancelled call to let go


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


def within(call: Coroutine[Any, Any, Any], timeout: float) -> Any:
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
