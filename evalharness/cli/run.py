"""`evalh run`: run a suite against an agent, or run what a run directory is still owed."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click
import msgspec

from evalharness.cli.dry_run import estimate
from evalharness.cli.interrupts import interruptible
from evalharness.cli.options import BUDGET_USD, JSON, Above0, unheld
from evalharness.cli.progress import progress
from evalharness.cli.run_end import end, summary
from evalharness.cli.run_plan import Asked, plan
from evalharness.cli.where import Where, executor_options
from evalharness.errors import BreakerOpen, ConfigError
from evalharness.loading.definition import load_agent
from evalharness.model import Suite, Task, TrialKey
from evalharness.runner import Pace, RunResult, run
from evalharness.running.budget import Budget, Dearest, Spent
from evalharness.running.planning import extension, planned_keys, planned_trials
from evalharness.running.response_cache import remembered
from evalharness.runs import Arm, begin, resume
from evalharness.store import RunStore, is_run
from evalharness.suite import load_suite


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says."""

    suite: str
    agent: str | None
    trials: int | None
    workers: int
    attempts: int
    out: Path | None
    task: tuple[str, ...]
    tag: tuple[str, ...]
    limit: int | None
    shard: str | None
    allocate: str | None
    seed: int | None
    cache: Path | None
    budget_usd: float | None
    budget_tokens: int | None
    budget_minutes: float | None
    dry_run: bool
    as_json: bool
    where: Where

    def pace(self) -> Pace:
        """Say how the run goes about its work."""
        budget = Budget(cost_usd=self.budget_usd, tokens=self.budget_tokens, minutes=self.budget_minutes)
        return Pace(workers=self.workers, executor=self.where.asked(), attempts=self.attempts, budget=budget)

    def chosen(self, suite: Suite) -> tuple[Task, ...]:
        """Pick the tasks that --task, --tag and --limit ask for."""
        unknown = set(self.task) - {task.id for task in suite.tasks}
        if unknown:
            raise ConfigError(f"{suite.place}: no task '{min(unknown)}' (see `evalh validate {self.suite}`)")
        tasks = tuple(
            task
            for task in suite.tasks
            if (not self.task or task.id in self.task) and (not self.tag or set(self.tag) & set(task.tags))
        )[: self.limit]
        if not tasks:
            raise ConfigError(f"{suite.place}: no task has tag {' or '.join(self.tag)}")
        return tasks

    def plan(self, suite: Suite, agent: str | None) -> Asked:
        """Say what is to be run here."""
        tasks = self.chosen(suite)
        return plan(suite, tasks, trials=self.trials, agent=agent, allocate=self.allocate, shard=self.shard)


@click.command("run", short_help="Run a suite against an agent, or resume a run directory.")
@click.argument("suite", metavar="SUITE|RUN")
@click.option(
    "--agent",
    "-a",
    metavar="AGENT",
    help="An agent file or shorthand: agent.yaml, python:mod:fn, command:./a.sh, http://..., "
    "model:NAME, local, scripted:FILE, git:REF[:FILE].",
)
@click.option(
    "--trials",
    "-k",
    type=click.IntRange(1),
    help="Trials per task (default: as the suite says). For a run directory: how many it should have in all.",
)
@click.option("--workers", "-j", type=click.IntRange(1), default=4, show_default=True, help="Trials at the same time.")
@executor_options
@click.option(
    "--attempts",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Attempts per trial when something other than the agent fails.",
)
@click.option("--out", "-o", type=click.Path(path_type=Path), help="The run directory (default: runs/<id>).")
@click.option("--task", multiple=True, metavar="ID", help="Only this task; may be repeated.")
@click.option("--tag", multiple=True, metavar="TAG", help="Only tasks with this tag; may be repeated.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N tasks.")
@click.option("--shard", metavar="I/N", help="Only the I-th of N parts of the tasks; `evalh merge` puts them together.")
@click.option(
    "--allocate",
    metavar="history[=RUN|line:NAME]",
    help="As many trials as --trials in all, more where tasks varied before (default: in the latest run).",
)
@click.option("--seed", type=click.IntRange(0), help="Seed of the run (default: random, and recorded).")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep models' answers in this folder, and use them again for the same request of the same trial and --seed.",
)
@BUDGET_USD
@click.option("--budget-tokens", type=click.IntRange(1), help="Stop before using more.")
@click.option("--budget-minutes", type=Above0(), metavar="MINUTES", help="Stop after this time.")
@click.option("--dry-run", is_flag=True, help="Only say how many trials, how much time and money.")
@JSON
def command(**given: Any) -> None:
    """Run SUITE (a YAML file, or the name of a bundled suite such as smoke-en) against an agent.

    Given a run directory instead, run what it is still owed. Every finished trial is kept: a run that is killed,
    interrupted or out of budget goes on where it stopped.
    """
    options = Options(where=Where.taken(given), **given)
    folder = Path(options.suite)
    if options.dry_run:
        click.echo(estimate(*_dry(options), options.workers, as_json=options.as_json))
        return
    resumed = is_run(folder)
    arm = _resumed(RunStore(folder), options) if resumed else _begun(options)
    resuming = f"evalh run {arm.store.path}"
    try:
        result = _carried_out(arm, options.pace(), resuming)
    except ConfigError:
        if not resumed:
            arm.store.discard_if_empty()
        raise
    except BreakerOpen as exc:
        raise BreakerOpen(f"{exc}; when it works again: `{resuming}`") from exc
    click.echo(summary(arm, result, as_json=options.as_json))
    if options.budget_usd and result.tally.measured and result.tally.dearest.cost_usd is None:
        click.echo(unheld("this agent"), err=True)
    end(arm, result, resuming)


