"""`evalh report`: a run, a comparison, a gate, several candidates or a version line as files."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from evalharness.comparing import compare_runs, compare_several
from evalharness.errors import ConfigError
from evalharness.evidence import write_all
from evalharness.gating.store import GateStore, is_gate
from evalharness.ledger import open_line
from evalharness.ledger.named import LINE, is_line
from evalharness.outcomes import read
from evalharness.pages import run_page, several_page
from evalharness.procedure import Look
from evalharness.redact import Redactor
from evalharness.report import check_suffixes, html_line, store
from evalharness.report.document import Document, document
from evalharness.report.lineup import LineupDocument

Kind = TypeVar("Kind", bound=msgspec.Struct)


@click.command("report", short_help="Write a run, comparison, gate or version line as HTML, Markdown, JUnit or SARIF.")
@click.argument("places", nargs=-1, required=True, metavar="RUN|GATE|COMPARISON.json|line:NAME...")
@click.option(
    "--out",
    "-o",
    "outs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to write: .html, .md, .json, .xml (JUnit) or .sarif; may be repeated (default: report.html).",
)
@click.option("--policy", metavar="FILE|PRESET", help="What to judge runs by (default: the first run's).")
def command(places: tuple[str, ...], outs: tuple[Path, ...], policy: str | None) -> None:
    """Write a report of what was measured already; nothing runs, and nothing is decided anew.

    One RUN is shown by itself. Two or more RUNs are compared with the first. A GATE or a COMPARISON.json (as `compare
    --json` prints it) is shown as it was judged, with transcripts where the runs are still there.
    """
    outs = outs or (Path("report.html"),)
    check_suffixes(outs)
    if len(places) == 1 and is_line(places[0]):
        _write_html(outs, html_line.render(open_line(places[0].removeprefix(LINE)).read()))
    else:
        _write(places, outs, policy)
    for out in outs:
        click.echo(str(out))


def _write(places: Sequence[str], outs: Sequence[Path], policy: str | None) -> None:
    if len(places) == 1:
        _write_one(places[0], outs)
    elif len(places) == 2:
        found = compare_runs(*places, policy=policy)
        _write_judged(document(found.comparison, found.verdict), outs, places)
    else:
        _write_html(outs, several_page(compare_several(places[0], places[1:], policy=policy)))


def _write_one(place: str, outs: Sequence[Path]) -> None:
    path = Path(place)
    if is_gate(path):
        gate = GateStore(path)
        _write_judged(_decided(gate), outs, [place], gate=gate)
        return
    judged = _judged(path)
    if isinstance(judged, LineupDocument):
        _write_html(outs, several_page(judged.lineup))
    elif judged:
        _write_judged(judged, outs, [place])
    else:
        _write_html(outs, run_page(read(place)))


def _write_judged(
    judged: Document, outs: Sequence[Path], places: Sequence[str], *, gate: GateStore | None = None
) -> None:
    looks: tuple[Look, ...] = ()
    commands = [f"evalh report {shlex.join(places)}"]
    if gate:
        looks, commands = gate.looks(), [f"evalh gate {shlex.quote(str(gate.path))}", *commands]
    write_all(outs, judged.comparison, judged.verdict, looks=looks, commands=tuple(commands))


def _decided(gate: GateStore) -> Document:
    """Read what a gate has judged."""
    found = gate.document(Document)
    if found is None:
        raise ConfigError(f"{gate.path} is not decided yet: go on with `evalh gate {gate.path}`")
    return found


def _judged(path: Path) -> Document | LineupDocument | None:
    """Read what was judged already; None where the place holds something else."""
    if path.suffix != ".json" or not path.is_file():
        return None
    content = path.read_bytes()
    return _decoded(content, LineupDocument) or _decoded(content, Document)


def _decoded(content: bytes, kind: type[Kind]) -> Kind | None:
    """Read a document of this kind; None where it is something else, such as another tool's log."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _write_html(outs: Sequence[Path], text: str) -> None:
    """Write what only people read."""
    for out in outs:
        if out.suffix != ".html":
            raise ConfigError(f"--out {out}: a run, several candidates and a line are written as .html")
        store(out, Redactor.from_environment().clean_text(text))
