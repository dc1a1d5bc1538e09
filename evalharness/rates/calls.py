"""Asking through a lane: a call that the provider holds back is waited out and asked again."""

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from evalharness.model import UnmeasuredRules
from evalharness.rates.lane import Answer, Ceiling, Lane
from evalharness.running.attribution import attribute

FIRST_PAUSE = 1.0  # where the provider names none; doubled each time
LEAST_PAUSE = 0.05  # where it names none worth the name; doubled too
LONGEST_PAUSE = 60.0  # of our own making
_LEAST_SECONDS = 0.01
_SPREAD = random.Random(0)  # noqa: S311 - keeps calls apart that were sent away together; decides nothing
_LOCK = threading.Lock()
Value = TypeVar("Value")


@dataclass(frozen=True)
class Asked(Generic[Value]):
    """An answer, and how often it was held back before it came."""

    value: Value
    held_back: int


@cache
def _shared(process: int) -> dict[str, Lane]:  # noqa: ARG001 - a forked child has none of its parent's calls under way
    return {}


def _lane(name: str) -> Lane:
    with _LOCK:
        return _shared(os.getpid()).setdefault(name, Lane())


def waiting() -> str:
    """Say which calls are being held back, or nothing."""
    with _LOCK:
        lanes = list(_shared(os.getpid()).items())
    held = [(name, lane.held_back) for name, lane in lanes if lane.held_back]
    return ", ".join(f"{number} {'call' if number == 1 else 'calls'} held back by {name}" for name, number in held)


def through(
    name: str, ask: Callable[[float], Value], *, seconds: float, ceiling: Ceiling | None = None
) -> Asked[Value]:
    """Ask a provider, in its turn; a 429 is waited out as long as the ceiling's patience lasts.

    `ask` is told how many of the `seconds` are left to it: those in which it was asking count, waiting does not.
    """
    lane, ceiling = _lane(name), ceiling or Ceiling()
    ticket = lane.ticket(ceiling)
    worked = waited = 0.0
    held = 0
    lane.enter(ticket)
    while True:
        started = time.monotonic()
        try:
            value = ask(max(seconds - worked, _LEAST_SECONDS))
        except BaseException as exc:
            answer, asked = _heard(exc)
            pause = _pause(asked, held)
            if answer is not Answer.REJECTED or waited + pause > ceiling.patience_seconds:
                lane.leave(ticket, answer)
                raise
        else:
            lane.leave(ticket, Answer.GOOD)
            return Asked(value, held)
        worked += time.monotonic() - started
        held, waited = held + 1, waited + pause
        lane.hold(ticket, pause)


def _heard(exc: BaseException) -> tuple[Answer, float | None]:
    """Say what an exception tells about the provider, and the pause that it asks for."""
    fault = attribute(exc, UnmeasuredRules()) if isinstance(exc, Exception) else None
    if fault is None:
        unheard = isinstance(exc, TimeoutError) or not isinstance(exc, Exception)
        return (Answer.NOTHING if unheard else Answer.GOOD), None
    if fault.cause == "status:429":
        return Answer.REJECTED, fault.retry_after
    lost = fault.cause.startswith(("status:5", "status:408")) or fault.cause in ("connection", "dns", "timeout")
    return (Answer.FAILED if lost else Answer.NOTHING), None


def _pause(asked: float | None, times: int) -> float:
    """Return how long to wait: what was asked, and longer each time; a little apart from all others."""
    ours: float = min((FIRST_PAUSE if asked is None else LEAST_PAUSE) * 2**times, LONGEST_PAUSE)
    return max(asked or 0.0, ours * _SPREAD.uniform(0.5, 1.0)) * _SPREAD.uniform(1.0, 1.1)
