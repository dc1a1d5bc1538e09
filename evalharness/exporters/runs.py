"""What exporters of runs are given: a header, and the trials one by one."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from evalharness.model import Record, RunHeader, Transcript


class Told(Struct, frozen=True, kw_only=True):
    """One trial of a run: the attempt that stands, and what was said in it where that was kept."""

    record: Record
    transcript: Transcript | None = None


class ToldRun(Struct, frozen=True, kw_only=True):
    """A run to export; `trials` reads them from the beginning each time, and never holds all of them."""

    header: RunHeader
    trials: Callable[[], Iterator[Told]]
