"""`evalh runs`: the runs of a folder, and clearing old ones away."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import click
import msgspec
from rich.table import Table

from evalharness.cli.config import defaults
from evalharness.cli.options import JSON
from evalharness.cli.terminal import colour
from evalharness.errors import ConfigError
from evalharness.pruning import Fate, Wish, fates, holders
from evalharness.report.console import plain, printed
from evalharness.run_list import RUNS, Kept, kept, opened
from evalharness.store import RunStore

FOLDER = click.argument("folder", default=RUNS, type=click.Path(path_type=Path, file_okay=False))
UNITS = {"h": "hours", "d": "days", "w": "weeks"}
SIZES = ("B", "kB", "MB", "GB", "TB")


def _age(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Read a time such as 12h, 30d or 8w."""
    found = re.fullmatch(r"(\d{1,5})([hdw])", value or "")
    if value is None or found:
        return timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None
    raise click.BadParameter(f"{value!r} is no time: write 12h, 30d or 8w", ctx, param)


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints: a run, whether nothing is owed, and what becomes of it."""

    run: Kept
    complete: bool
    stays: str | None = None


@click.group("runs", short_help="List the runs of a folder, or clear old ones away.")
def command() -> None:
    """Look after a folder of runs (default: runs)."""


@command.command("list", short_help="List the runs of a folder.")
@FOLDER
@JSON
def listed(folder: Path, *, as_json: bool) -> None:
    """List the runs in FOLDER, oldest first: suite, agent, when, how far, how large."""
    runs = _runs(folder)
    if as_json:
        click.echo(msgspec.json.encode([Listed(run=run, complete=run.complete) for run in runs]).decode())
    elif runs:
        click.echo(_table(runs), nl=False)
    else:
        click.echo(f"{folder} holds no run", err=True)


@command.command("prune", short_help="Clear old runs away.")
@FOLDER
@click.option("--older-than", callback=_age, metavar="AGE", help="Only runs that began longer ago: 12h, 30d, 8w.")
@click.option("--keep", type=click.IntRange(0), metavar="N", help="Keep the newest N of each suite and agent.")
@click.option("--incomplete", is_flag=True, help="Only runs that are owed trials.")
@click.option("--confirm", is_flag=True, help="Only fresh trials of suspects, which gates leave.")
@click.option("--yes", is_flag=True, help="Remove them; without it nothing is touched.")
@JSON
def prune(  # noqa: PLR0913 - one parameter per option
    folder: Path,
    *,
    older_than: timedelta | None,
    keep: int | None,
    incomplete: bool,
    confirm: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove runs from FOLDER, or without --yes say which would go.

    A run stays that is being written, or that a version line, a gate directory or a setting (evalh.toml,
    pyproject.toml, an environment variable) refers to. With --older-than and --keep both, a run goes when both allow
    it.
    """
    if older_than is None and keep is None:
        raise ConfigError("say which runs may go: --older-than AGE, --keep N, or both")
    wish = Wish(older_than=older_than, keep=keep, incomplete=incomplete, confirm=confirm)
    judged = fates(_runs(folder), wish, holders=holders(folder, defaults()), now=datetime.now(UTC))
    if as_json:
        said = [Listed(run=each.run, complete=each.run.complete, stays=each.stays or None) for each in judged]
        click.echo(msgspec.json.encode(said).decode())
    going = [each.run for each in judged if not each.stays]
    for run in going if yes else ():
        RunStore(Path(run.path)).discard()
    if not as_json:
        _say(judged, going, yes=yes)


def _say(judged: list[Fate], going: list[Kept], *, yes: bool) -> None:
    for fate in judged:
        said = f"stays: {fate.stays}" if fate.stays else "removed" if yes else "would go"
        click.echo(f"{plain(fate.run.path).plain}: {said}")
    room = size(sum(run.size for run in going))
    click.echo(f"{len(going)} of {len(judged)} runs, {room}: {'removed' if yes else 'nothing was touched'}", err=True)
    if going and not yes:
        click.echo("hint: the same with --yes removes them", err=True)


def _runs(folder: Path) -> list[Kept]:
    stores, faults = opened(folder)
    for fault in faults:
        click.echo(f"warning: {plain(fault).plain}", err=True)
    return sorted(map(kept, stores), key=lambda run: (run.started_at, run.run_id))


def _table(runs: list[Kept]) -> str:
    table = Table(box=None, pad_edge=False)
    for name in ("run", "suite", "agent", "began", "measured", "size", ""):
        room = min(48, max(len(run.path) for run in runs)) if name == "run" else None
        justify: Literal["left", "right"] = "right" if name == "size" else "left"
        table.add_column(name, header_style="bold", overflow="fold", justify=justify, min_width=room)
    for run in runs:
        marks = [run.role if run.role != "run" else "", "" if run.complete else "not complete"]
        marks += ["being written"] if run.in_use else []
        table.add_row(
            *map(plain, (run.path, run.suite, run.agent, run.started_at[:16].replace("T", " "))),
            plain(f"{run.measured} of {run.planned}"),
            plain(size(run.size)),
            plain(", ".join(filter(None, marks))),
        )
    return printed([table], width=120, colour=colour())


def size(count: float) -> str:
    """Write a number of bytes."""
    for unit in SIZES:
        if count < 1000 or unit == SIZES[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return ""
