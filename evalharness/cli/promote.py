"""`evalh promote`: put a judged candidate on the version line, or on record as refused."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from evalharness.cli.line_options import act, acting_options, extend, pushed
from evalharness.cli.options import JSON
from evalharness.cli.terminal import colour
from evalharness.errors import ConfigError
from evalharness.ledger import DEFAULT_LINE, Line, open_line
from evalharness.ledger.chain import Link
from evalharness.ledger.decisions import Candidate, check_candidate, evidence, promotion, refusal_of
from evalharness.ledger.entry import MeasuredRun
from evalharness.ledger.outcome_table import counts_of, measured_run
from evalharness.model import Comparison, Decision
from evalharness.report import line as report
from evalharness.report.document import Document
from evalharness.store import RunStore, is_run

VERDICT = "verdict.json"
EXIT_CODES = {Decision.PROMOTE: 0, Decision.BLOCK: 1, Decision.INCONCLUSIVE: 3}


@click.command("promote", short_help="Put a judged version on the version line.")
@click.argument("judged", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="GATE|REPORT.json...")
@click.option("--version", required=True, metavar="TEXT", help="What people call this version.")
@click.option("--intent", required=True, metavar="TEXT", help="What the change was meant to do.")
@click.option("--line", "name", default=DEFAULT_LINE, show_default=True, metavar="NAME", help="The line to extend.")
@click.option(
    "--run",
    "runs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Where the candidate's run lies now, if not where the report says; may be repeated.",
)
@click.option("--override", is_flag=True, help="Promote against the verdict; needs --reason, and is shown forever.")
@click.option("--reason", metavar="TEXT", help="Why the verdict is overridden.")
@JSON
@acting_options
def command(  # noqa: PLR0913 - one parameter per option
    judged: tuple[Path, ...],
    *,
    version: str,
    intent: str,
    name: str,
    runs: tuple[Path, ...],
    override: bool,
    reason: str | None,
    as_json: bool,
    who: str | None,
    push: str | None,
) -> None:
    """Record a candidate on a version line, by the verdict of a gate (gates/ID) or of `evalh compare --report x.json`.

    Several verdicts, one per suite, must all promote. A candidate that is blocked, inconclusive or incomplete goes on
    record as refused, and the exit code is 1 (block) or 3; one that is promoted becomes the version that stands.
    """
    if override != bool((reason or "").strip()):
        raise ConfigError("--override and --reason TEXT go together: the reason is shown with the version forever")
    line = open_line(name)
    candidate = _candidate(version, intent, judged, _located(runs), line)
    link = _recorded(line, candidate, override=override, who=who, reason=reason, push=push)
    if as_json:
        click.echo(report.as_json(link))
    else:
        click.echo(report.render_decision(link, colour=colour()), nl=False)
    sys.exit(0 if link.entry.promoted else EXIT_CODES[link.entry.decision])


def _recorded(
    line: Line, candidate: Candidate, *, override: bool, who: str | None, reason: str | None, push: str | None
) -> Link:
    """Append the candidate's entry; a refusal that is on record already is not counted twice."""
    known = None if override else refusal_of(line.read(), candidate)
    if known and (push is None or pushed(line, known, push)):
        return known
    doing = act(line, who, reason)
    tables = {run.ref.outcomes: run.table for run in candidate.runs}
    return extend(line, lambda chain: promotion(chain, candidate, doing, override=override), tables, push)


def _candidate(version: str, intent: str, judged: Sequence[Path], runs: dict[str, Path], line: Line) -> Candidate:
    verdicts, measured, unused = [], [], dict(runs)
    for place in judged:
        document, content = _document(place)
        run_id = document.comparison.candidate.run_id
        run = measured_run(runs.get(run_id) or _found(place, document.comparison), line.root)
        if not place.is_dir():
            _check_unchanged(place, document.comparison, run)
        verdicts.append(evidence(str(place), document.verdict, document.comparison, content, run))
        measured.append(run)
        unused.pop(run_id, None)
    if unused:
        raise ConfigError(f"--run {next(iter(unused.values()))} is the candidate of none of the verdicts")
    found = Candidate(version=version, intent=intent, runs=tuple(measured), evidence=tuple(verdicts))
    check_candidate(found)
    return found


def _document(place: Path) -> tuple[Document, bytes]:
    """Read a verdict as a gate or `evalh compare` wrote it."""
    file = place / VERDICT if place.is_dir() else place
    if not file.is_file():
        said = "has no verdict: finish the gate first" if place.is_dir() else "does not exist"
        raise ConfigError(f"{place} {said}; name a gate's folder or a report in JSON (`evalh compare --report x.json`)")
    content = file.read_bytes()
    try:
        document = msgspec.json.decode(content, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"{file} is no verdict: {exc}; `evalh gate` and `evalh compare --report x.json` write one"
        ) from exc
    if document.decision != document.verdict.decision.value:
        raise ConfigError(
            f"{file} says {document.decision}, but its checks say {document.verdict.decision}: it was edited"
        )
    return document, content


def _located(runs: Sequence[Path]) -> dict[str, Path]:
    return {RunStore(run).header.run_id: run for run in runs}


def _found(place: Path, comparison: Comparison) -> Path:
    """Find the candidate's run where the verdict says it was, or where runs usually lie."""
    run_id = comparison.candidate.run_id
    for path in (Path(comparison.candidate.place), Path("runs") / run_id):
        if is_run(path) and RunStore(path).header.run_id == run_id:
            return path
    raise ConfigError(f"{place}: run {run_id} is not in {comparison.candidate.place}: name its folder with --run")


def _check_unchanged(place: Path, comparison: Comparison, run: MeasuredRun) -> None:
    """Refuse a report about a run that went on afterwards."""
    now = counts_of(run)
    if run.ref.tasks != comparison.candidate.tasks or any(
        now.get(pair.task_id) != pair.candidate for pair in comparison.tasks
    ):
        raise ConfigError(f"{place}: run {run.ref.run_id} has changed since: compare again")
