"""Regressions of single tasks: only fresh trials of both arms confirm one."""

from dataclasses import dataclass
from typing import ClassVar

from evalharness.model import Check, Comparison, Decision, TaskClass, TaskPair
from evalharness.rules import ErrorBudget
from evalharness.rules.wording import chosen, names, number

CRITICAL = ("critical",)


@dataclass(frozen=True)
class NoConfirmedRegressions:
    """Block when more than `max` tasks are confirmed broken; a suspicion that fresh trials have not settled keeps back.

    `tags` narrows the rule to tasks with one of them.
    """

    family: ClassVar[str] = "flips"
    max: int = 0
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max < 0:
            raise ValueError(f"max must be 0 or more, but got {self.max}")

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - spent on fresh trials
        """Count the confirmed, and name the suspected."""
        return _check("no_confirmed_regressions", chosen(comparison.tasks, tags=self.tags), most=self.max)


@dataclass(frozen=True)
class Critical:
    """Block on any confirmed break of a critical task, whatever else was measured; a suspicion keeps back.

    Critical are tasks with one of `tags` (by default `critical`) and those named in `tasks`.
    """

    family: ClassVar[str] = "flips"
    tags: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - spent on fresh trials
        """Look at the critical tasks alone."""
        tags = self.tags if self.tags or self.tasks else CRITICAL
        critical = chosen(comparison.tasks, tags=tags, task_ids=self.tasks)
        if not critical:
            return Check(rule="critical", decision=Decision.PROMOTE, because="no task is critical")
        unmeasured = [task for task in critical if task.state is TaskClass.UNMEASURED]
        if unmeasured:
            because = f"{number(len(unmeasured), 'critical task')} not measured in both arms: {names(unmeasured)}"
            return Check(rule="critical", decision=Decision.INCONCLUSIVE, because=because)
        return _check("critical", critical, most=0, noun="critical task")


def _check(rule: str, tasks: list[TaskPair], *, most: int, noun: str = "task") -> Check:
    confirmed = [task for task in tasks if task.state is TaskClass.CONFIRMED_BROKEN]
    settled = (TaskClass.CONFIRMED_BROKEN, TaskClass.CLEARED)
    suspected = [task for task in tasks if task.suspected and task.state not in settled]
    if len(confirmed) > most:
        allowed = f" ({most} allowed)" if most else ""
        because = f"{number(len(confirmed), noun)} confirmed broken on fresh trials{allowed}: {names(confirmed)}"
        return Check(rule=rule, decision=Decision.BLOCK, because=because)
    if len(confirmed) + len(suspected) > most:
        return Check(rule=rule, decision=Decision.INCONCLUSIVE, because=_suspicion(suspected, noun))
    if not confirmed:
        said = f"no {noun} is suspected of having broken"
        because = said if not suspected else f"{number(len(suspected), noun)} suspected, {most} allowed to break"
        return Check(rule=rule, decision=Decision.PROMOTE, because=because)
    because = f"{number(len(confirmed), noun)} confirmed broken, {most} allowed: {names(confirmed)}"
    return Check(rule=rule, decision=Decision.PROMOTE, because=because)


def _suspicion(suspected: list[TaskPair], noun: str) -> str:
    untried = sum(not (task.fresh_candidate and task.fresh_candidate.measured) for task in suspected)
    tried = "none re-run on fresh trials" if untried == len(suspected) else f"{untried} not re-run on fresh trials"
    if not untried:
        tried = "fresh trials neither confirm nor clear them"
    return f"{number(len(suspected), noun)} suspected, {tried}: {names(suspected)}"
