"""What workspaces with walls have in common: options for resources, and the words by which limits show themselves."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from evalharness.errors import ConfigError, Unmeasured
from evalharness.model import Resources
from evalharness.workspaces import Completed
from evalharness.workspaces.sizes import LARGEST, Size, size

MEMORY_WORDS = (
    b"MemoryError",
    b"Cannot allocate memory",
    b"std::bad_alloc",
    b"out of memory",
    b"memory exhausted",
    b"OutOfMemoryError",
)
PROCESS_WORDS = (b"Resource temporarily unavailable", b"Cannot fork", b"can't fork", b"can't start new thread")
FILE_WORDS = (b"File too large", b"File size limit exceeded")
NETWORK_WORDS = (
    b"Network is unreachable",
    b"network is unreachable",
    b"Temporary failure in name resolution",
    b"Could not resolve host",
    b"bad address",
)
_LEAST_CPUS, _MOST_CPUS = 0.01, 65536  # what engines and control groups take
_MOST_PROCESSES = 1 << 22  # as many as Linux can number
_NEARLY = 0.95  # the kernel kills before the last page is taken
SIGXFSZ = 25  # the same number on every Linux


@dataclass(frozen=True, kw_only=True)
class Memory:
    """How much memory a trial is guaranteed, and at which size it is killed."""

    guaranteed: Size
    limit: Size


def memory_of(memory: Size | Memory | None, headroom: float | None) -> tuple[int | None, int | None]:
    """Return guaranteed memory and kill limit in bytes; ValueError where the options contradict each other.

    `headroom` is what a trial may take above its guarantee, as a fraction of it.
    """
    if headroom is not None and headroom < 0:
        raise ValueError(f"headroom: {headroom} is below 0")
    if memory is None or isinstance(memory, Memory):
        if headroom is not None:
            raise ValueError("headroom: needs one size in `memory`, of which it is a fraction")
        if memory is None:
            return None, None
        guaranteed, limit = size(memory.guaranteed, "memory.guaranteed"), size(memory.limit, "memory.limit")
    else:
        guaranteed = size(memory, "memory")
        limit = _above(guaranteed, headroom or 0.0)
    if limit < guaranteed:
        raise ValueError("memory: limit is below what is guaranteed")
    return guaranteed, limit


def _above(guaranteed: int, headroom: float) -> int:
    limit = guaranteed * (1 + headroom)
    if not limit < LARGEST:  # nor no number at all
        raise ValueError(f"headroom: {headroom:g} is too much")
    return int(limit)


def inherited(names: Sequence[str], workspace: str) -> dict[str, str]:
    """Return variables of this process by name; ConfigError for one that is not set."""
    unset = [name for name in names if name not in os.environ]
    if unset:
        raise ConfigError(f"workspace '{workspace}': inherit: {', '.join(unset)}: not set in the environment")
    return {name: os.environ[name] for name in names}


def check_shares(cpus: float | None, processes: int) -> None:
    """Refuse numbers of processors and processes that no kernel can keep."""
    for name, value, least, most in (
        ("cpus", cpus, _LEAST_CPUS, _MOST_CPUS),
        ("processes", processes, 1, _MOST_PROCESSES),
    ):
        if value is None:
            continue
        if math.isnan(value) or value <= 0:
            raise ValueError(f"{name}: {value:g} is not above 0")
        if value < least:
            raise ValueError(f"{name}: {value:g} is below {least:g}")
        if value > most:
            raise ValueError(f"{name}: {value:g} is above {most}")


def check_variables(env: Mapping[str, str]) -> None:
    """Refuse variables that no process can have: what holds zero bytes could be taken for an order to the walls."""
    for name, value in env.items():
        if not name or "=" in name or "\0" in name:
            raise ValueError(f"env: {name!r} is no name of a variable")
        if "\0" in value:
            raise ValueError(f"env: {name}: holds a zero byte")


def starved(done: Completed, peak: int | None, resources: Resources) -> Completed:
    """Say that memory ended a command; Unmeasured where it had not used what it was guaranteed."""
    guaranteed = resources.memory_guaranteed
    if peak is not None and guaranteed is not None and peak < _NEARLY * guaranteed:
        raise Unmeasured("host_memory", f"killed at {peak} bytes, below the {guaranteed} that were guaranteed")
    return msgspec.structs.replace(done, exit_code=None, stopped="memory")


def by_words(stderr: bytes, *, network: bool) -> str | None:
    """Name the limit that the last words of a command speak of; `network` says whether it had one."""
    known = {"memory": MEMORY_WORDS, "processes": PROCESS_WORDS, "file_size": FILE_WORDS}
    if not network:
        known["network"] = NETWORK_WORDS
    return next((limit for limit, words in known.items() if any(word in stderr[-2000:] for word in words)), None)
