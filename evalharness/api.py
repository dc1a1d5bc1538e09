"""What notebooks and scripts call: the same objects that the command line works with, shown well.

from evalharness import compare

found = compare("runs/a", "runs/b", policy="release")
found.decision, found.comparison.delta["suite"]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

from evalharness.comparing import compare_runs
from evalharness.model import Allowance, Comparison, Decision, Policy, TaskPair, Verdict
from evalharness.report import console, document, markdown, numbers

__all__ = ["Result", "compare"]

COLOURS = {Decision.PROMOTE: "#1a7f37", Decision.BLOCK: "#cf222e", Decision.INCONCLUSIVE: "#9a6700"}
LISTED = 20


@dataclass(frozen=True)
class Result:
    """A comparison and its verdict; a notebook shows it as a table, `print` as the command line does."""

    comparison: Comparison
    verdict: Verdict

    @cached_property
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
    found = compare_runs(baseline, candidate, policy=policy, allowances=allowances)
    return Result(comparison=found.comparison, verdict=found.verdict)


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
