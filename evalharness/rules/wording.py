"""How rules say things: percent, points, and a few names of tasks."""

from collections.abc import Iterable, Sequence

from evalharness.model import Check, Decision, TaskPair
from evalharness.stats.results import Estimate

NAMED = 5


def points(value: float | None) -> str:
    """Write a change of a rate in percentage points."""
    return "unbounded" if value is None else f"{100 * value:+.1f}"


def percent(value: float | None) -> str:
    """Write a fraction as percent."""
    return "unbounded" if value is None else f"{100 * value:.1f} %"


def times(value: float | None) -> str:
    """Write a ratio."""
    return "unbounded" if value is None else f"{value:.2f} times"


def names(tasks: Iterable[TaskPair]) -> str:
    """Name the tasks that most look worse."""
    worst = sorted(tasks, key=lambda task: task.pvalue)
    more = f" and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
    return ", ".join(task.task_id for task in worst[:NAMED]) + more


def number(count: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{count} {noun}{'s' * (count != 1)}"


def chosen(tasks: Sequence[TaskPair], *, tags: Iterable[str] = (), task_ids: Iterable[str] = ()) -> list[TaskPair]:
    """Return the tasks with one of these tags or ids; all of them where neither is given."""
    wanted, ids = set(tags), set(task_ids)
    if not wanted and not ids:
        return list(tasks)
    return [task for task in tasks if task.task_id in ids or not wanted.isdisjoint(task.tags)]


def three_way(rule: str, because: str, *, promote: bool, block: bool) -> Check:
    """Promote where that is shown, block where harm is, else neither."""
    decision = Decision.PROMOTE if promote else Decision.BLOCK if block else Decision.INCONCLUSIVE
    return Check(rule=rule, decision=decision, because=because)


def above(bound: float | None, limit: float) -> bool:
    """Say whether a bound exists and lies above a limit."""
    return bound is not None and bound > limit


def below(bound: float | None, limit: float) -> bool:
    """Say whether a bound exists and lies below a limit."""
    return bound is not None and bound < limit


def fraction(value: float, *, name: str, zero: bool = False) -> None:
    """Refuse an option that must be a fraction."""
    if not (0 <= value < 1 if zero else 0 < value < 1):
        raise ValueError(f"{name} must be {'from 0 to' if zero else 'between 0 and'} 1, but got {value}")


def undefined(rule: str, estimate: Estimate) -> Check:
    """Say that nothing was measured, and why."""
    because = f"nothing to decide on: {estimate.note or 'no task was measured in both arms'}"
    return Check(rule=rule, decision=Decision.INCONCLUSIVE, because=because)
