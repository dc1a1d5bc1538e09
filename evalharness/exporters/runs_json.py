"""A run as one JSON document: its header, and each trial with what was said; `evalh schema export` describes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from msgspec import Struct

from evalharness.exporters import Taken
from evalharness.exporters.runs import Told, ToldRun
from evalharness.model import RunHeader
from evalharness.text import as_json

RUN_DOCUMENT = 1


class RunDocument(Struct, frozen=True, kw_only=True):
    """A whole run; `run_document` is the version of this format."""

    run_document: int
    header: RunHeader
    trials: tuple[Told, ...]


@dataclass(frozen=True)
class JsonExporter:
    """One document, a line per trial."""

    takes: ClassVar[Taken] = "run"

    def write(self, source: ToldRun, path: Path) -> None:
        """Write the document trial by trial."""
        with path.open("wb") as file:
            file.write(b'{"run_document":%d,"header":%s,"trials":[' % (RUN_DOCUMENT, as_json(source.header)))
            separator = b"\n"
            for each in source.trials():
                file.write(separator + as_json(each))
                separator = b",\n"
            file.write(b"\n]}\n")
