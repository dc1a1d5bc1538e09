"""What a single grader said: the share of tasks with any violation."""

from evalharness.measures.arms import LEVEL, Arms, nothing
from evalharness.model import Measure
from evalharness.outcomes import GradedLine, Outcomes
from evalharness.rules import Need
from evalharness.stats.safety import tasks_violated, violation_rate


def violations(need: Need, error: float, arms: Arms) -> Measure:
    """The share of the candidate's tasks with any trial that fails a grader."""
    (grader,) = need.names
    violated, graded = _graded(arms.candidate, grader, set(arms.task_ids))
    if not graded:
        return nothing(need.key, f"no trial of the candidate was graded by '{grader}'")
    tasks = sorted(graded)
    measured = arms.tables[1]["measured"]
    ungraded = int((measured > 0).sum()) - len(tasks)
    counted = tasks_violated([violated.get(each, 0) for each in tasks], [graded[each] for each in tasks])
    change = violation_rate(*counted, alpha=(1 - LEVEL) / 2)
    return Measure(
        name=need.key,
        baseline=None,
        candidate=change,
        change=change,
        harm=violation_rate(*counted, alpha=error),
        note=f"{ungraded} measured tasks were not graded by '{grader}'" if ungraded else "",
    )


def _graded(run: Outcomes, grader: str, task_ids: set[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Count, by task, the trials that a grader failed and those it graded; a trial's last measured attempt stands."""
    lines = run.reread(GradedLine) if run.reread else iter(())
    verdicts = {
        (line.task_id, line.trial): [grade.passed for grade in line.grades if grade.grader == grader]
        for line in lines
        if line.outcome != "error" and line.task_id in task_ids
    }
    violated: dict[str, int] = {}
    graded: dict[str, int] = {}
    for (task_id, _), passed in verdicts.items():
        if passed:
            graded[task_id] = graded.get(task_id, 0) + 1
            violated[task_id] = violated.get(task_id, 0) + (not all(passed))
    return violated, graded
