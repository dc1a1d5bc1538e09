"""What exporters of runs are given: a header, and the trials one by one."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from evalharness.model import Record, RunHeader, Transcript
from evalharness.text import as_json

_LINE_ENDS = {each.encode(): f"\\u{ord(each):04x}".encode() for each in "\x85\u2028\u2029"}


class Told(Struct, frozen=True, kw_only=True):
    """One trial of a run: the attempt that stands, and what was said in it where that was kept."""

    record: Record
    transcript: Transcript | None = None


class ToldRun(Struct, frozen=True, kw_only=True):
    """A run to export; `trials` reads them from the beginning each time, and never holds all of them."""

    header: RunHeader
    trials: Callable[[], Iterator[Told]]


def one_line(value: Any) -> bytes:
    """Write a value as JSON that is one line also for readers that take any Unicode line end for one."""
    line = as_json(value)
    if line.isascii():
        return line
    for end, escaped in _LINE_ENDS.items():
        line = line.replace(end, escaped)
    return line
