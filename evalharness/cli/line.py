"""`evalh line`: what stands on a version line, whether it is as it was written, and the way back."""

from pathlib import Path

import click

from evalharness.cli.line_options import act, acting_options, extend
from evalharness.cli.options import JSON
from evalharness.cli.terminal import colour
from evalharness.errors import ConfigError
from evalharness.ledger import DEFAULT_LINE, Line, line_names, open_line
from evalharness.ledger.chain import SHOWN, Chain
from evalharness.ledger.decisions import measured_again, rollback
from evalharness.report import line as report

NAME = click.argument("name", default=DEFAULT_LINE)
REMOTE = click.option("--remote", metavar="REMOTE", help="Bring the line up to date from this git remote first.")


@click.group("line", short_help="Show, verify or roll back a version line, or record its baseline.")
def command() -> None:
    """Look after a version line: the append-only record of promoted and refused versions.

    In a git repository it lives in refs/evalh/lines/NAME, elsewhere in .evalh/lines/NAME.jsonl. NAME is `main` where
    it is left out.
    """


@command.command("show", short_help="Show what stands on a line, and every decision.")
@NAME
@REMOTE
@JSON
def show(name: str, remote: str | None, *, as_json: bool) -> None:
    """Show what stands on line NAME, and every decision, the newest first."""
    _, chain = _read(name, remote)
    if as_json:
        click.echo(report.line_as_json(chain))
    else:
        click.echo(report.render(chain, colour=colour()), nl=False)


@command.command("verify", short_help="Check that every entry is as it was written.")
@NAME
@REMOTE
@click.option("--head", metavar="DIGEST", help="An entry you remember: without it, a cut end cannot be seen.")
def verify(name: str, remote: str | None, head: str | None) -> None:
    """Check every entry and outcome table of line NAME against the digests on record."""
    line, chain = _read(name, remote)
    for digest in dict.fromkeys(run.outcomes for link in chain.links for run in link.entry.runs):
        line.table(digest)
    said = f"line {name}: every entry is as it was written ({len(chain.links)}), head {chain.head}"
    click.echo(said + (_since(chain, head) if head else "; remember it, and check later with --head"))


@command.command("rollback", short_help="Make an earlier version stand again.")
@NAME
@click.option("--to", "version", required=True, metavar="VERSION", help="The promoted version that is to stand again.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stays on record.")
@acting_options
def roll_back(name: str, version: str, reason: str, who: str | None, push: str | None) -> None:
    """Make an earlier promoted version of line NAME stand again; nothing is deleted."""
    if not reason.strip():
        raise ConfigError("--reason: say why, it stays on record")
    line, _ = _read(name, push)
    doing = act(line, who, reason)
    link = extend(line, lambda chain: rollback(chain, version, doing), {}, push)
    click.echo(report.render_decision(link, colour=colour()), nl=False)


@command.command("baseline", short_help="Record fresh runs of the version that stands.")
@NAME
@click.option(
    "--run",
    "runs",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="A fresh run of the version that stands; one per suite.",
)
@acting_options
def baseline(name: str, runs: tuple[Path, ...], who: str | None, push: str | None) -> None:
    """Record fresh runs of the version that stands on line NAME: what `line:NAME` is as a baseline from now on.

    A run must be complete, over the whole suite, have at least twice the trials that earned the promotion, and not be
    the run that earned it.
    """
    from evalharness.ledger.outcome_table import measured_run  # noqa: PLC0415 - pandas, which `line show` never needs

    line, _ = _read(name, push)
    fresh = [measured_run(run, line.root) for run in runs]
    doing = act(line, who, None)
    tables = {run.ref.outcomes: run.table for run in fresh}
    link = extend(line, lambda chain: measured_again(chain, fresh, doing), tables, push)
    click.echo(report.render_decision(link, colour=colour()), nl=False)


def _read(name: str, remote: str | None) -> tuple[Line, Chain]:
    """Read a line that has entries."""
    line = open_line(name)
    if remote:
        line.sync(remote)
    chain = line.read()
    if not chain.links:
        known = line_names()
        others = f"; lines here: {', '.join(known)}" if known else ""
        raise ConfigError(f"line {name} has no entries yet{others}: `evalh promote` writes the first one")
    return line, chain


def _since(chain: Chain, head: str) -> str:
    """Say how the line has grown since the entry that is remembered."""
    link = chain.find(head)
    if link is None:
        short = f"; give at least {SHOWN} digits of a digest" if len(head) < SHOWN else ""
        raise ConfigError(
            f"line {chain.name}: no entry has the digest {head}: the line was cut or rewritten since it was read{short}"
        )
    return f"; {len(chain.links) - 1 - chain.links.index(link)} entries since {head[:SHOWN]}"
