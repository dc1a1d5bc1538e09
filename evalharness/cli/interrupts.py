"""Ctrl-C and termination: the first asks a run to finish what it has begun, the second abandons it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from evalharness.runner import Stop

REASONS = {signal.SIGINT: "an interrupt", signal.SIGTERM: "termination"}
EXIT_CODES = {reason: 128 + number for number, reason in REASONS.items()}


@contextmanager
def interruptible(resuming: str) -> Iterator[Stop]:
    """Give a stop that signals pull, and exit with 130 or 143 where the run is abandoned."""
    stop = Stop()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.reason:
            raise KeyboardInterrupt
        stop.request(REASONS[signal.Signals(number)])
        click.echo("\nfinishing the trials that are running; once more abandons them", err=True)

    before = {number: signal.signal(number, ask) for number in REASONS}
    try:
        yield stop
    except KeyboardInterrupt:
        click.echo(f"abandoned; every finished trial is kept; go on with `{resuming}`", err=True)
        raise SystemExit(EXIT_CODES.get(stop.reason or "", 130)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
