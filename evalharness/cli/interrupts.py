"""Ctrl-C and termination: the first asks a run to finish what it has begun, the second abandons that.

The third ends a process that does not come round to either.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
        if stop.abandon:
            raise KeyboardInterrupt
        again = stop.reason is not None
        stop.request(REASONS[signal.Signals(number)], abandon=again)
        if again:
            return
        with suppress(OSError):  # not through a buffer: this may have interrupted somebody who writes to it
            os.write(2, b"\nfinishing the trials that are running; once more abandons them\n")

    before = {number: signal.signal(number, ask) for number in REASONS}
    try:
        yield stop
    except KeyboardInterrupt:
        click.echo(f"abandoned; every finished trial is kept; go on with `{resuming}`", err=True)
        raise SystemExit(EXIT_CODES.get(stop.reason or "", 130)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
