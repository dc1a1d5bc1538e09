"""Regressions of single tasks: only fresh trials of both arms confirm one."""

from dataclasses import dataclass
from typing import ClassVar

from evalharness.model import Check, Comparison, Decision, TaskPair
from evalharness.rules import ErrorBudget

NAMED = 5


@dataclass(frozen=True)
class NoConfirmedRegressions:
    """Promote when no task is suspected of having broken; without fresh trials a suspicion stays one.

    `tags` narrows the rule to tasks with one of them.
    """

    family: ClassVar[str] = "flips"
    tags: tuple[str, ...] = ()

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - spent on fresh trials
        """Name the suspected tasks."""
        suspected = [task for task in comparison.suspected if not self.tags or set(self.tags) & set(task.tags)]
        if not suspected:
            because = "no task is suspected of having broken"
            return Check(rule="no_confirmed_regressions", decision=Decision.PROMOTE, because=because)
        because = f"{len(suspected)} suspected, none re-run on fresh trials: {_named(suspected)}"
        return Check(rule="no_confirmed_regressions", decision=Decision.INCONCLUSIVE, because=because)


def _named(tasks: list[TaskPair]) -> str:
    worst = sorted(tasks, key=lambda task: task.pvalue)
    more = f" and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
    return ", ".join(task.task_id for task in worst[:NAMED]) + more
