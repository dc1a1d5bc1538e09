"""`evalh merge`: the shards of a run to one run directory."""

from pathlib import Path

import click
import msgspec

from evalharness.cli.options import JSON
from evalharness.merge import merge


@click.command("merge", short_help="Put the shards of a run together.")
@click.argument("parts", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="The run directory to make.")
@click.option(
    "--allow-missing", is_flag=True, help="Merge without the shards that are not here; their trials are owed."
)
@JSON
def command(parts: tuple[Path, ...], out: Path, *, allow_missing: bool, as_json: bool) -> None:
    """Put run directories that hold different tasks or trials of one run together.

    They must be of one suite, agent, seed and plan, and share no trial. The parts stay as they are.
    """
    found = merge(parts, out, allow_missing=allow_missing)
    if as_json:
        said = {"run": str(out), "run_id": found.store.header.run_id, "parts": found.parts}
        said |= {"missing": found.missing, "trials": found.trials, "owed": found.owed}
        click.echo(msgspec.json.encode(said).decode())
        return
    owed = f", {found.owed} owed" if found.owed else ""
    click.echo(f"{out}: {found.parts} parts, {found.trials} trials planned{owed}")
    if found.missing:
        click.echo(f"warning: without shard {', '.join(found.missing)}: the run is not complete", err=True)
    hint = f"`evalh run {out}` runs what is owed" if found.owed else f"`evalh show {out}`"
    click.echo(f"hint: {hint}", err=True)
