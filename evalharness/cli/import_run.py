"""`evalh import`: another tool's log, kept as a run directory."""

from collections import Counter
from pathlib import Path

import click
import msgspec

from evalharness.cli.options import JSON
from evalharness.foreign import keep, source
from evalharness.registry import BUILT_IN
from evalharness.report.console import plain

KINDS = ", ".join(BUILT_IN["importer"])


class Ended(msgspec.Struct, frozen=True):
    """The part of a record that is counted here."""

    outcome: str


@click.command("import", short_help="Keep another tool's log as a run directory.", epilog=f"Formats: {KINDS}.")
@click.argument("kind", metavar="KIND")
@click.argument("path", metavar="PATH[::NAME]")
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="The run directory to make.")
@click.option("--run", "run", metavar="NAME", help="Which run, where the source holds several (as PATH::NAME does).")
@click.option("--pass-at", type=float, metavar="X", help="The score from which on a trial passes.")
@JSON
def command(kind: str, path: str, out: Path, run: str | None, pass_at: float | None, as_json: bool) -> None:
    """Read a log of KIND (`auto` looks inside) at PATH, and keep it as the run directory DIR."""
    store = keep(source(path, kind=None if kind == "auto" else kind, run=run, pass_at=pass_at), out)
    counted = Counter(line.outcome for line in store.lines(Ended))
    faults = store.header.options["faults"]
    if as_json:
        done = {"run": str(out), "run_id": store.header.run_id, "outcomes": counted, "faults": faults}
        click.echo(msgspec.json.encode(done).decode())
        return
    for fault in faults:
        click.echo(f"warning: {plain(fault).plain}", err=True)
    counts = ", ".join(f"{counted[word]} {word}" for word in ("pass", "fail", "error"))
    click.echo(f"{out}: {plain(store.header.agent.name).plain}, {len(store.header.tasks)} tasks, {counts}")
