"""One run on a terminal: readable without colour and at 80 columns."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from evalharness.model import RunSummary, Side, TaskLine
from evalharness.report import numbers
from evalharness.report.console import plain, printed


def render(summary: RunSummary, *, width: int = 80, colour: bool = False) -> str:
    """Write the summary for a terminal of this width."""
    side = summary.side
    head = f"{side.place}: {side.suite}, agent {side.agent} {side.version}".rstrip()
    blocks: list[RenderableType] = [
        plain(head if summary.complete else f"{head} (not complete)"),
        _rates(side),
        *(plain(fact) for fact in _facts(summary)),
        *_tasks("flakiest tasks", summary.flakiest),
        *_tasks("slowest tasks", summary.slowest),
    ]
    return printed(blocks, width=width, colour=colour)


def _rates(side: Side) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    n = f"95 %, {side.tasks} tasks, {side.trials} trials"
    table.add_row("pass rate, tasks like these", Text(numbers.rate(side.pass_rate)), Text(n))
    table.add_row("pass rate, these tasks", Text(numbers.rate(side.repeatability)), Text("95 %, trial noise only"))
    for name, curve in (("pass@", side.pass_at_k), ("pass^", side.pass_hat_k)):
        for k, estimate in enumerate(curve, start=1):
            if k > 1 and k in (2, 3, 5, len(curve)):
                table.add_row(f"{name}{k}", Text(numbers.rate(estimate)), Text("95 %"))
    return table


def _facts(summary: RunSummary) -> list[str]:
    side = summary.side
    time = "unknown"
    if summary.seconds_median is not None:
        time = f"median {summary.seconds_median:.3g} s, 95th percentile {summary.seconds_p95:.3g} s"
    return [
        f"tasks: {summary.always} always pass, {summary.varying} vary, {summary.never} never pass",
        *(f"plan: {said}" for said in side.plan),
        f"unmeasured: {numbers.unmeasured(side)}; {summary.retries} retries",
        *([f"fails without a grade: {_causes(summary.fails)}"] if summary.fails else []),
        f"time per trial: {time}",
        f"cost: {numbers.money(side)}, tokens: {'unknown' if summary.tokens is None else summary.tokens}",
        *([f"models: {', '.join(side.models)}"] if side.models else []),
        *(f"fault of the data: {fault}" for fault in summary.faults),
    ]


def _causes(counted: dict[str, int]) -> str:
    return ", ".join(f"{cause} x{number}" for cause, number in counted.items())


def _tasks(title: str, lines: Sequence[TaskLine]) -> list[Table]:
    if not lines:
        return []
    table = Table(box=None, pad_edge=False, title=f"\n{title}", title_justify="left", title_style="bold")
    for name in ("task", "passed", "seconds"):
        table.add_column(name, overflow="fold")
    for line in lines:
        seconds = "unknown" if line.seconds is None else f"{line.seconds:.3g}"
        missing = f" ({line.unmeasured} unmeasured)" if line.unmeasured else ""
        table.add_row(plain(line.task_id[:60]), f"{line.passed}/{line.measured}{missing}", seconds)
    return [table]
