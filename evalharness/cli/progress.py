"""How a run looks while it goes on: a live line on a terminal, plain lines every ten seconds elsewhere.

Plain lines tell of an outage when it begins and when it is over, and in between ever more rarely.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt
from threading import Lock

import click

from evalharness.runner import Listener
from evalharness.running.budget import Tally

PLAIN_SECONDS = 10.0
RAREST_SECONDS = 600.0
LIVE_SECONDS = 0.2
Z95 = 1.959963984540054


def rough_interval(passed: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of trials taken as independent: a rough guide while a run goes on."""
    rate, weight = passed / total, Z95**2 / total
    centre = (rate + weight / 2) / (1 + weight)
    half = Z95 / (1 + weight) * sqrt(rate * (1 - rate) / total + weight / (4 * total))
    return centre - half, centre + half


def line(tally: Tally) -> str:
    """Say in one line how far a run is."""
    done = tally.measured + tally.missing
    parts = [f"{done}/{tally.owed} trials"]
    if tally.measured:
        low, high = rough_interval(tally.passed, tally.measured)
        parts.append(f"{tally.passed / tally.measured:.0%} passed (about {low:.0%} to {high:.0%})")
    if tally.errors:
        parts.append(f"{tally.errors.total()} errors")
    if tally.cost_usd:
        parts.append(f"${tally.cost_usd:.4f}")
    if done and done < tally.owed:
        parts.append(f"{_clock(tally.seconds / done * (tally.owed - done))} left")
    if tally.outage:
        parts.append(f"waiting for an outage to pass: {tally.outage}")
    elif tally.waiting:
        parts.append(tally.waiting)
    return " · ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


@contextmanager
def progress(owed: int) -> Iterator[Listener]:
    """Give a listener that shows a run's progress on standard error."""
    if owed and sys.stderr.isatty():
        with _live() as listener:
            yield listener
    else:
        yield _plain()


def _plain() -> Listener:
    shown, pause = time.monotonic(), PLAIN_SECONDS
    since: float | None = None  # when the outage that goes on began

    def listen(tally: Tally) -> None:
        nonlocal shown, pause, since
        now, over = time.monotonic(), ""
        changed = bool(tally.outage) != (since is not None)
        if changed and since is not None:
            over = f" · the outage is over after {_clock(now - since)}"
        if changed:
            since, pause = now if tally.outage else None, PLAIN_SECONDS
        if changed or now - shown >= pause:
            pause = min(pause * 2, RAREST_SECONDS) if since is not None and not changed else pause
            shown = now
            click.echo(line(tally) + over, err=True)

    return listen


@contextmanager
def _live() -> Iterator[Listener]:
    from rich.console import Console  # noqa: PLC0415 - 40 ms that only a terminal pays for
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = 0.0
    with Live(Text(""), console=Console(stderr=True), auto_refresh=False, transient=True) as live:

        def listen(tally: Tally) -> None:
            nonlocal shown
            if time.monotonic() - shown >= LIVE_SECONDS:
                shown = time.monotonic()
                live.update(Text(line(tally)), refresh=True)

        yield listen


def together(listener: Listener) -> Listener:
    """Give a listener that several runs can share: it shows the sum of all that it has heard of."""
    heard: dict[int, Tally] = {}
    lock = Lock()

    def listen(tally: Tally) -> None:
        with lock:
            heard[id(tally)] = tally
            tallies = list(heard.values())
            listener(
                Tally(
                    owed=sum(each.owed for each in tallies),
                    passed=sum(each.passed for each in tallies),
                    failed=sum(each.failed for each in tallies),
                    errors=sum((each.errors for each in tallies), Counter()),
                    missing=sum(each.missing for each in tallies),
                    cost_usd=sum(each.cost_usd for each in tallies),
                    tokens=sum(each.tokens for each in tallies),
                    started=min(each.started for each in tallies),
                    waiting=tally.waiting,
                    outage=next((each.outage for each in tallies if each.outage), ""),
                )
            )

    return listen
