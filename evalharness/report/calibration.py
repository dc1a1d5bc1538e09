"""What a gate does, for people: one sentence, then the table; and what it would have said of past runs."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from evalharness.model import Decision
from evalharness.model.calibration import Calibration, Past, Shares
from evalharness.report.console import plain, printed
from evalharness.report.numbers import percent
from evalharness.stats.results import Estimate


def render(table: Calibration, *, width: int = 100, colour: bool = False) -> str:
    """Write the calibration for a terminal of this width."""
    blocks: list[RenderableType] = [plain(sentence(table)), plain(_basis(table)), Text(""), _rows(table)]
    return printed(blocks, width=width, colour=colour)


def sentence(table: Calibration) -> str:
    """Say in one sentence what the gate does to an unchanged agent and what it can see."""
    same = table.rows[0]
    seen = "it shows no drop of the suite as a whole"
    if table.visible_drop is not None:
        seen = f"the smallest drop it shows with 80 % power is {100 * table.visible_drop:.1f} points"
    return (
        f"an unchanged agent is blocked {_rate(same.block)} of the time and promoted {percent(same.promote.value)}, "
        f"for {percent(same.extra)} more trials than its base; {seen}"
    )


def _rate(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} [{percent(estimate.low)}, {percent(estimate.high)}]"


def _basis(table: Calibration) -> str:
    base, cand = table.trials
    split = ", ".join(f"{family} {share:.2%}" for family, share in table.error_budget.items())
    source = f"resampled from {table.source}; " if table.source else ""
    return (
        f"{source}{table.tasks} tasks, {base} + {cand} trials each, {table.reps} simulated gates a row, seed "
        f"{table.seed}; {table.policy.stance}, margin {100 * table.policy.margin:.1f} points, false block at most "
        f"{table.policy.false_block:.1%} ({split})"
    )


def _rows(calibration: Calibration) -> Table:
    timed = all(row.minutes is not None for row in calibration.rows)
    table = Table(box=None, pad_edge=False)
    table.add_column("candidate")
    for title in ("block", "promote", "inconclusive", "trials", "extra", *(["minutes"] if timed else [])):
        table.add_column(title, justify="right")
    for row in calibration.rows:
        table.add_row(plain(row.scenario), *_cells(row))
    return table


def _cells(row: Shares) -> list[str]:
    decisions = [percent(each.value) for each in (row.block, row.promote, row.inconclusive)]
    minutes = [] if row.minutes is None else [f"{row.minutes:.1f}"]
    return [*decisions, f"{row.base_trials + row.extra_trials:.0f}", percent(row.extra), *minutes]


def render_past(past: Sequence[Past], *, width: int = 100, colour: bool = False) -> str:
    """Write what the gate would have said of past runs; those it would have blocked come with the reason."""
    compared = [each for each in past if each.decision is not None]
    blocked = [each for each in compared if each.decision is Decision.BLOCK]
    left = len(past) - len(compared)
    rerun = sum(bool(each.suspects) for each in compared if each.decision is not Decision.BLOCK)
    texts = [f"would have blocked {len(blocked)} of {len(compared)} runs" + (", these:" if blocked else "")]
    texts += [f"  {each.candidate} (after {each.baseline}): {each.because}" for each in blocked]
    if rerun:
        texts.append(f"{rerun} more with suspected tasks, which a gate would have re-run on fresh trials")
    if left:
        texts.append(f"{left} could not be compared with the run before")
    return printed([plain(text) for text in texts], width=width, colour=colour)
