"""Several candidates against one baseline as one HTML file: who may be promoted, and how each compares."""

from collections.abc import Sequence

from evalharness.model import Comparison, Contender, Decision, Lineup, TaskPair
from evalharness.report import numbers
from evalharness.report.charts import around_changes
from evalharness.report.html import curves
from evalharness.report.html_page import page
from evalharness.report.html_rows import tone

MOST_TASKS = 200
MOST_CURVES = 4
RANK = {Decision.PROMOTE: 0, Decision.INCONCLUSIVE: 1, Decision.BLOCK: 2}


def render(lineup: Lineup) -> str:
    """Write the page; candidates stand in the order of their decision and change."""
    ordered = sorted(lineup.contenders, key=lambda each: (RANK[each.verdict.decision], -(each.delta.value or 0.0)))
    comparisons = [each.comparison for each in ordered]
    names = ["baseline", *_names(lineup, ordered)]
    sides = [comparisons[0].baseline, *(each.candidate for each in comparisons)]
    margin = ordered[0].verdict.policy.margin
    tasks = _differing(comparisons)
    return page(
        "several.html",
        contenders=ordered,
        baseline=comparisons[0].baseline,
        standings=list(zip(names, [lineup.baseline, *(each.standing for each in ordered)], strict=True)),
        said=_said(ordered),
        margin=margin,
        axis=around_changes([each.delta for each in ordered], margin),
        names=names,
        sides=list(zip(names, sides, strict=True)),
        curves=curves(sides[:MOST_CURVES]),
        tasks=tasks[:MOST_TASKS],
        tone=tone,
        tasks_left=max(len(tasks) - MOST_TASKS, 0),
    )


def _names(lineup: Lineup, ordered: Sequence[Contender]) -> list[str]:
    """Name candidates by their agent, or by their run where agents share a name."""
    agents = [f"{each.standing.agent} {each.standing.version}".strip() for each in ordered]
    return agents if len(set(agents)) == len(lineup.contenders) else [each.standing.place for each in ordered]


def _said(contenders: Sequence[Contender]) -> str:
    counted = {decision: sum(each.verdict.decision is decision for each in contenders) for decision in RANK}
    return ", ".join(f"{count} {numbers.HEADLINES[decision]}" for decision, count in counted.items() if count)


def _differing(comparisons: Sequence[Comparison]) -> list[tuple[TaskPair, list[TaskPair | None]]]:
    """Return the tasks in which some candidate differs from the baseline, those of most candidates first."""
    by_task = [{task.task_id: task for task in each.tasks} for each in comparisons]
    every = {task_id: task for tasks in reversed(by_task) for task_id, task in tasks.items()}
    rows = [(task, [tasks.get(task_id) for tasks in by_task]) for task_id, task in every.items()]
    changed = [(task, own) for task, own in rows if any(each and (each.flip or each.suspected) for each in own)]
    return sorted(changed, key=lambda row: min(each.pvalue for each in row[1] if each))
