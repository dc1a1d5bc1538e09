"""Several candidates against one baseline as one HTML file: who may be promoted, and how each compares."""

from collections.abc import Sequence

from evalharness.model import Comparison, Decision, TaskPair, Verdict
from evalharness.report import numbers
from evalharness.report.charts import around_changes
from evalharness.report.html import curves
from evalharness.report.html_page import page

Judged = tuple[Comparison, Verdict]
MOST_TASKS = 200
RANK = {Decision.PROMOTE: 0, Decision.INCONCLUSIVE: 1, Decision.BLOCK: 2}


def render(judged: Sequence[Judged]) -> str:
    """Write the page; candidates stand in the order of their decision and change."""
    ordered = sorted(judged, key=lambda each: (RANK[each[1].decision], -(_change(each[0]) or 0.0)))
    comparisons = [comparison for comparison, _ in ordered]
    names = ["baseline", *(f"{each.candidate.agent} {each.candidate.version}".strip() for each in comparisons)]
    sides = [comparisons[0].baseline, *(each.candidate for each in comparisons)]
    deltas = [each.delta[each.estimand] for each in comparisons]
    margin = ordered[0][1].policy.margin
    tasks = _differing(comparisons)
    return page(
        "several.html",
        judged=ordered,
        said=_said(ordered),
        margin=margin,
        axis=around_changes(deltas, margin),
        names=names,
        sides=list(zip(names, sides, strict=True)),
        curves=curves(sides[:4]),
        tasks=tasks[:MOST_TASKS],
        tasks_left=max(len(tasks) - MOST_TASKS, 0),
    )


def _change(comparison: Comparison) -> float | None:
    return comparison.delta[comparison.estimand].value


def _said(judged: Sequence[Judged]) -> str:
    counted = {decision: sum(verdict.decision is decision for _, verdict in judged) for decision in RANK}
    return ", ".join(f"{count} {numbers.HEADLINES[decision]}" for decision, count in counted.items() if count)


def _differing(comparisons: Sequence[Comparison]) -> list[tuple[TaskPair, list[TaskPair | None]]]:
    """Return the tasks in which some candidate differs from the baseline, those of most candidates first."""
    by_task = [{task.task_id: task for task in each.tasks} for each in comparisons]
    every = {task_id: task for tasks in reversed(by_task) for task_id, task in tasks.items()}
    rows = [(task, [tasks.get(task_id) for tasks in by_task]) for task_id, task in every.items()]
    changed = [(task, own) for task, own in rows if any(each and (each.flip or each.suspected) for each in own)]
    return sorted(changed, key=lambda row: min(each.pvalue for each in row[1] if each))
