"""`evalh report`: a run, a comparison, a gate, several candidates or a version line as files."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from evalharness.cli.evidence import gather, run_evidence
from evalharness.compare import compare, side
from evalharness.errors import ConfigError
from evalharness.gate import DEFAULT_PRESET, judge
from evalharness.gate_store import GateStore, is_gate
from evalharness.ledger import open_line
from evalharness.model import Comparison, Verdict
from evalharness.outcomes import Outcomes, read
from evalharness.policy import load_policy
from evalharness.redact import Redactor
from evalharness.report import check_endings, html_line, html_run, html_several, store, write
from evalharness.report.document import Document
from evalharness.report.evidence import Evidence

LINE = "line:"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A comparison that was judged, and the gate that did it."""

    comparison: Comparison
    verdict: Verdict
    gate: GateStore | None = None


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
    check_endings(outs)
    if len(places) == 1 and places[0].startswith(LINE):
        _write_html(outs, html_line.render(open_line(places[0].removeprefix(LINE)).read()))
    else:
        _write(places, outs, policy)
    for out in outs:
        click.echo(str(out))


def _write(places: Sequence[str], outs: Sequence[Path], policy: str | None) -> None:
    found = [_judged(each) for each in places]
    stored = [each for each in found if each]
    if stored and len(stored) < len(places):
        raise ConfigError("name either runs, or gates and comparisons that were judged already, not both")
    if not stored and len(places) == 1:
        run = read(places[0])
        tags = {task_id: entry.tags for task_id, entry in run.header.tasks.items()}
        _write_html(outs, html_run.render(side(run), run_evidence(run), tags))
        return
    judged = stored or _compared([read(each) for each in places], policy)
    if len(judged) > 1:
        _write_html(outs, html_several.render([(each.comparison, each.verdict) for each in judged]))
        return
    for out in outs:
        write(out, judged[0].comparison, judged[0].verdict, _evidence(judged[0], f"evalh report {shlex.join(places)}"))


def _compared(runs: Sequence[Outcomes], policy: str | None) -> list[Judged]:
    baseline, *candidates = runs
    chosen = load_policy(policy) if policy else baseline.header.policy or load_policy(DEFAULT_PRESET)
    comparisons = [compare(baseline, each, chosen) for each in candidates]
    return [Judged(comparison=each, verdict=judge(each, chosen)) for each in comparisons]


def _judged(place: str) -> Judged | None:
    """Read what was judged already; None where the place holds something else."""
    path = Path(place)
    if is_gate(path):
        gate = GateStore(path)
        decided = gate.document(Document)
        if decided is None:
            raise ConfigError(f"{path} is not decided yet: go on with `evalh gate {path}`")
        return Judged(comparison=decided.comparison, verdict=decided.verdict, gate=gate)
    if path.suffix != ".json" or not path.is_file():
        return None
    try:
        decided = msgspec.json.decode(path.read_bytes(), type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # another tool's log, perhaps
    return Judged(comparison=decided.comparison, verdict=decided.verdict)


def _evidence(judged: Judged, command: str) -> Evidence:
    if judged.gate is None:
        return gather(judged.comparison, commands=(command,))
    commands = (f"evalh gate {shlex.quote(str(judged.gate.path))}", command)
    return gather(judged.comparison, looks=judged.gate.looks(), commands=commands)


def _write_html(outs: Sequence[Path], text: str) -> None:
    """Write what only people read."""
    for out in outs:
        if out.suffix != ".html":
            raise ConfigError(f"--out {out}: a run, several candidates and a line are written as .html")
        store(out, Redactor.from_environment().clean_text(text))
