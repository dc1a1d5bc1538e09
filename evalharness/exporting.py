"""Runs out: a run directory or another tool's log, read trial by trial and written in another format."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from evalharness.errors import ConfigError, StorageFault
from evalharness.exporters.runs import Told, ToldRun
from evalharness.foreign import load, source, told
from evalharness.model import Extension, Outcome, Record, Transcript
from evalharness.redact import Redactor
from evalharness.registry import build
from evalharness.store import PLAN, RunStore, is_run
from evalharness.text import as_json

Noun = TypeVar("Noun", bound=msgspec.Struct)


class _Attempt(msgspec.Struct, frozen=True, gc=False):
    task_id: str
    trial: int
    outcome: Outcome


def export_run(kind: str, place: str, out: Path, *, transcripts: bool = True) -> None:
    """Write a run as `kind`; whatever goes wrong, `out` is there whole or not at all."""
    exporter = build("exporter", Extension(use=kind))
    if exporter.takes != "run":
        raise ConfigError(f"'{kind}' is no format for runs: name a suite or a pack")
    run = told_run(place, transcripts=transcripts)
    with new_place(out) as path:
        exporter.write(run, path)


@contextmanager
def new_place(out: Path) -> Iterator[Path]:
    """Give a path beside `out` to write to, and move it there when it is complete; what exists is refused."""
    if out.exists():
        raise ConfigError(f"{out} is there already: name another --out")
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.rename(out)
    except OSError as exc:
        raise StorageFault(f"{out} cannot be written: {exc.strerror or exc}") from exc
    finally:
        with suppress(OSError):
            if partial.is_dir():
                shutil.rmtree(partial)
            partial.unlink(missing_ok=True)


def told_run(place: str, *, transcripts: bool = True) -> ToldRun:
    """Open a run directory, or another tool's log, for reading trial by trial."""
    redactor = Redactor.from_environment()
    if is_run(Path(place)) or Path(place, PLAN).exists():
        store = RunStore(Path(place))
        return ToldRun(
            header=_cleaned(store.header, redactor),
            trials=lambda: _of_store(store, redactor, transcripts=transcripts),
        )
    found = source(place)
    foreign = load(found)

    def trials() -> Iterator[Told]:
        for record, said in told(found, foreign.records):
            yield _cleaned(Told(record=record, transcript=said if transcripts else None), redactor)

    return ToldRun(header=_cleaned(foreign.header, redactor), trials=trials)


def _of_store(store: RunStore, redactor: Redactor, *, transcripts: bool) -> Iterator[Told]:
    for record in standing(store):
        said = _transcript(store, record) if transcripts else None
        yield _cleaned(Told(record=msgspec.structs.replace(record, transcript=None), transcript=said), redactor)


def _transcript(store: RunStore, record: Record) -> Transcript | None:
    try:
        return store.transcript(record)
    except OSError as exc:
        raise ConfigError(
            f"{store.path}: transcripts cannot be read ({exc.strerror or exc}): leave them out with --no-transcripts"
        ) from exc


def standing(store: RunStore) -> Iterator[Record]:
    """Yield one record per trial: its last measured attempt, or else its last error."""
    lines = _repeated(store)
    for index, record in enumerate(store.records()):
        if lines.get((record.task_id, record.trial), index) == index:
            yield record


def _repeated(store: RunStore) -> Mapping[tuple[str, int], int]:
    """Return the line that stands of each trial that has several; a digest tells which these may be."""
    seen: set[int] = set()
    several: set[int] = set()
    for each in store.lines(_Attempt):
        digest = hash((each.task_id, each.trial))
        (several if digest in seen else seen).add(digest)
    stands: dict[tuple[str, int], int] = {}
    measured: set[tuple[str, int]] = set()
    for index, each in enumerate(store.lines(_Attempt)) if several else ():
        key = (each.task_id, each.trial)
        if hash(key) not in several or (each.outcome is Outcome.ERROR and key in measured):
            continue
        stands[key] = index
        if each.outcome is not Outcome.ERROR:
            measured.add(key)
    return stands


def _cleaned(noun: Noun, redactor: Redactor) -> Noun:
    """Take secrets out of one of our nouns."""
    if not redactor.spellings:
        return noun
    content = as_json(noun)
    cleaned = redactor.clean_json(content)
    return noun if cleaned is content else msgspec.json.decode(cleaned, type=type(noun))
