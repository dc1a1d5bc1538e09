"""`evalh show`: one run, or one of its trials."""

from pathlib import Path

import click
import msgspec

from evalharness.cli.options import JSON
from evalharness.cli.terminal import colour
from evalharness.compare import side
from evalharness.errors import ConfigError
from evalharness.gating.store import is_gate
from evalharness.model import Record, Transcript
from evalharness.outcomes import read
from evalharness.report import run_summary, transcript
from evalharness.store import RunStore
from evalharness.summary import summarise


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One trial as `--json` prints it."""

    record: Record
    transcript: Transcript | None


@click.command("show", short_help="Show a run: rates with intervals, slow and flaky tasks, errors.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--task", metavar="ID", help="Show the trials of this task with their transcripts.")
@click.option("--trial", type=click.IntRange(1), help="With --task: only this trial.")
@JSON
def command(run: Path, task: str | None, trial: int | None, as_json: bool) -> None:
    """Show the numbers of RUN: rates with intervals, slowest and flakiest tasks, errors by cause, cost and tokens."""
    if task is not None:
        _show_task(RunStore(run), task, trial, as_json=as_json)
        return
    if trial is not None:
        raise ConfigError("--trial needs --task: name the task whose trial to show")
    if is_gate(run):
        raise ConfigError(f"{run} is a gate: read {run / 'report.md'}, write its page with `evalh report {run}`")
    outcomes = read(run)
    summary = summarise(outcomes, side(outcomes))
    if as_json:
        click.echo(msgspec.json.encode(summary).decode())
    else:
        click.echo(run_summary.render(summary, colour=colour()), nl=False)


def _show_task(store: RunStore, task: str, trial: int | None, *, as_json: bool) -> None:
    records = [record for record in store.records() if record.task_id == task and trial in (None, record.trial)]
    if not records:
        raise ConfigError(f"{store.path}: no trial {trial or ''} of task '{task}' is on record".replace("  ", " "))
    shown = [Shown(record=record, transcript=store.transcript(record)) for record in records]
    if as_json:
        click.echo(msgspec.json.encode(shown).decode())
        return
    for each in shown:
        click.echo(transcript.render(each.record, each.transcript, colour=colour()), nl=False)
