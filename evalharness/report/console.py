"""The comparison on a terminal: readable without colour and at 80 columns."""

import io
import re
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from evalharness.model import Comparison, Decision, TaskClass, TaskPair, Verdict
from evalharness.report import numbers

STYLES = {Decision.PROMOTE: "bold green", Decision.BLOCK: "bold red", Decision.INCONCLUSIVE: "bold yellow"}
TOLD = (TaskClass.SUSPECTED_FIXED, TaskClass.FLAKE_ONSET, TaskClass.GRADER_FLAKE)
LISTED = 15
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def plain(text: str) -> Text:
    """Make foreign text inert, in one line: no markup, no control characters."""
    return Text(plain_lines(text).plain.replace("\n", "\N{REPLACEMENT CHARACTER}"))


def plain_lines(text: str) -> Text:
    """Make foreign text inert, keeping its lines."""
    return Text(CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))


def printed(blocks: Iterable[RenderableType], *, width: int, colour: bool) -> str:
    """Print blocks for a terminal of this width, without trailing space."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False)
    for block in blocks:
        console.print(block)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().split("\n")) + "\n"


def render(comparison: Comparison, verdict: Verdict, *, width: int = 80, colour: bool = False) -> str:
    """Write the report for a terminal of this width."""
    flipped = [task for task in comparison.tasks if _told(task) or task.flip]
    blocks: list[RenderableType] = [
        Text(numbers.headline(comparison, verdict), style=STYLES[verdict.decision]),
        plain(numbers.why(verdict)),
        Text(""),
        _numbers(comparison),
        *(plain(fact) for fact in _facts(comparison, verdict)),
        *((Text(""), _tasks(flipped)) if flipped else ()),
    ]
    return printed(blocks, width=width, colour=colour)


def _numbers(comparison: Comparison) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for word, side in (("baseline", comparison.baseline), ("candidate", comparison.candidate)):
        n = f"{side.tasks} tasks, {side.trials} trials"
        table.add_row(word, Text(numbers.rate(side.pass_rate)), Text(f"95 %, {n}"))
    for estimand, delta in comparison.delta.items():
        table.add_row(f"change ({estimand})", Text(numbers.change(delta)), Text(f"90 %, {delta.n} tasks"))
    return table


def _facts(comparison: Comparison, verdict: Verdict) -> list[str]:
    left_out = numbers.left_out(comparison)
    facts = [
        f"flips: {numbers.flips(comparison)}",
        f"unmeasured: {numbers.both(comparison, numbers.unmeasured)}",
        numbers.missing(comparison),
        f"left out: {left_out}" if left_out else "",
        f"tasks: {numbers.classes(comparison)}",
        *(numbers.measured(found) for found in comparison.measures.values()),
        numbers.slices(comparison.slices, listed=3),
        *numbers.notices(comparison),
        numbers.budget(verdict),
        f"to settle it: {verdict.settled_by}" if verdict.settled_by else "",
    ]
    return [fact for fact in facts if fact]


def _tasks(tasks: list[TaskPair]) -> Table:
    listed = sorted(tasks, key=lambda task: (not task.suspected, task.pvalue))[:LISTED]
    more = f" ({len(tasks) - LISTED} more in the reports)" if len(tasks) > LISTED else ""
    table = Table(box=None, pad_edge=False, title=f"tasks that changed{more}", title_justify="left", title_style="")
    fresh = any(task.fresh_candidate for task in listed)
    for name in ("task", "baseline", "candidate", "p worse", *(["fresh"] if fresh else []), ""):
        table.add_column(name, header_style="bold", overflow="fold")
    for task in listed:
        table.add_row(
            plain(task.task_id[:60]),
            f"{task.baseline.passed}/{task.baseline.measured}",
            f"{task.candidate.passed}/{task.candidate.measured}",
            f"{task.pvalue:.3f}",
            *([_fresh(task)] if fresh else []),
            _said(task),
        )
    return table


def _fresh(task: TaskPair) -> str:
    if not task.fresh_baseline or not task.fresh_candidate:
        return ""
    before, after = task.fresh_baseline, task.fresh_candidate
    if not after.measured:
        return ""
    return f"{before.passed}/{before.measured} to {after.passed}/{after.measured}"


def _said(task: TaskPair) -> str:
    return numbers.label(task.state) if _told(task) else str(task.flip or "")


def _told(task: TaskPair) -> bool:
    return bool(task.suspected or task.fresh_candidate or task.state in TOLD)
