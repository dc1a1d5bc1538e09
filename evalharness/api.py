"""What notebooks and scripts call: the same objects that the command line works with, shown well.

found = evalharness.compare("runs/a", "runs/b", policy="release")
found.decision, found.comparison.delta["suite"]

evalharness.gate("suite.yaml", candidate="agent.yaml", baseline="git:main:agent.yaml")
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

from evalharness.comparing import compare_runs
from evalharness.errors import ConfigError, HarnessFault
from evalharness.evidence import write_gate
from evalharness.gates import Question, ask
from evalharness.gates import carry_out as decide
from evalharness.loading.definition import load_agent
from evalharness.model import Allowance, Comparison, Decision, Policy, TaskPair, Verdict
from evalharness.report import console, document, markdown, numbers
from evalharness.runner import Pace, Stop
from evalharness.runner import run as carry_out
from evalharness.runs import begin
from evalharness.suite import load_suite

__all__ = ["Pace", "Result", "compare", "gate", "run"]

COLOURS = {Decision.PROMOTE: "#1a7f37", Decision.BLOCK: "#cf222e", Decision.INCONCLUSIVE: "#9a6700"}
LISTED = 20


@dataclass(frozen=True)
class Result:
    """A comparison and its verdict; a notebook shows it as a table, `print` as the command line does."""

    comparison: Comparison
    verdict: Verdict

    @property
    def decision(self) -> Decision:
        """Return what the policy decides."""
        return self.verdict.decision

    @property
    def tasks(self) -> tuple[TaskPair, ...]:
        """Return every compared task."""
        return self.comparison.tasks

    def markdown(self) -> str:
        """Write the report for a pull request."""
        return markdown.render(self.comparison, self.verdict)

    def json(self) -> str:
        """Write the document that `--json` prints."""
        return document.render(self.comparison, self.verdict)

    def __str__(self) -> str:
        return console.render(self.comparison, self.verdict)

    def _repr_html_(self) -> str:
        comparison, colour = self.comparison, COLOURS[self.decision]
        rows = [
            ("baseline", numbers.rate(comparison.baseline.pass_rate), _n(comparison, "baseline")),
            ("candidate", numbers.rate(comparison.candidate.pass_rate), _n(comparison, "candidate")),
            *((f"change ({name})", numbers.change(each), each.method) for name, each in comparison.delta.items()),
            ("flips", numbers.flips(comparison), ""),
        ]
        checks = [(each.rule, each.decision.value, each.because) for each in self.verdict.checks]
        return (
            f'<div><p style="color:{colour};font-weight:bold">{escape(numbers.headline(comparison, self.verdict))}</p>'
            f"<p>{escape(numbers.why(self.verdict))}</p>{_table(rows)}{_table(checks)}{_tasks(comparison)}</div>"
        )


def compare(
    baseline: Path | str,
    candidate: Path | str,
    policy: Policy | str | None = None,
    *,
    allowances: Sequence[Allowance] = (),
) -> Result:
    """Compare two runs, or other tools' logs, and judge; `policy` is a preset, a file or a Policy.

    Without one it is the baseline's, else `pr`. Raises what the command line would exit with, such as NotComparable.
    """
    names = _named("baseline", baseline), _named("candidate", candidate)
    found = compare_runs(*names, policy=policy, allowances=allowances)
    return Result(comparison=found.comparison, verdict=found.verdict)


def run(
    suite: Path | str,
    agent: str | Callable[..., object],
    *,
    out: Path | str | None = None,
    trials: int | None = None,
    seed: int | None = None,
    pace: Pace | None = None,
) -> Path:
    """Run a suite against an agent (a file, a shorthand or a function) and return the run directory.

    Trials that are still owed, after a budget of `pace` has ended it, are run by `evalh run DIRECTORY`.
    """
    arm = begin(
        load_suite(_named("suite", suite)),
        load_agent(_agent("agent", agent)),
        out=None if out is None else Path(out),
        trials=trials,
        seed=seed,
    )
    with arm.store.writer() as writer:
        pace = pace or Pace()
        carry_out(arm.owed(), job=arm.job(), executor=arm.executor(pace.executor), writer=writer, pace=pace)
    return arm.store.path


def gate(  # noqa: PLR0913 - what a gate is asked, each once
    suite: Path | str,
    candidate: str | Callable[..., object],
    baseline: Path | str | Callable[..., object],
    *,
    trials: int | None = None,
    policy: str | None = None,
    stance: Literal["guard", "certify", "report"] | None = None,
    pace: Pace | None = None,
) -> Result:
    """Gate a candidate as `evalh gate` does: run both arms, confirm what looks broken, and decide.

    `baseline` is an agent, a run directory or `line:NAME`. Leaves a gate directory with its reports, and runs, in the
    current folder.
    """
    question = Question(
        suite=_named("suite", suite),
        candidate=_agent("candidate", candidate),
        baseline=_agent("baseline", baseline),
        trials=trials,
        policy=policy,
        stance=stance,
    )
    pace, stop = pace or Pace(), Stop()
    store = ask(question, pace=pace, stop=stop)
    found = decide(store, load_suite(store.header.suite), pace=pace, stop=stop)
    if found is None:
        raise HarnessFault(f"{store.path} was stopped; go on with `evalh gate {store.path}`")
    write_gate(store, found.comparison, found.verdict)
    return Result(comparison=found.comparison, verdict=found.verdict)


def _named(what: str, value: object) -> str:
    """Take a name or path; anything else is a mistake that deserves a sentence."""
    if not isinstance(value, str | Path):
        raise ConfigError(f"{what} must be a name or a path, but is {type(value).__name__}")
    return str(value)


def _agent(what: str, value: object) -> str:
    """Take a function by where it can be imported from: its hosts are other processes."""
    if not callable(value):
        return _named(what, value)
    module, name = getattr(value, "__module__", "__main__"), getattr(value, "__qualname__", "<unknown>")
    if module == "__main__" or "<" in name:
        raise ConfigError(f"{what}: a function of a notebook or script cannot be imported: put it into a module")
    return f"python:{module}:{name}"


def _n(comparison: Comparison, arm: str) -> str:
    side = comparison.baseline if arm == "baseline" else comparison.candidate
    return f"{side.tasks} tasks, {side.trials} trials, {side.unmeasured} unmeasured"


def _tasks(comparison: Comparison) -> str:
    told = sorted(comparison.suspected, key=lambda task: task.pvalue)[:LISTED]
    return _table([(task.task_id, task.state.value, numbers.evidence(task)) for task in told])


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
