"""Several parts of one run to one run directory: shards of a CI matrix, or runs of different tasks.

The parts must be of one plan and share no trial; what is refused is named. Trials are copied as they are, a batch at
a time, into a folder beside the target that becomes the target at the end: a merge that is killed leaves none.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.executors import Finished
from evalharness.journal import held, locked, storage
from evalharness.model import Record, RunHeader, Task, Trial
from evalharness.parts import OWN, WHOLE, Part, check, listed, missing, plan
from evalharness.run_list import kept
from evalharness.runs import new_run_id
from evalharness.store import RunStore

BATCH = 256


class Merged(Struct, frozen=True, kw_only=True):
    """What came of a merge; `missing` shards are planned, and all of their trials owed."""

    store: RunStore
    parts: int
    missing: tuple[str, ...]
    trials: int
    owed: int


def merge(places: Sequence[Path], out: Path, *, allow_missing: bool = False) -> Merged:
    """Put the parts of one run together; NotComparable where one is of another plan.

    Shards that are not among the parts are refused, or with `allow_missing` planned and owed.
    """
    parts = [Part.read(place) for place in places]
    check(parts)
    absent = missing(parts)
    if absent and not allow_missing:
        raise ConfigError(
            f"shards are missing ({listed(absent)}): add them, or merge without (--allow-missing), so that their "
            "trials are owed"
        )
    with _unfinished(out) as folder:
        _copied(parts, folder, _header(parts, absent))
    done = kept(store := RunStore(out))
    return Merged(store=store, parts=len(parts), missing=absent, trials=done.planned, owed=done.planned - done.measured)


def _header(parts: Sequence[Part], absent: tuple[str, ...]) -> RunHeader:
    headers = [part.store.header for part in parts]
    common = {name: value for name, value in headers[0].options.items() if name not in OWN | {WHOLE}}
    told = [
        {"run_id": each.run_id, "started_at": each.started_at, "options": _own(each), "origin": each.origin}
        for each in headers
    ]
    return msgspec.structs.replace(
        headers[0],
        run_id=new_run_id(),
        started_at=min(each.started_at for each in headers),
        options=common | {"merged": {"parts": msgspec.to_builtins(told), "missing": list(absent)}},
    )


def _own(header: RunHeader) -> dict[str, object]:
    return {name: value for name, value in header.options.items() if name in OWN}


@contextmanager
def _unfinished(out: Path) -> Iterator[Path]:
    """Give a folder that becomes the target when all went well, and is gone otherwise."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} is not empty: name another --out")
    folder = out.with_name(f".{out.name}.merging")
    with storage(out), _alone(out):
        shutil.rmtree(folder, ignore_errors=True)  # what a killed merge left
        folder.mkdir()
        try:
            yield folder
            folder.rename(out)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep another merge away from the same target."""
    out.parent.mkdir(parents=True, exist_ok=True)
    file = out.with_name(f".{out.name}.merging.lock")
    if held(file):
        raise ConfigError(f"{out} is being merged by another evalh: wait for it, or stop it")
    lock = locked(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(lock)


def _copied(parts: Sequence[Part], folder: Path, header: RunHeader) -> None:
    """Copy what every part holds, a batch at a time."""
    merged = RunStore.create(folder, header, *plan(parts))
    with merged.writer() as writer:
        for part in parts:
            records = part.store.records()
            while batch := list(islice(records, BATCH)):
                writer.append([_taken(part, record) for record in batch])
                writer.sync()


def _taken(part: Part, record: Record) -> Finished:
    """Take one attempt with its transcript and files as they are."""
    place = f"{part.store.path}: task '{record.task_id}' trial {record.trial}"
    if not part.numbers.get(record.task_id, 0) >> record.trial & 1:
        raise ConfigError(f"{place} is on record, but was never planned: the run is damaged")
    try:
        frame = part.store.frame(record)
    except OSError as exc:
        raise ConfigError(f"{place} has lost its transcript ({exc}): copy the whole run directory") from exc
    if record.transcript and frame is not None and len(frame) != record.transcript.length:
        raise ConfigError(f"{place} has lost the end of its transcript: copy the whole run directory")
    trial = Trial(task=Task(id=record.task_id, prompt=""), number=record.trial, seed=record.seed or 0)
    return Finished(trial=trial, record=record, frame=frame, artifacts=part.store.kept(record.key))
