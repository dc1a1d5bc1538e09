"""Foreign runs: find the format by looking inside, pick the run, and read or keep it like one of ours."""

import gc
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import zstandard
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.executors import Finished
from evalharness.importers import Importer, Scored, Transcribing
from evalharness.importers.faults import missing, unique
from evalharness.importers.look import look
from evalharness.importers.source import fault, reading
from evalharness.model import Extension, Planned, Record, RunHeader, Task, Transcript, Trial, TrialKey
from evalharness.registry import BUILT_IN, build, suggestion
from evalharness.store import RunStore

BATCH = 4096
BATCH_BYTES = 1 << 24
LISTED = 12
LONGEST_TEXT = 100_000
MOST_MESSAGES = 500
ALSO = {"csv": "table", "jsonl": "table", "parquet": "table", "minisweagent": "predictions"}
NO_TASK = Trial(task=Task(id="", prompt=""), number=1, seed=0)


class Source(Struct, frozen=True):
    """Where a foreign run stands: a file or folder, its importer, and the run's name in it."""

    path: Path
    kind: str
    importer: Importer
    run: str


class Foreign(Struct, frozen=True):
    """A foreign run as read: its header, with the faults of its data in `options`, and a record per trial."""

    header: RunHeader
    records: list[Record]

    @property
    def planned(self) -> dict[str, int]:
        """Return how many trials of each task there should be."""
        return dict.fromkeys(self.header.tasks, self.header.trials)


def split(place: str) -> tuple[Path, str | None]:
    """Take FILE::NAME apart; a file that is really called so stays whole."""
    path, separator, name = place.partition("::")
    if not separator or Path(place).exists():
        return Path(place), None
    return Path(path), name


def source(place: str, *, kind: str | None = None, run: str | None = None, pass_at: float | None = None) -> Source:
    """Find the importer of a file or folder by looking inside, and the run that is meant."""
    path, named = split(place)
    if not path.exists():
        raise ConfigError(f"{path} does not exist: name a run directory, or a log of another tool")
    options = {} if pass_at is None else {"pass_at": pass_at}
    chosen = full_name(kind) if kind else kind_of(path)
    importer = build("importer", Extension(use=chosen, options=options))
    with reading(path), _uncollected():
        if kind and not importer.sniff(path):
            raise fault(path, look(path).fault or f"does not look like {kind}: use `auto`, or name the right format")
        names = importer.runs(path)
        others = importer.scorers(path) if isinstance(importer, Scored) else []
        return Source(path, chosen, importer, _picked(path, names, run or named, others))


def full_name(kind: str) -> str:
    """Return the name of a format that may be shortened (`inspect`, `tau2`), or written with hyphens or without."""
    known = list(BUILT_IN["importer"])
    plain = kind.casefold().replace("-", "_")
    if ":" in kind or plain in known:
        return kind if ":" in kind else plain
    squeezed = plain.replace("_", "")
    near = [name for name in known if squeezed and name.replace("_", "").startswith(squeezed)]
    if len(near) == 1 or squeezed in ALSO:
        return ALSO.get(squeezed) or near[0]
    raise ConfigError(f"unknown format '{kind}'{suggestion(kind, known)}: use one of auto, {', '.join(known)}")


def kind_of(path: Path) -> str:
    """Name the format of a file or folder; one that nobody knows is refused with what is wrong with it."""
    with reading(path):
        for kind in BUILT_IN["importer"]:
            if build("importer", Extension(use=kind)).sniff(path):
                return kind
        seen = look(path)
    if seen.form == "folder":
        raise ConfigError(f"{path} is no run directory (it has no run.json), nor a folder of logs that evalh can read")
    said = seen.fault or f"{path} is of no format that evalh can read (it holds {seen.form})"
    raise ConfigError(said)


def _picked(path: Path, names: list[str], run: str | None, others: list[str]) -> str:
    if run is not None and run in (*names, *others):
        return run
    if run is not None:
        names = [*names, *others]
    listed = ", ".join(names[:LISTED]) + (f", and {len(names) - LISTED} more" if len(names) > LISTED else "")
    if run is not None:
        raise fault(path, f"holds no run '{run}'{suggestion(run, names)}: it has {listed or 'none'}")
    if not names:
        raise fault(path, "holds no run")
    if len(names) > 1:
        raise fault(path, f"holds {len(names)} runs: name one as {path}::NAME, of {listed}")
    return names[0]


def load(found: Source) -> Foreign:
    """Read a foreign run whole, and look for faults in its data."""
    with reading(found.path), _uncollected():
        header, told = found.importer.read(found.path, found.run)
        records, repeated = unique(told)
    if not header.tasks and not records:
        raise fault(found.path, "holds no task")
    faults = [*header.options.get("faults", []), *repeated, *missing(header, records)]
    return Foreign(msgspec.structs.replace(header, options=header.options | {"faults": faults}), records)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector away: a million records are no cycles, and looking at them takes half of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def keep(found: Source, out: Path) -> RunStore:
    """Write a foreign run as a run directory; whatever goes wrong, `out` is there whole or not at all."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} holds something already: name another --out")
    foreign = load(found)
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with _uncollected():
            _write(found, foreign, partial)
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.rename(out)
    finally:
        if partial.exists():
            shutil.rmtree(partial)
    return RunStore(out)


def _write(found: Source, foreign: Foreign, folder: Path) -> None:
    header = foreign.header
    planned = Planned(task_ids=tuple(header.tasks), first=1, last=header.trials, reason="imported")
    store = RunStore.create(folder, header, planned)
    with store.writer() as writer:
        for batch in _batches(_finished(found, foreign)):
            writer.append(batch)


def _finished(found: Source, foreign: Foreign) -> Iterator[Finished]:
    compressor = zstandard.ZstdCompressor()
    for record, said in told(found, foreign.records):
        frame = None if said is None else compressor.compress(msgspec.json.encode(said))
        # A copy: what the compressor returns still occupies as much memory as the worst case would have needed.
        yield Finished(trial=NO_TASK, record=record, frame=frame and memoryview(frame).tobytes())


def _batches(finished: Iterator[Finished]) -> Iterator[list[Finished]]:
    """Put together as many as one write takes, in number and in bytes."""
    batch: list[Finished] = []
    size = 0
    for each in finished:
        batch.append(each)
        size += len(each.frame or b"")
        if len(batch) == BATCH or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _transcripts(found: Source) -> Iterator[tuple[TrialKey, Transcript]]:
    if isinstance(found.importer, Transcribing):
        with reading(found.path):
            yield from found.importer.transcripts(found.path, found.run)


def told(found: Source, records: Iterable[Record]) -> Iterator[tuple[Record, Transcript | None]]:
    """Walk through the records of a run and its transcripts side by side; both stand in one order."""
    transcripts = _transcripts(found)
    done: set[TrialKey] = set()
    pending = next(transcripts, None)
    for record in records:
        while pending is not None and pending[0] in done:  # of a trial that is told of twice
            pending = next(transcripts, None)
        said = pending[1] if pending is not None and pending[0] == record.key else None
        if said is not None:
            done.add(record.key)
        yield record, None if said is None else _bounded(said)


def _bounded(transcript: Transcript) -> Transcript:
    """Cut what is too long to keep."""
    messages = tuple(
        msgspec.structs.replace(each, content=each.content[:LONGEST_TEXT]) if len(each.content) > LONGEST_TEXT else each
        for each in transcript.messages[:MOST_MESSAGES]
    )
    return msgspec.structs.replace(transcript, final=transcript.final[:LONGEST_TEXT], messages=messages)
