"""Options that several commands have, written once."""

from pathlib import Path
from typing import Any

import click


class Dollars(click.FloatRange):
    """An amount of dollars above 0, which may be written with its sign."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take `0.3` and `$0.3`."""
        amount: Any = value.strip().removeprefix("$") if isinstance(value, str) else value
        return super().convert(amount, param, ctx)


BUDGET_USD = click.option("--budget-usd", type=Dollars(), metavar="USD", help="Stop before spending more.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
REPORTS = click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write a report, by its ending (.md, .json, .html, ...); may be repeated.",
)
