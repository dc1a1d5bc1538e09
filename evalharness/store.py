"""A run on disk: the only module that knows the file names and formats of a run directory.

run.json        the header, written once       plan.jsonl      what is to be run, a line per extension
trials.jsonl    a Record a line, append-only   transcripts/    compressed transcripts
artifacts/      files that the suite keeps     lock            held by the one writer
"""

import errno
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import zstandard

from evalharness.errors import ConfigError
from evalharness.executors import Finished
from evalharness.journal import (
    Appender,
    Line,
    Segments,
    held,
    locked,
    only_begun,
    read_lines,
    segment_path,
    storage,
    whole_lines,
    write_whole,
)
from evalharness.model import RUN_SCHEMA, Planned, Record, RunHeader, Transcript, TrialKey
from evalharness.redact import Redactor, without_secrets

HEADER = "run.json"
PLAN = "plan.jsonl"
TRIALS = "trials.jsonl"
TRANSCRIPTS = "transcripts"
ARTIFACTS = "artifacts"
LOCK = "lock"
SYNC_SECONDS = 1.0


class _Schema(msgspec.Struct):
    schema: int


def is_run(path: Path) -> bool:
    """Say whether a path is a run directory."""
    return (path / HEADER).is_file()


def in_use(path: Path) -> bool:
    """Say whether a process is writing a run directory."""
    return held(path / LOCK)


class RunStore:
    """A run directory that exists; reading it needs no lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header = self._read_header()

    @classmethod
    def create(cls, path: Path, header: RunHeader, *planned: Planned) -> Self:
        """Make a run directory; one that holds anything already is refused."""
        if path.exists() and not path.is_dir():
            raise ConfigError(f"{path} is a file: name a folder for the run with --out")
        with storage(path):
            path.mkdir(parents=True, exist_ok=True)
            if not only_begun(path, HEADER, PLAN):
                raise ConfigError(f"{path} is not empty: name another --out, or resume it with `evalh run {path}`")
        content = msgspec.json.encode(without_secrets(msgspec.to_builtins(header), os.environ))
        write_whole(path / PLAN, b"".join(msgspec.json.encode(line) + b"\n" for line in planned))
        write_whole(path / HEADER, msgspec.json.format(Redactor.from_environment().clean_json(content), indent=1))
        return cls(path)

    def _read_header(self) -> RunHeader:
        file = self.path / HEADER
        if not file.is_file():
            what = "is no run directory (it has no run.json)" if self.path.exists() else "does not exist"
            raise ConfigError(f"{self.path} {what}: name a folder that `evalh run` made")
        content = file.read_bytes()
        try:
            schema = msgspec.json.decode(content, type=_Schema).schema
            if schema > RUN_SCHEMA:
                raise ConfigError(
                    f"{file}: written by a newer evalh (schema {schema}, this one reads up to {RUN_SCHEMA}): "
                    "upgrade evalharness"
                )
            return msgspec.json.decode(content, type=RunHeader)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{file} is damaged ({exc}): start the run again in another folder") from exc

    def planned(self) -> list[Planned]:
        """Return everything that was planned so far."""
        return list(read_lines(self.path / PLAN, Planned))

    def records(self) -> Iterator[Record]:
        """Yield every attempt in the order it was written."""
        return self.lines(Record)

    def lines(self, kind: type[Line]) -> Iterator[Line]:
        """Yield the lines of trials.jsonl as another kind of Struct, for readers that need few fields."""
        file = self.path / TRIALS
        return read_lines(file, kind) if file.exists() else iter(())

    def transcript(self, record: Record) -> Transcript | None:
        """Read what the agent did; None where nothing was kept."""
        frame = self.frame(record)
        if frame is None:
            return None
        try:
            return msgspec.json.decode(zstandard.ZstdDecompressor().decompress(frame), type=Transcript)
        except (zstandard.ZstdError, msgspec.DecodeError) as exc:
            raise ConfigError(
                f"{self.path}: the transcript of {record.task_id} trial {record.trial} is damaged: {exc}"
            ) from exc

    def frame(self, record: Record) -> bytes | None:
        """Read the compressed transcript of a record."""
        if record.transcript is None:
            return None
        with segment_path(self.path / TRANSCRIPTS, record.transcript.segment).open("rb") as file:
            file.seek(record.transcript.offset)
            return file.read(record.transcript.length)

    def artifacts(self, key: TrialKey) -> Path:
        """Name the folder of a trial's artifacts; task ids may hold anything, so it is named by digest."""
        return self.path / ARTIFACTS / f"{sha256(key.task_id.encode()).hexdigest()[:16]}-{key.trial}"

    def kept(self, key: TrialKey) -> dict[str, bytes]:
        """Read the artifacts of a trial, by their path in its workspace."""
        folder = self.artifacts(key)
        files = sorted(folder.rglob("*")) if folder.is_dir() else []
        own = (file for file in files if file.is_file() and not file.is_symlink())
        return {str(file.relative_to(folder)): file.read_bytes() for file in own}

    def discard_if_empty(self) -> None:
        """Remove the directory of a run that never recorded anything."""
        trials = self.path / TRIALS
        if not trials.exists() or not trials.stat().st_size:
            shutil.rmtree(self.path)

    def discard(self) -> None:
        """Remove the run with everything in it; refused while a process writes it."""
        lock, gone = locked(self.path / LOCK), self.path.with_name(f".{self.path.name}.gone")
        try:
            with storage(self.path):
                self.path.rename(gone)  # at once: whoever looks finds the whole run or none
                shutil.rmtree(gone)
        finally:
            os.close(lock)

    def writer(self) -> "RunWriter":
        """Open the run for writing; only one process can."""
        return RunWriter(self)