def _carried_out(arm: Arm, pace: Pace, resuming: str) -> RunResult:
    executor = arm.executor(pace.executor)
    if pace.budget.spends:
        known = Dearest.of(arm.store.lines(Spent))
        pace = msgspec.structs.replace(pace, budget=msgspec.structs.replace(pace.budget, known=known))
    with arm.store.writer() as writer:  # what is owed is certain only while nobody else writes
        trials = arm.owed()
        click.echo(f"{arm.store.path}: {len(trials)} trials owed", err=True)
        quiet = redirect_stdout(sys.stderr)  # what agents and graders print in this process is no data of ours
        with quiet, interruptible(resuming) as stop, progress(len(trials)) as listener:
            return run(trials, job=arm.job(), executor=executor, writer=writer, pace=pace, stop=stop, listener=listener)


def _begun(options: Options) -> Arm:
    suite = load_suite(options.suite)
    definition = load_agent(_agent(options))
    if options.shard and options.seed is None:
        raise ConfigError("--shard needs --seed: give every part of the run the same number, such as the CI run's id")
    if options.cache and options.seed is None:
        raise ConfigError(
            "--cache needs --seed: answers are kept by trial, and without it every run has trials of its own"
        )
    kept = remembered(options.cache) if options.cache else {}
    asked = options.plan(suite, definition.name)
    if asked.said:
        click.echo(asked.said, err=True)
    if not any(line.task_ids for line in asked.planned):
        click.echo(
            f"shard {options.shard} holds none of these tasks: an empty run, which merges like any other", err=True
        )
    return begin(
        suite,
        definition,
        out=options.out,
        trials=options.trials,
        planned=asked.planned,
        seed=options.seed,
        options={"workers": options.workers, "executor": options.where.executor, **asked.remembered, **kept},
    )


def _agent(options: Options) -> str:
    if options.agent is None:
        raise ConfigError("--agent is missing: name an agent file, or try `--agent local`")
    return options.agent


def _resumed(store: RunStore, options: Options) -> Arm:
    """Take up a run directory, planning more trials where more are asked for."""
    again = (
        options.agent,
        options.task,
        options.tag,
        options.limit,
        options.shard,
        options.allocate,
        options.out,
        options.cache,
    )
    if any(again) or options.seed is not None:
        raise ConfigError(f"{store.path} is a run already: only --trials, --workers and budgets can be given again")
    arm = resume(store, load_suite(store.header.suite.place), store.header.agent.definition)
    planned = store.planned()
    fewest = min(planned_trials(planned).values(), default=0)
    if options.trials and options.trials < fewest:
        raise ConfigError(f"{store.path} is planned for {fewest} trials per task: --trials can only add to them")
    if options.trials and (more := extension(planned, options.trials, reason="--trials")):
        with store.writer() as writer:
            for line in more:
                writer.extend(line)
    return arm


def _dry(options: Options) -> tuple[str, str | None, list[TrialKey]]:
    """Return suite name, agent name and the trials that a run would be owed."""
    folder = Path(options.suite)
    if is_run(folder):
        arm = _resumed(RunStore(folder), msgspec.structs.replace(options, trials=None))
        return arm.suite.name, arm.definition.name, [trial.key for trial in arm.owed()]
    suite = load_suite(options.suite)
    agent = load_agent(options.agent).name if options.agent else None
    return suite.name, agent, list(planned_keys(options.plan(suite, agent).planned))
