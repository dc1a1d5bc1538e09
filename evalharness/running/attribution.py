"""Whose doing an exception is: the agent's, or that of providers and infrastructure.

Nobody's agent says so itself, so a table maps what they raise, by the names of their classes: nothing of theirs is
imported. An exception behind another (`raise ... from`, or raised while one was handled) counts too, unless
something nearer is clearly the agent's doing. An agent adds its own rules.

Not the agent's: limits, outages and lost connections of a provider, a key that is refused, DNS, docker, a full disk,
too many open files, Ctrl-C. The agent's: everything else, also a request that a provider calls bad or too long, a
TimeoutError of its own making, MemoryError, SystemExit, and a broken pipe (to a process of its own, as a rule).
"""

import errno
import math
import re
import socket
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

from evalharness.errors import AgentFault, ConfigError, EvalHarnessError, Unmeasured
from evalharness.model import UnmeasuredRules

_SDKS = frozenset(
    {"anthropic", "azure", "botocore", "cohere", "google", "groq", "litellm", "mistralai", "openai", "together"}
)
_SDK_CLASSES = {
    "APIConnectionError": "connection",
    "APITimeoutError": "timeout",
    "AuthenticationError": "status:401",
    "InternalServerError": "status:500",
    "NotFoundError": "status:404",
    "PermissionDeniedError": "status:403",
    "RateLimitError": "status:429",
    "ServiceUnavailableError": "status:503",
    "Timeout": "timeout",
}
_CLASSES = {
    **{f"{sdk}.{name}": cause for sdk in _SDKS for name, cause in _SDK_CLASSES.items()},
    "aiohttp.ClientConnectionError": "connection",
    "aiohttp.ClientPayloadError": "connection",
    "aiohttp.ServerTimeoutError": "timeout",
    "botocore.ConnectTimeoutError": "timeout",
    "botocore.HTTPClientError": "connection",
    "botocore.NoCredentialsError": "status:401",
    "botocore.ReadTimeoutError": "timeout",
    "docker.ContainerError": "",  # what ran in the container failed, and that is the agent's
    "docker.DockerException": "docker",
    "google.DefaultCredentialsError": "status:401",
    "google.RetryError": "timeout",
    "google.TransportError": "connection",
    "httpcore.NetworkError": "connection",
    "httpcore.RemoteProtocolError": "connection",
    "httpcore.TimeoutException": "timeout",
    "httpx.LocalProtocolError": "",  # the request was wrong before it was sent
    "httpx.TimeoutException": "timeout",
    "httpx.TransportError": "connection",
    "httpx.UnsupportedProtocol": "",
    "requests.ChunkedEncodingError": "connection",
    "requests.ConnectionError": "connection",
    "requests.Timeout": "timeout",
    "urllib3.NameResolutionError": "dns",
    "urllib3.NewConnectionError": "connection",
    "urllib3.ProtocolError": "connection",
    "urllib3.TimeoutError": "timeout",
}
_STATUS_NAMES = {"aiohttp": "status", "google": "code", "urllib": "code"}  # elsewhere `status_code`
_THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "ModelTimeoutException"})
_REFUSED = frozenset({401, 402, 403, 404})  # a key, an account, a model that is not there: nobody's answer was heard
_PASSING = frozenset({408, 429})
_RESOURCES = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EMFILE: "open_files",
    errno.ENFILE: "open_files",
    errno.ETIMEDOUT: "connection",
    errno.ENETUNREACH: "connection",
    errno.EHOSTUNREACH: "connection",
}
_VAGUE = ("connection", "status:500")  # litellm calls whatever it does not understand 500
_TELLING = ("dns", "timeout", "connection")
_LASTING = {"config", "quota", "disk_full", "image_missing", "no_program", *(f"status:{each}" for each in _REFUSED)}


class CommandFailed(AgentFault):
    """A command ended with an exit code that is not 0, or by a signal; an agent's rules may excuse it."""

    def __init__(self, exit_code: int, stderr: str) -> None:
        super().__init__(f"exit:{exit_code}" if exit_code >= 0 else f"signal:{-exit_code}", stderr[-2000:].strip())
        self.exit_code = exit_code
        self.stderr = stderr


def attribute(exc: BaseException, rules: UnmeasuredRules) -> Unmeasured | None:
    """Say why an exception measured nothing; None when it is the agent's doing."""
    if isinstance(exc, BaseExceptionGroup):  # one real failure among them is the agent's
        verdicts = [attribute(each, rules) for each in exc.exceptions]
        return None if None in verdicts else verdicts[0]
    faults = []
    for each in _chain(exc):
        fault = _by_rule(each, rules) or _fault(each)
        if fault is not None:
            faults.append(fault)
        elif _agents_own(each):
            break
    return _telling(faults)


def retryable(cause: str) -> bool:
    """Say whether the same attempt may well succeed later.

    A wrong setting, a refused key, a spent account, a missing model, image or program, a full disk, a broken grader
    and a runner of someone else's that reports nothing stay as they are.
    """
    return cause.removeprefix("judge:") not in _LASTING and not cause.startswith(("grader:", "external:"))


