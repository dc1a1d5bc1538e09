"""`evalh export`: a run, a suite or a pack in the format of another tool."""

from pathlib import Path
from typing import get_args

import click

from evalharness.errors import ConfigError
from evalharness.exporters import Taken
from evalharness.exporting import export_run
from evalharness.model import Extension
from evalharness.packs.exporting import export_suite
from evalharness.registry import BUILT_IN, build
from evalharness.report.console import plain
from evalharness.suite import bundled

KINDS = ", ".join(BUILT_IN["exporter"])


@click.command(
    "export",
    short_help="Write a run, a suite or a pack in the format of another tool.",
    epilog=f"Formats: {KINDS}; or 'module:Class'.",
)
@click.argument("kind", metavar="KIND")
@click.argument("source", metavar="SOURCE")
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="The file or folder to make.")
@click.option("--no-transcripts", is_flag=True, help="Leave out what was said; runs only.")
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the format; may be repeated."
)
def command(kind: str, source: str, out: Path, no_transcripts: bool, options: tuple[str, ...]) -> None:
    """Write SOURCE as KIND.

    SOURCE is a suite (its file, or the name of a bundled one) or a pack (.json, .jsonl) for the formats that hold
    questions: croissant, huggingface, inspect, langsmith, openai_evals, promptfoo. For all others it is a run
    directory, or another tool's log (PATH or PATH::NAME). What exists is never overwritten.
    """
    given = Extension(use=kind, options=dict(_given(each) for each in options))
    exporter = build("exporter", given)
    if getattr(exporter, "takes", None) not in get_args(Taken):  # a class of somebody's own
        raise ConfigError(f"'{kind}' is no exporter: its class needs `takes`, one of {', '.join(get_args(Taken))}")
    if exporter.takes == "run":
        _refuse_suite(kind, source)
        export_run(kind, source, out, transcripts=not no_transcripts)
        click.echo(f"{out}: {kind}")
        return
    if no_transcripts:
        raise ConfigError(f"--no-transcripts: '{kind}' holds a suite or a pack, and no transcripts")
    if Path(source).is_dir():
        raise ConfigError(f"{source}: is a folder, and '{kind}' takes a suite or a pack: name its file")
    click.echo(f"{plain(str(out)).plain}: {kind}, {export_suite(exporter, source, out)} tasks")


def _given(option: str) -> tuple[str, str]:
    name, sign, value = option.partition("=")
    if not sign:
        raise ConfigError(f"--option: '{option}' is not NAME=VALUE")
    return name, value


def _refuse_suite(kind: str, source: str) -> None:
    """Refuse what is clearly no run."""
    if source in bundled() and not Path(source).exists():
        raise ConfigError(f"'{kind}' is a format for runs, and {source} is a suite: run it first, or name another KIND")
