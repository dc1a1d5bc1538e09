"""Options that several commands have, written once."""

from math import inf
from pathlib import Path
from typing import Any

import click


class Above0(click.FloatRange):
    """A number above 0; of dollars it may be written with their sign."""

    def __init__(self, sign: str = "") -> None:
        super().__init__(0, min_open=True)
        self._sign = sign

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Take `0.3`, and `$0.3` where it is dollars."""
        try:
            number = float(str(value).strip().removeprefix(self._sign))
        except ValueError:
            self.fail(f"'{value}' is no number", param, ctx)
        if not 0 < number < inf:
            self.fail(f"{value} is not in the range above 0", param, ctx)
        return number


BUDGET_USD = click.option("--budget-usd", type=Above0("$"), metavar="USD", help="Stop before spending more.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
REPORTS = click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write a report, by its ending (.md, .json, .html, ...); may be repeated.",
)


def unheld(who: str) -> str:
    """Say that a budget of dollars could not be held."""
    return f"--budget-usd: {who} did not say what any trial cost, so that was not counted"
