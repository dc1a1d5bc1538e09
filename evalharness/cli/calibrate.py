"""`evalh calibrate`: what a gate does to an unchanged agent and to faults, or would have done to past runs."""

from itertools import groupby
from pathlib import Path

import click
import msgspec

from evalharness.calibrate import calibrate, measured_counts, replay, resampled
from evalharness.cli.options import JSON
from evalharness.cli.terminal import colour
from evalharness.errors import ConfigError
from evalharness.gate import DEFAULT_PRESET, check_policy
from evalharness.model import Policy
from evalharness.model.calibration import Calibration, Past
from evalharness.outcomes import Outcomes, read
from evalharness.policy import load_policy
from evalharness.report import calibration as report
from evalharness.store import HEADER


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says."""

    run: Path
    policy: str | None
    trials: int | None
    reps: int
    seed: int
    workers: int
    as_json: bool


@click.command("calibrate", short_help="Say what a gate does: to the same agent, to faults, to past runs.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--policy", metavar="FILE|PRESET", help="A preset or a file with a `gate:` section (default: the run's).")
@click.option("--trials", "-k", type=click.IntRange(1), help="Base trials per task and arm (default: as the run had).")
@click.option("--reps", type=click.IntRange(20), default=400, show_default=True, help="Simulated gates per row.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the simulation.")
@click.option("--workers", "-j", type=click.IntRange(1), default=1, show_default=True, help="Trials at the same time.")
@JSON
def command(**options: object) -> None:
    """Try the gate on RUN: how often it blocks and promotes the same agent, and what it sees of faults.

    Trials are drawn again from what RUN says of each task; nothing is run. Where RUN is a folder of runs, say which of
    them the gate would have blocked, each against the last one before it that was not, from their stored trials alone.
    """
    asked = msgspec.convert(options, Options)
    if not (asked.run / HEADER).exists() and (folder := sorted(asked.run.glob(f"*/{HEADER}"))):
        past = _replayed([read(each.parent) for each in folder], asked.policy)
        shown = report.render_past(past, colour=colour())
        click.echo(msgspec.json.encode(past).decode() + "\n" if asked.as_json else shown, nl=False)
        return
    table = _calibrated(read(asked.run), asked)
    shown = report.render(table, colour=colour())
    click.echo(msgspec.json.encode(table).decode() + "\n" if asked.as_json else shown, nl=False)


def _calibrated(outcomes: Outcomes, asked: Options) -> Calibration:
    passed, measured = measured_counts(outcomes)
    each = asked.trials or max(1, round(float(measured[measured > 0].mean())))
    return calibrate(
        resampled(passed, measured),
        _policy(asked.policy, outcomes),
        tasks=len(passed),
        trials=(each, each),
        source=outcomes.place,
        reps=asked.reps,
        seed=asked.seed,
        seconds=_seconds(outcomes, asked.workers),
    )


def _policy(name: str | None, outcomes: Outcomes) -> Policy:
    chosen = load_policy(name) if name else outcomes.header.policy or load_policy(DEFAULT_PRESET)
    check_policy(chosen)
    return chosen


def _seconds(outcomes: Outcomes, workers: int) -> float | None:
    """Say how much a trial adds to the length of a gate; None where no time was recorded."""
    seconds = outcomes.trials["seconds"].dropna()
    return float(seconds.mean()) / workers if len(seconds) else None


def _replayed(runs: list[Outcomes], policy: str | None) -> list[Past]:
    """Gate the past runs of each suite in order of time; fresh trials of gates are no runs of their own."""
    whole = [run for run in runs if run.header.role == "run" and run.tasks["measured"].any()]
    by_suite = groupby(sorted(whole, key=lambda run: run.header.suite.name), key=lambda run: run.header.suite.name)
    past = [said for _, group in by_suite for said in _of_suite(list(group), policy)]
    if not past:
        raise ConfigError("the folder holds no two measured runs of one suite: there is nothing to gate")
    return past


def _of_suite(runs: list[Outcomes], policy: str | None) -> tuple[Past, ...]:
    newest = max(runs, key=lambda run: run.header.started_at)
    return replay(runs, _policy(policy, newest))
