"""`evalh demo`: gate a real embedded model, with nothing but this package."""

import importlib.util
import sys
from pathlib import Path

import click

from evalharness.cli.interrupts import EXIT_CODES, interruptible
from evalharness.cli.terminal import colour
from evalharness.demo import Played, play
from evalharness.errors import ConfigError
from evalharness.model import Decision
from evalharness.report import console, write
from evalharness.runs import new_run_id

INSTALL = "pip install 'evalharness[local]'"


@click.command("demo", short_help="Gate a real embedded model: a broken prompt, then an unchanged one.")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="Where runs and reports go (default: runs/demo-<id>)."
)
def command(out: Path | None) -> None:
    """Run two releases of a small agent on a real language model inside this process, and gate the second.

    The first release works, the second has a broken prompt template: it is blocked. Then the first release is compared
    with itself: it is not. Takes up to three minutes on two cores; needs no key and no network.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise ConfigError(f"the demo needs the embedded model: run `{INSTALL}`")
    folder = out or Path("runs") / f"demo-{new_run_id()}"
    with interruptible(f"evalh demo --out {folder}-again") as stop:
        played = play(folder, stop=stop, say=lambda line: click.echo(line, err=True))
    if stop.reason in EXIT_CODES:
        sys.exit(EXIT_CODES[stop.reason])
    for number, each in enumerate(played, start=1):
        click.echo(f"\n--- {number}. {each.act.title}\n")
        click.echo(console.render(each.comparison, each.verdict, colour=colour()), nl=False)
        write(folder / f"{number}.md", each.comparison, each.verdict)
    click.echo(f"\nruns and reports: {folder}; next: `evalh init` for a suite of your own")
    sys.exit(_exit_code(played))


def _exit_code(played: list[Played]) -> int:
    """Return 0 when the demo showed what it promises: the broken release blocked, the unchanged one not."""
    broken, unchanged = (each.verdict.decision for each in played)
    return 0 if broken is Decision.BLOCK and unchanged is not Decision.BLOCK else 4
