"""Which tasks a gate asks, and which of them may block by themselves."""

from evalharness.errors import NotComparable
from evalharness.gate import held_out_tags
from evalharness.loading.digests import entries
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


def held_out(policy: Policy, suite: Suite) -> tuple[str, ...]:
    """Return the tasks that only the `holdout` rule may look at."""
    tags = held_out_tags(policy)
    return tuple(task.id for task in suite.tasks if not tags.isdisjoint(task.tags))


def comparable(policy: Policy, suite: Suite, stored: Outcomes | None) -> tuple[str, ...]:
    """Return the tasks that both arms can answer and that are not held out, in the suite's order."""
    aside = set(held_out(policy, suite))
    if stored is None:
        return tuple(task.id for task in suite.tasks if task.id not in aside)
    now, then = entries(suite), stored.header.tasks
    tasks = tuple(
        task_id
        for task_id in now
        if task_id in stored.tasks.index
        and task_id not in aside
        and all(
            getattr(then[task_id], part) in ("", getattr(now[task_id], part)) for part in ("task", "graders", "limits")
        )
    )
    if not tasks:
        raise NotComparable(f"{suite.place} and {stored.place} share no task that is still the same")
    return tasks