class RunWriter:
    """The one writer of a run: records reach the operating system at once, the disk every second."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._redactor, self._encoder = Redactor.from_environment(), msgspec.json.Encoder()
        self._lock = locked(store.path / LOCK)
        trials = store.path / TRIALS
        try:
            self._trials = Appender(trials, size=whole_lines(trials) if trials.exists() else 0)
            self._segments = Segments(store.path / TRANSCRIPTS)
        except BaseException:
            os.close(self._lock)
            raise
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, finished: Sequence[Finished]) -> list[Record]:
        """Keep what came of trials: artifacts, then transcripts, then the records that point to them."""
        for each in finished:
            self._keep(each)
        frames = [each.frame for each in finished if each.record and each.frame is not None]
        refs = iter(self._segments.append(frames) if frames else ())
        records = [
            msgspec.structs.replace(each.record, transcript=next(refs)) if each.frame is not None else each.record
            for each in finished
            if each.record
        ]
        self._trials.append(b"".join(map(self._line, records)))
        return records

    def _line(self, record: Record) -> bytes:
        return self._redactor.clean_json(self._encoder.encode(record)) + b"\n"

    def _keep(self, finished: Finished) -> None:
        if not finished.artifacts:
            return
        folder = self._store.artifacts(finished.trial.key)
        if folder.exists():  # what an earlier attempt left
            shutil.rmtree(folder)
        for name, content in finished.artifacts.items():
            target = folder / name
            if not target.resolve().is_relative_to(folder.resolve()):
                continue  # a workspace that the agent controls may name files as it likes
            with storage(target), _named_by_an_agent():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)

    def extend(self, planned: Planned) -> None:
        """Plan more trials."""
        plan = self._store.path / PLAN
        appender = Appender(plan, size=whole_lines(plan))
        appender.append(self._encoder.encode(planned) + b"\n")
        appender.close()

    def sync(self) -> None:
        """Bring everything to the disk when a second has passed since the last time."""
        if time.monotonic() - self._synced >= SYNC_SECONDS:
            self._segments.sync()
            self._trials.sync()
            self._synced = time.monotonic()

    def close(self) -> None:
        """Bring everything to the disk and let the next writer in."""
        with ExitStack() as stack:
            stack.callback(os.close, self._lock)
            stack.callback(self._trials.close)
            stack.callback(self._segments.close)


@contextmanager
def _named_by_an_agent() -> Iterator[None]:
    """Leave out a file whose name this disk does not take: that is no fault of the disk."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.EEXIST):
            raise
