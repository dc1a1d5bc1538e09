"""A power plan for people: the answer as a sentence, then what other numbers of trials would show."""

from collections.abc import Callable

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from evalharness.report.console import plain, printed
from evalharness.report.numbers import percent
from evalharness.stats.plans import PowerPlan, PowerRow


def render(plan: PowerPlan, *, width: int = 80, colour: bool = False) -> str:
    """Write the plan for a terminal of this width."""
    texts = [sentence(plan), _basis(plan), *(f"note: {note}" for note in plan.notes)]
    blocks: list[RenderableType] = [*map(plain, texts), _table(plan)]
    return printed(blocks, width=width, colour=colour)


def sentence(plan: PowerPlan) -> str:
    """Say in one sentence what it takes, or what the plan shows."""
    sure = f"{plan.power:.0%}"
    if plan.size is None:
        if plan.visible_drop is None:
            return f"{plan.tasks} tasks with {_trials(plan.trials)} each show nothing"
        seen = f"a drop of {_points(plan.visible_drop)} points or more"
        return f"{plan.tasks} tasks with {_trials(plan.trials)} each show {seen} with {sure} power"
    goal = f"to see a {_points(plan.size)}-point drop with {sure} power"
    if plan.purpose == "certify":
        goal = f"to show with {sure} power that an unchanged agent loses less than {_points(plan.size)} points"
    ways = [way for way in (_more_trials(plan), _more_tasks(plan)) if way]
    return f"{goal}, you need {', or '.join(ways)}{_doubt(plan)}" if ways else f"no plan is enough {goal}"


def _doubt(plan: PowerPlan) -> str:
    """Say what a simulation found where it is less hopeful than the formula, as with few tasks."""
    found = {row.trials: row.simulated for row in plan.rows if row.simulated and row.simulated.value is not None}
    own = found.get(plan.trials_needed or 0)
    if own is None or own.value is None or own.high is None or own.high >= plan.power:
        return ""
    enough = [trials for trials, each in found.items() if (each.value or 0.0) >= plan.power]
    way = (
        f"{_trials(min(enough))} reach {percent(found[min(enough)].value)}" if enough else "no number tried was enough"
    )
    return f"; but simulated, {_trials(plan.trials_needed or 0)} reach only {percent(own.value)}; {way}"


def _more_trials(plan: PowerPlan) -> str:
    if plan.tasks is None or plan.trials_needed is None:
        return ""
    if plan.purpose == "certify" and plan.fewest_tasks is not None and plan.tasks < plan.fewest_tasks:
        return ""
    which = "in both arms" if plan.baseline_trials is None else "of the candidate"
    return f"{_trials(plan.trials_needed)} per task {which} on {plan.tasks} tasks"


def _more_tasks(plan: PowerPlan) -> str:
    if plan.tasks_needed is None:
        return ""
    fewest = plan.fewest_tasks if plan.purpose == "certify" else None
    return f"{max(plan.tasks_needed, fewest or 0)} tasks with {_trials(plan.trials)} each"


def _basis(plan: PowerPlan) -> str:
    target = "these tasks" if plan.estimand == "suite" else "all tasks like these"
    first, second = plan.within
    within = f"{first:.3f}" if first == second else f"{first:.3f} and {second:.3f}"
    between = f", of effects between tasks {plan.between:.3f}" if plan.estimand == "population" else ""
    return (
        f"for {target}, at a pass rate of {percent(plan.pass_rate)}, variance within tasks {within}{between}, "
        f"one-sided error {plan.alpha:.1%}"
    )


def _table(plan: PowerPlan) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("trials per task" if plan.baseline_trials is None else "candidate trials", justify="right")
    columns = _columns(plan)
    for title in columns:
        table.add_column(title, justify="right")
    for row in plan.rows:
        table.add_row(str(row.trials), *(Text(write(row)) for write in columns.values()))
    return table


def _columns(plan: PowerPlan) -> dict[str, Callable[[PowerRow], str]]:
    columns: dict[str, Callable[[PowerRow], str]] = {}
    if plan.tasks is not None:
        columns["visible drop"] = lambda row: (
            "none" if row.visible_drop is None else f"{_points(row.visible_drop)} points"
        )
    if plan.size is not None:
        columns["tasks needed"] = lambda row: "none" if row.tasks_needed is None else str(row.tasks_needed)
    if plan.size is not None and plan.tasks is not None:
        columns[f"power at {plan.tasks} tasks"] = lambda row: "unknown" if row.power is None else f"{row.power:.0%}"
    if any(row.simulated is not None for row in plan.rows):
        columns["simulated"] = _simulated
    return columns


def _points(value: float) -> str:
    return f"{100 * value:.3g}"


def _trials(count: int) -> str:
    return f"{count} trial" if count == 1 else f"{count} trials"


def _simulated(row: PowerRow) -> str:
    return "" if row.simulated is None or row.simulated.value is None else f"{row.simulated.value:.0%}"
