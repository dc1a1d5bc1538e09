"""Options that several commands have, written once."""

from pathlib import Path

import click

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
REPORTS = click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write a report, by its ending (.md, .json, .html, ...); may be repeated.",
)
