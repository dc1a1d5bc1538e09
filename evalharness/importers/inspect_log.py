"""The pieces of inspect_ai's logs that a run is made of; everything else in them is skipped while decoding."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from msgspec import Struct, field

from evalharness.importers.look import look
from evalharness.importers.source import decode, document, fault
from evalharness.importers.zips import Archive, archive

SUMMARIES = "summaries.json"
JOURNAL = "_journal/summaries/"
LARGEST_SAMPLE = 1 << 26

T = TypeVar("T")


class Score(Struct):
    """What one scorer says of one sample."""

    value: Any = None
    explanation: str | None = None


class ModelUsage(Struct):
    """What one model used."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_cache_read: int | None = None
    total_cost: float | None = None


class Summary(Struct):
    """One epoch of one sample; a whole sample has the same names."""

    id: int | str
    epoch: int = 1
    scores: dict[str, Score | None] | None = None
    score: Score | None = None  # the only one, in old logs
    error: Any = None
    limit: Any = None
    retries: int | None = None
    completed: bool | None = None
    total_time: float | None = None
    working_time: float | None = None
    started_at: str | None = None
    model_usage: dict[str, ModelUsage] | None = None


class Choice(Struct):
    """One answer of the model."""

    message: Any = None


class Output(Struct):
    """What the model answered last."""

    completion: str | None = None
    choices: list[Choice] = []


class Talk(Struct):
    """What was said in one epoch of one sample."""

    id: int | str
    epoch: int = 1
    messages: list[Any] = []
    output: Output | None = None
    attachments: dict[str, str] = {}


class Dataset(Struct):
    """Which samples were to be run."""

    name: str | None = None
    sample_ids: list[int | str] | None = None


class Config(Struct):
    """How they were to be run."""

    epochs: int | None = None


class Spec(Struct):
    """What was evaluated."""

    task: str
    model: str = ""
    created: str = ""
    task_version: int | str | None = None
    run_id: str | None = None
    dataset: Dataset = field(default_factory=Dataset)
    config: Config = field(default_factory=Config)
    packages: dict[str, str] = {}


class Metric(Struct):
    """One number of the tool's own summary."""

    value: Any = None


class Headline(Struct):
    """The tool's own summary of one scorer."""

    name: str = ""
    scorer: str = ""
    reducer: str | None = None
    metrics: dict[str, Metric] = {}


class ReducedSample(Struct):
    """A sample's epochs as one value."""

    value: Any = None
    sample_id: int | str | None = None


class Reduction(Struct):
    """All samples' epochs as one value each."""

    scorer: str = ""
    reducer: str | None = None
    samples: list[ReducedSample] = []


class Results(Struct):
    """The tool's own summary."""

    total_samples: int | None = None
    completed_samples: int | None = None
    scores: list[Headline] = []
    sample_reductions: list[Reduction] | None = None  # where old logs had them


class Log(Struct):
    """A log without its samples."""

    eval: Spec
    status: str = "started"
    results: Results | None = None
    reductions: list[Reduction] | None = None
    error: Any = None
    invalidated: bool | None = None


class Samples(Struct):
    """The samples of a JSON log."""

    samples: list[Summary] | None = None


class Talks(Struct):
    """The samples of a JSON log with what was said."""

    samples: list[Talk] | None = None


class Source(Protocol):
    """A log of either kind, open."""

    log: Log

    def summaries(self) -> list[Summary]:
        """Return all epochs of all samples."""
        ...

    def talks(self) -> Iterator[Talk]:
        """Yield what was said, in the order of the summaries."""
        ...


@contextmanager
def opened_log(path: Path) -> Iterator[Source]:
    """Open a log of either kind."""
    if look(path).form == "zip":
        with archive(path) as members:
            yield _ZipLog(members)
    else:
        yield _JsonLog(path)


class _JsonLog:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.log = document(path, Log)

    def summaries(self) -> list[Summary]:
        return document(self._path, Samples).samples or []

    def talks(self) -> Iterator[Talk]:
        yield from document(self._path, Talks).samples or []


class _ZipLog:
    def __init__(self, members: Archive) -> None:
        self._members = members
        name = next((each for each in ("header.json", "_journal/start.json") if each in members.names), None)
        if name is None:
            raise fault(members.path, "is no inspect log: it has no header.json")
        self.log = decode(members.read(name), Log, f"{members.path}: {name}")
        if "reductions.json" in members.names:
            self.log.reductions = self._decoded("reductions.json", list[Reduction])

    def summaries(self) -> list[Summary]:
        """Read the summaries, or the journal of a log that is still being written, or else the samples."""
        if SUMMARIES in self._members.names:
            return self._decoded(SUMMARIES, list[Summary])
        parts = [each for each in self._members.names if each.startswith(JOURNAL)]
        if parts:
            return [each for part in parts for each in self._decoded(part, list[Summary])]
        return [self._decoded(each, Summary) for each in self._members.names if each.startswith("samples/")]

    def talks(self) -> Iterator[Talk]:
        for each in self.summaries():
            name = f"samples/{each.id}_epoch_{each.epoch}.json"
            if name in self._members.names and self._members.size(name) <= LARGEST_SAMPLE:
                yield self._decoded(name, Talk)

    def _decoded(self, name: str, kind: type[T]) -> T:
        return decode(self._members.read(name), kind, f"{self._members.path}: {name}")
