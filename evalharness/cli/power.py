"""`evalh power`: how many tasks and trials it takes to see an effect, before any is run."""

from dataclasses import replace
from pathlib import Path

import click
import msgspec
import numpy as np

from evalharness.cli.options import JSON
from evalharness.cli.terminal import colour
from evalharness.comparison.pairing import pair
from evalharness.errors import ConfigError
from evalharness.outcomes import Outcomes, read
from evalharness.report import power as report
from evalharness.stats.power import Goal, Noise, pilot_noise
from evalharness.stats.power_table import PowerQuestion, power_plan

SEED = 20
UNKNOWN_WITHIN = (
    "noise within tasks is not known: its upper bound is used; published repeated runs show 30 to 45 % of it, so a "
    "pilot (`--from RUN`) asks for fewer trials"
)


class Pilot(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan starts from: noise, pass rate, and the size of the suite."""

    noise: Noise
    pass_rate: float
    tasks: int | None = None
    trials: int | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says."""

    runs: tuple[Path, ...]
    tasks: int | None
    trials: int | None
    baseline_trials: int | None
    pass_rate: float | None
    within_variance: float | None
    between_variance: float | None
    effect: float | None
    margin: float | None
    power: float
    alpha: float
    estimand: str
    draws: int
    as_json: bool

    def pilot(self) -> Pilot:
        """Take what is known from the runs and from the options; options win."""
        if self.effect is not None and self.margin is not None:
            raise ConfigError("--effect and --margin ask two questions: give one of them")
        if self.between_variance is not None and self.estimand == "suite":
            raise ConfigError("--between-variance means nothing for these tasks alone: add `--estimand population`")
        if self.runs:
            return from_runs(self.runs, estimand=self.estimand)
        if self.pass_rate is None:
            raise ConfigError("say how often the agent passes (`--pass-rate 0.8`), or give a run (`--from RUN`)")
        return _from_options(self.pass_rate, self.within_variance)

    def question(self) -> PowerQuestion:
        """Put everything into one question."""
        pilot = self.pilot()
        noise, tasks = pilot.noise, self.tasks or pilot.tasks
        size = self.effect if self.margin is None else self.margin
        if tasks is None and size is None:
            raise ConfigError("say how many tasks there are (`--tasks`), or what to see (`--effect`, `--margin`)")
        if self.within_variance is not None:
            noise = Noise(
                within_baseline=self.within_variance, within_candidate=self.within_variance, between=noise.between
            )
        if self.between_variance is not None:
            noise = replace(noise, between=self.between_variance)
        return PowerQuestion(
            noise=noise,
            pass_rate=pilot.pass_rate if self.pass_rate is None else self.pass_rate,
            trials=self.trials or pilot.trials or 5,
            tasks=tasks,
            baseline_trials=self.baseline_trials,
            size=size,
            purpose="detect" if self.margin is None else "certify",
            estimand=self.estimand,
            goal=Goal(alpha=self.alpha, power=self.power),
        )


@click.command("power", short_help="Say how many tasks and trials it takes to see an effect.")
@click.option(
    "--from",
    "runs",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="RUN",
    help="Take noise, pass rate and tasks from a run; give two of the same suite to learn how effects differ.",
)
@click.option("--tasks", "-n", type=click.IntRange(1), help="Tasks in the suite.")
@click.option("--trials", "-k", type=click.IntRange(1), help="Trials per task (default: as the run had, else 5).")
@click.option("--baseline-trials", type=click.IntRange(1), help="A stored baseline keeps this many trials per task.")
@click.option("--pass-rate", type=click.FloatRange(0, 1), help="How often the agent passes, such as 0.8.")
@click.option("--within-variance", type=click.FloatRange(0, 0.25), help="Mean of p(1-p) over tasks: noise of trials.")
@click.option(
    "--between-variance", type=click.FloatRange(0, 1), help="How effects differ between tasks (population only)."
)
@click.option("--effect", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="A drop to see, as 0.03.")
@click.option(
    "--margin", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="A loss to rule out, as 0.03."
)
@click.option("--power", type=click.FloatRange(0, 1, True, True), default=0.8, show_default=True, help="How surely.")
@click.option(
    "--alpha", type=click.FloatRange(0, 0.5, True, True), default=0.05, show_default=True, help="False alarms."
)
@click.option(
    "--estimand",
    type=click.Choice(["suite", "population"]),
    default="suite",
    show_default=True,
    help="These tasks, or tasks like these.",
)
@click.option(
    "--draws", type=click.IntRange(0), default=1000, show_default=True, help="Simulated comparisons; 0 for none."
)
@JSON
def command(**options: object) -> None:
    """Say how many tasks and trials it takes to see a drop, or to rule a loss out.

    With neither `--effect` nor `--margin`: the smallest drop that the plan shows. Effects are fractions: 0.03 is three
    percentage points.
    """
    asked = msgspec.convert(options, Options)
    try:
        rng = np.random.default_rng(SEED) if asked.draws else None
        plan = power_plan(asked.question(), rng=rng, draws=asked.draws)
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc
    if asked.as_json:
        click.echo(msgspec.json.encode(plan).decode())
    else:
        click.echo(report.render(plan, colour=colour()), nl=False)


def from_runs(paths: tuple[Path, ...], *, estimand: str) -> Pilot:
    """Learn from one run, or from two over the tasks that they share."""
    if len(paths) > 2:
        raise ConfigError(f"--from takes one run or two of the same suite, but got {len(paths)}")
    runs = [read(path) for path in paths]
    shared = pair(*runs).task_ids if len(runs) == 2 else list(runs[0].tasks.index)
    arms = [_counts(run, shared) for run in runs]
    passed, measured = arms[0]
    known = measured > 0
    if not known.any():
        raise ConfigError(f"{paths[0]}: nothing is measured yet: nothing to plan from")
    return Pilot(
        noise=pilot_noise(*arms, estimand=estimand),
        pass_rate=float((passed[known] / measured[known]).mean()),
        tasks=len(shared),
        trials=max(1, round(float(measured[known].mean()))),
    )


def _counts(run: Outcomes, task_ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    tasks = run.tasks.loc[task_ids]
    return tasks["passed"].to_numpy(), tasks["measured"].to_numpy()


def _from_options(pass_rate: float, within: float | None) -> Pilot:
    most = pass_rate * (1 - pass_rate)
    if within is None:
        noise = Noise(within_baseline=most, within_candidate=most, note=UNKNOWN_WITHIN if most else "")
        return Pilot(noise=noise, pass_rate=pass_rate)
    if within > most + 1e-9:
        raise ConfigError(f"--within-variance can be at most {most:.4g} at a pass rate of {pass_rate}, but is {within}")
    return Pilot(noise=Noise(within_baseline=within, within_candidate=within), pass_rate=pass_rate)
