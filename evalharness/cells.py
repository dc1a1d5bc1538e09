"""Texts in the cells of spreadsheets: what could be a formula has an apostrophe before it, and loses it when read."""

import re

FORMULA = re.compile(r"[\s\x00-\x1f'\ufeff]*[=+\-@\uff0b\uff0d\uff1d\uff20]|'*[\t\r\n]")


def inert(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def as_written(cell: str) -> str:
    """Return the text that `inert` was given; other texts stay as they are."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell, 1) else cell
