"""Differences between the arms that somebody accepts, as options: on record with a reason, and in every report."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from evalharness.comparison.pairing import KINDS, Accepted
from evalharness.errors import ConfigError
from evalharness.model import Allowance

Command = TypeVar("Command", bound=Callable[..., Any])


def allowing_options(command: Command) -> Command:
    """Add `--allow-removed`, `--allow` and `--reason` to a command."""
    removed = click.option(
        "--allow-removed",
        multiple=True,
        metavar="TASK",
        help="Accept that a task is gone; may be repeated, with --reason.",
    )
    kinds = click.option(
        "--allow",
        multiple=True,
        metavar="KIND",
        help=f"Accept a kind of difference, with --reason: {', '.join(KINDS)}.",
    )
    why = click.option(
        "--reason", default="", metavar="TEXT", help="Why it is accepted; goes on record and into the reports."
    )
    return removed(kinds(why(command)))


def allowances_of(kinds: tuple[str, ...], removed: tuple[str, ...], reason: str) -> tuple[Allowance, ...]:
    """Take the options as what is accepted; without a reason nothing is."""
    found = [Allowance(kind=kind, reason=reason) for kind in kinds]
    if removed:
        found.append(Allowance(kind="removed", reason=reason, tasks=removed))
    Accepted(allowances=found)
    if found and not reason.strip():
        raise ConfigError("what is accepted goes on record: say why with --reason TEXT")
    return tuple(found)
