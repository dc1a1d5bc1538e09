"""Several candidates beside each other, for a terminal, as Markdown, and as one JSON document."""

import msgspec
from rich.table import Table
from rich.text import Text

from evalharness.model import Lineup, Standing
from evalharness.report import numbers
from evalharness.report.console import STYLES, plain, printed
from evalharness.report.document import SCHEMA, Document, document
from evalharness.report.markdown import escape
from evalharness.stats.results import Estimate

HEAD = ("", "pass rate", "change", "p worse", "$ per success", "p50 s", "p95 s", "")


class LineupDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints for several candidates: each one's own document, and all of them beside each other."""

    schema: int
    exit_code: int
    candidates: tuple[Document, ...]
    lineup: Lineup


def as_document(lineup: Lineup) -> LineupDocument:
    """Put the documents of all candidates together."""
    return LineupDocument(
        schema=SCHEMA,
        exit_code=lineup.exit_code,
        candidates=tuple(document(each.comparison, each.verdict) for each in lineup.contenders),
        lineup=lineup,
    )


def as_json(lineup: Lineup) -> str:
    """Write the JSON document."""
    return f"{msgspec.json.format(msgspec.json.encode(as_document(lineup)), indent=1).decode()}\n"


def as_markdown(lineup: Lineup) -> str:
    """Write verdicts, then the table of all arms, then what is behind it."""
    verdicts = [
        f"> **{escape(each.standing.place)}: {numbers.headline(each.comparison, each.verdict)}**\n"
        f"> {escape(numbers.why(each.verdict))}"
        for each in lineup.contenders
    ]
    lines = [HEAD, ("---",) * len(HEAD), *(tuple(map(escape, row)) for row in _rows(lineup))]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return "\n\n".join([*verdicts, table, *map(escape, _notes(lineup))]) + "\n"


def as_text(lineup: Lineup, *, width: int = 80, colour: bool = False) -> str:
    """Write the same for a terminal."""
    table = Table(box=None, pad_edge=False)
    for name in HEAD:
        table.add_column(name, header_style="bold", overflow="fold")
    for row in _rows(lineup):
        table.add_row(*map(plain, row))
    verdicts = [
        line
        for each in lineup.contenders
        for line in (
            plain(each.standing.place),
            Text(numbers.headline(each.comparison, each.verdict), style=STYLES[each.verdict.decision]),
            plain(numbers.why(each.verdict)),
            Text(""),
        )
    ]
    return printed([*verdicts, table, *map(plain, _notes(lineup))], width=width, colour=colour)


def _rows(lineup: Lineup) -> list[tuple[str, ...]]:
    candidates = (
        _row(each.standing, each.standing.place, numbers.change(each.delta), f"{each.adjusted:.3f}")
        for each in lineup.contenders
    )
    return [_row(lineup.baseline, "baseline", "", ""), *candidates]


def _row(standing: Standing, name: str, change: str, pvalue: str) -> tuple[str, ...]:
    mark = f"beaten by {', '.join(standing.beaten_by)}" if standing.beaten_by else "not beaten"
    return (
        name,
        numbers.rate(standing.pass_rate),
        change,
        pvalue,
        _written(standing.cost_per_success, "{:.4f}"),
        _written(standing.seconds_p50, "{:.2f}"),
        _written(standing.seconds_p95, "{:.2f}"),
        mark,
    )


def _written(estimate: Estimate, form: str) -> str:
    if estimate.value is None:
        return f"unknown ({estimate.note})" if estimate.note else "unknown"
    low, high = ("unbounded" if bound is None else form.format(bound) for bound in (estimate.low, estimate.high))
    return f"{form.format(estimate.value)} [{low}, {high}]"


def _notes(lineup: Lineup) -> list[str]:
    count = len(lineup.contenders)
    corrected = (
        f"{count} candidates: each is judged with 1/{count} of false_block; changes hold together at 95 %; p-values "
        "are adjusted for all of them (Holm); beaten: surely cheaper per success and surely better, all pairs at 95 %"
    )
    return [
        corrected,
        *(
            f"{each.standing.place}: {numbers.slices(each.slices, listed=3)}"
            for each in lineup.contenders
            if each.slices
        ),
        *(f"{each.standing.place}: {said}" for each in lineup.contenders for said in numbers.notices(each.comparison)),
    ]