def status_fault(status: int, detail: str, headers: Mapping[str, str]) -> Unmeasured | None:
    """Say what an HTTP status from a provider means; None when it blames the request."""
    if status in _PASSING or status in _REFUSED or status >= 500:
        return Unmeasured(f"status:{status}", detail, retry_after=retry_after(headers))
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the pause in seconds that the other side asks for: a number, or a date."""
    asked = {str(name).lower(): str(value) for name, value in headers.items()}
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(asked[name]) * unit
        except KeyError:
            continue
        except ValueError:
            seconds = _until(asked[name])
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except ValueError:
        return math.nan


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those behind it, outermost first, each once."""
    seen: set[int] = set()
    current: BaseException | None = exc
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        context = None if current.__suppress_context__ else current.__context__
        wrapped = current.args[0] if current.args and isinstance(current.args[0], BaseException) else None
        current = current.__cause__ or context or wrapped


def _telling(faults: list[Unmeasured]) -> Unmeasured | None:
    """Choose the nearest fault; one that only says "something failed" yields to what is behind it."""
    if not faults or faults[0].cause not in _VAGUE:
        return faults[0] if faults else None
    return next((fault for cause in _TELLING for fault in faults if fault.cause == cause), faults[0])


def _by_rule(exc: BaseException, rules: UnmeasuredRules) -> Unmeasured | None:
    """Apply what the agent's own rules say."""
    for cls in type(exc).__mro__:
        if {cls.__name__, f"{cls.__module__}.{cls.__qualname__}", _short(cls)} & set(rules.exceptions):
            return Unmeasured(f"exception:{cls.__name__}", str(exc), retry_after=retry_after(_headers(exc)))
    if isinstance(exc, CommandFailed):
        if exc.exit_code in rules.exit_codes:
            return Unmeasured(exc.cause, exc.detail)
        if rules.stderr and re.search(rules.stderr, exc.stderr):
            return Unmeasured("stderr", exc.detail)
    return None


def _fault(exc: BaseException) -> Unmeasured | None:
    """Apply the table to one exception."""
    if isinstance(exc, Unmeasured):
        return exc
    if isinstance(exc, EvalHarnessError):
        return Unmeasured("config" if isinstance(exc, ConfigError) else "harness", str(exc))
    if isinstance(exc, KeyboardInterrupt):
        return Unmeasured("interrupted")
    if isinstance(exc, AgentFault):
        return None
    cause = _provider_cause(exc) or _system_cause(exc)
    return Unmeasured(cause, str(exc), retry_after=retry_after(_headers(exc))) if cause else None


def _agents_own(exc: BaseException) -> bool:
    """Whether nothing behind this exception can excuse it: a request that was wrong, a crash on purpose."""
    return isinstance(exc, AgentFault | MemoryError | SystemExit) or _named(exc) == "" or _status(exc) is not None


def _provider_cause(exc: BaseException) -> str | None:
    named, status = _named(exc), _status(exc)
    if named == "":
        return None
    if named and not named.startswith("status:"):
        return named
    if status == 429 and "insufficient_quota" in f"{exc} {getattr(exc, 'body', None)}":
        return "quota"
    if status is None:
        return named
    from_sdk = any(cls.__module__.partition(".")[0] in _SDKS for cls in type(exc).__mro__)
    if status in _PASSING or status >= 500 or (from_sdk and status in _REFUSED):
        return f"status:{status}"
    return None


def _system_cause(exc: BaseException) -> str | None:
    if isinstance(exc, socket.gaierror):
        return "dns"
    if isinstance(exc, ConnectionError) and not isinstance(exc, BrokenPipeError):
        return "connection"
    return _RESOURCES.get(exc.errno or 0) if isinstance(exc, OSError) else None


def _short(cls: type) -> str:
    return f"{cls.__module__.partition('.')[0]}.{cls.__name__}"


def _named(exc: BaseException) -> str | None:
    """Return the cause that the nearest class in the table stands for; "" where it blames the agent."""
    return next((_CLASSES[name] for name in map(_short, type(exc).__mro__) if name in _CLASSES), None)


def _status(exc: BaseException) -> int | None:
    """Find the HTTP status that an exception carries, wherever its package puts it."""
    response = getattr(exc, "response", None)
    if isinstance(response, dict):  # botocore
        if response.get("Error", {}).get("Code") in _THROTTLED:
            return 429
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        package = type(exc).__module__.partition(".")[0]
        status = getattr(exc, _STATUS_NAMES.get(package, "status_code"), getattr(response, "status_code", None))
    return int(status) if isinstance(status, int) and 100 <= status < 600 else None


def _headers(exc: BaseException) -> Mapping[str, str]:
    places = (
        getattr(exc, "litellm_response_headers", None),
        getattr(getattr(exc, "response", None), "headers", None),
        getattr(exc, "headers", None),
    )
    return next((place for place in places if isinstance(place, Mapping)), {})
