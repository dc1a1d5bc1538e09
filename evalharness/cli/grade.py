"""`evalh grade`: judge a run's stored transcripts again, without the agent."""

from pathlib import Path

import click
import msgspec

from evalharness.cli.options import JSON
from evalharness.model import Outcome
from evalharness.regrade import regrade
from evalharness.running.planning import Attempt, standing
from evalharness.store import RunStore
from evalharness.suite import load_suite


@click.command("grade", short_help="Judge a run's stored transcripts again, without the agent.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--suite", metavar="SUITE", help="The suite whose graders judge (default: the one that was run).")
@click.option("--workers", "-j", type=click.IntRange(1), default=4, show_default=True, help="Trials at the same time.")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="The new run directory (default: beside RUN).")
@JSON
def command(run: Path, suite: str | None, workers: int, out: Path | None, as_json: bool) -> None:
    """Judge the stored transcripts and artifacts of RUN again, into a new run beside it; RUN stays as it is."""
    before = RunStore(run)
    after = regrade(before, load_suite(suite or before.header.suite.place), out=out, workers=workers)
    then = {record.key: record.outcome for record in before.records()}
    now = {record.key: record.outcome for record in after.records()}
    changed = sum(then[key] is not outcome for key, outcome in now.items())
    passed = sum(outcome is Outcome.PASS for outcome in now.values())
    if as_json:
        done = {
            "run": str(after.path),
            "measured": len(standing(after.lines(Attempt))),
            "passed": passed,
            "changed": changed,
        }
        click.echo(msgspec.json.encode(done).decode())
        return
    click.echo(f"{after.path}: {passed} of {len(now)} trials passed, {changed} judged differently")
