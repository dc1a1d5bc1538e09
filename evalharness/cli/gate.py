"""`evalh gate`: run a candidate against a baseline, confirm what looks broken, and decide."""

import sys
from pathlib import Path
from typing import Any, Literal

import click
import msgspec

from evalharness.cli.allowing import allowances_of, allowing_options
from evalharness.cli.interrupts import EXIT_CODES, interruptible
from evalharness.cli.options import BUDGET_USD, JSON, REPORTS, Above0, unheld
from evalharness.cli.progress import progress, together
from evalharness.cli.terminal import colour
from evalharness.cli.where import Where, executor_options
from evalharness.errors import BreakerOpen, ConfigError
from evalharness.evidence import write_gate
from evalharness.gates import Gated, Question, ask, carry_out, escalated
from evalharness.gating.store import GateHeader, GateStore, is_gate
from evalharness.report import check_suffixes, console
from evalharness.report.document import document
from evalharness.runner import Listener, Pace, Stop
from evalharness.running.budget import Budget
from evalharness.suite import load_suite, suite_path


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says."""

    suite: str
    candidate: str | None
    baseline: str | None
    trials: int | None
    workers: int
    seed: int | None
    policy: str | None
    stance: Literal["guard", "certify", "report"] | None
    out: Path | None
    budget_usd: float | None
    budget_minutes: float | None
    where: Where
    reports: tuple[Path, ...]
    as_json: bool
    allow: tuple[str, ...]
    allow_removed: tuple[str, ...]
    reason: str

    def pace(self) -> Pace:
        """Say how the gate goes about its work."""
        budget = Budget(cost_usd=self.budget_usd, minutes=self.budget_minutes)
        return Pace(workers=self.workers, executor=self.where.asked(), budget=budget)


@click.command("gate", short_help="Run a candidate against a baseline, confirm what looks broken, and decide.")
@click.argument("suite", metavar="SUITE|GATE")
@click.option("--candidate", "-c", metavar="AGENT", help="The agent that asks to be released (file or shorthand).")
@click.option(
    "--baseline",
    "-b",
    metavar="AGENT|RUN|line:NAME",
    help="What it is compared with: an agent (git:main:agent.yaml, ...), a run, or a version line.",
)
@click.option("--trials", "-k", type=click.IntRange(1), help="Trials per task and arm (default: as the suite says).")
@click.option(
    "--workers", "-j", type=click.IntRange(2), default=4, show_default=True, help="Trials at the same time, both arms."
)
@executor_options
@click.option("--seed", type=click.IntRange(0), help="Seed of the gate's runs (default: random, and recorded).")
@click.option("--policy", metavar="FILE|PRESET", help="Instead of the suite's policy.")
@click.option("--stance", type=click.Choice(["guard", "certify", "report"]), help="Instead of the policy's stance.")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="The gate directory (default: gates/<id>).")
@BUDGET_USD
@click.option("--budget-minutes", type=Above0(), metavar="MINUTES", help="Decide by then, on what there is.")
@REPORTS
@allowing_options
@JSON
def command(**given: Any) -> None:
    """Run SUITE against both arms, re-run on fresh trials exactly the tasks that seem to have broken, and decide.

    Given a gate directory instead, go on where it stopped. The suite and its policy come from the baseline's revision
    where the baseline is one of this repository (git:REF).
    """
    options = Options(where=Where.taken(given), **given)
    check_suffixes(options.reports)
    folder = Path(options.suite)
    pace = options.pace()
    with interruptible("evalh gate ...") as stop, progress(1) as shown:
        listener = together(shown)
        store = GateStore(folder) if is_gate(folder) else ask(_question(options), pace=pace, stop=stop)
        gated = _gated(store, pace, stop, listener)
        while (larger := escalated(store, gated)) is not None:
            pace = msgspec.structs.replace(pace, budget=pace.budget.less(gated.cost_usd, seconds=gated.seconds))
            if pace.budget.over:
                click.echo(f"{store.path}: inconclusive, and nothing is left for the larger suite", err=True)
                break
            click.echo(f"{store.path}: inconclusive; {larger.path} decides on the larger suite", err=True)
            store, gated = larger, _gated(larger, pace, stop, listener)
    _say(store, gated, options)
    sys.exit(gated.verdict.exit_code)


def _gated(store: GateStore, pace: Pace, stop: Stop, listener: Listener) -> Gated:
    """Carry a gate out; leaves with the command that goes on where it is interrupted."""
    resuming = f"evalh gate {store.path}"
    click.echo(f"{store.path}: goes on with `{resuming}` if it is interrupted", err=True)
    try:
        gated = carry_out(store, load_suite(store.header.suite), pace=pace, stop=stop, listener=listener)
    except BreakerOpen as exc:
        raise BreakerOpen(f"{exc}; when it works again: `{resuming}`") from exc
    if gated is None:
        click.echo(f"interrupted; go on with `{resuming}`", err=True)
        sys.exit(EXIT_CODES.get(stop.reason or "", 130))
    return gated


def _say(store: GateStore, gated: Gated, options: Options) -> None:
    write_gate(store, gated.comparison, gated.verdict, also=options.reports)
    if options.budget_usd and gated.unpriced:
        click.echo(unheld(f"the {' and the '.join(gated.unpriced)}"), err=True)
    if options.as_json:
        click.echo(msgspec.json.encode(document(gated.comparison, gated.verdict)).decode())
        return
    click.echo(console.render(gated.comparison, gated.verdict, colour=colour()), nl=False)
    click.echo(f"{store.path}: {_took(store.header, gated)}", err=True)
    if not gated.complete:
        click.echo(f"it was cut short; `evalh gate {store.path}` goes on, with a budget of its own", err=True)


def _took(header: GateHeader, gated: Gated) -> str:
    """Say what a decision rests on, and what it took this time."""
    stored = f" (those of {header.baseline.stored} among them)" if header.baseline.stored else ""
    spent = f", ${gated.cost_usd:.4g}" if gated.cost_usd else ""
    fresh = f"{gated.fresh_trials} fresh ones to confirm"
    return f"{gated.base_trials} trials{stored}, {fresh}{spent}, {gated.seconds:.0f} s"


def _question(options: Options) -> Question:
    if options.candidate is None or options.baseline is None:
        suite_path(options.suite)  # a gate directory that is misspelt is named before an option is missed
        missing = "--candidate" if options.candidate is None else "--baseline"
        raise ConfigError(f"{missing} is missing: a gate compares two arms")
    return Question(
        suite=options.suite,
        candidate=options.candidate,
        baseline=options.baseline,
        trials=options.trials,
        seed=options.seed,
        policy=options.policy,
        stance=options.stance,
        out=options.out,
        allowances=allowances_of(options.allow, options.allow_removed, options.reason),
    )
