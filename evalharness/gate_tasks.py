"""Which tasks a gate asks, and which of them may block by themselves."""

from evalharness.digests import entries
from evalharness.errors import NotComparable
from evalharness.model import Policy, Suite
from evalharness.outcomes import Outcomes


def eligible(policy: Policy, suite: Suite, tasks: tuple[str, ...]) -> tuple[bool, ...] | None:
    """Say which tasks' regressions may block: those with the tags of the rule, where it names some."""
    rules = [rule for rule in policy.rules if rule.use in ("no_confirmed_regressions", "critical")]
    if not rules or any(rule.use == "critical" or not rule.options.get("tags") for rule in rules):
        return None
    wanted = {tag for rule in rules for tag in rule.options["tags"]}
    tags = {task.id: set(task.tags) for task in suite.tasks}
    return tuple(bool(wanted & tags[task_id]) for task_id in tasks)


def comparable(suite: Suite, stored: Outcomes | None) -> tuple[str, ...]:
    """Return the tasks that both arms can answer, in the suite's order."""
    if stored is None:
        return tuple(task.id for task in suite.tasks)
    now, then = entries(suite), stored.header.tasks
    tasks = tuple(
        task_id
        for task_id in now
        if task_id in stored.tasks.index
        and all(
            getattr(then[task_id], part) in ("", getattr(now[task_id], part)) for part in ("task", "graders", "limits")
        )
    )
    if not tasks:
        raise NotComparable(f"{suite.place} and {stored.place} share no task that is still the same")
    return tasks
