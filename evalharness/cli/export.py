"""`evalh export`: a run or a suite in the format of another tool."""

from pathlib import Path

import click

from evalharness.exporting import export_run
from evalharness.registry import BUILT_IN

KINDS = ", ".join(BUILT_IN["exporter"])


@click.command(
    "export", short_help="Write a run or a suite in the format of another tool.", epilog=f"Formats: {KINDS}."
)
@click.argument("kind", metavar="KIND")
@click.argument("source", metavar="SOURCE")
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="The file or folder to make.")
@click.option("--no-transcripts", is_flag=True, help="Leave out what was said; runs only.")
def command(kind: str, source: str, out: Path, no_transcripts: bool) -> None:
    """Write SOURCE as KIND: a run directory, or another tool's log (PATH or PATH::NAME)."""
    export_run(kind, source, out, transcripts=not no_transcripts)
    click.echo(f"{out}: {kind}")
