"""Which runs of a folder may go: never one that a line, a gate or a setting refers to, or that is being written."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from evalharness.gating.store import GateStore, is_gate
from evalharness.ledger import line_names, open_line
from evalharness.run_list import Kept

PREFIX = "EVALH_"


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants to be rid of: runs older than this, all but the newest of each suite and agent, or both.

    `incomplete` and `confirm` narrow it to runs that are owed trials, and to fresh trials of suspects.
    """

    older_than: timedelta | None = None
    keep: int | None = None
    incomplete: bool = False
    confirm: bool = False


class Fate(Struct, frozen=True, kw_only=True):
    """What becomes of a run: it stays where there is a reason."""

    run: Kept
    stays: str = ""


def fates(runs: Sequence[Kept], wish: Wish, *, holders: Mapping[str, str], now: datetime) -> list[Fate]:
    """Say of every run whether it may go; `holders` say who refers to a run, by its id or its resolved path."""
    newest = _newest(runs, wish.keep or 0)

    def stays(run: Kept) -> str:
        holder = holders.get(run.run_id) or holders.get(str(Path(run.path).resolve()))
        if run.in_use:
            return "it is being written"
        if holder:
            return f"{holder} refers to it"
        if wish.incomplete and run.complete:
            return "it is complete"
        if wish.confirm and run.role != "confirm":
            return "it holds no fresh trials of suspects"
        if wish.older_than is not None and not _older(run, wish.older_than, now):
            return "it is not old enough"
        return "it is among the newest" if run.path in newest else ""

    return [Fate(run=run, stays=stays(run)) for run in runs]


def holders(folder: Path, settings: Mapping[str, Any]) -> dict[str, str]:
    """Find who refers to runs: the lines and gates around their folder and here, and settings that name a run.

    A line or a gate that cannot be read stops it: what it refers to is not known.
    """
    around = list(dict.fromkeys([Path.cwd(), folder.resolve().parent]))
    found: dict[str, str] = {}
    for place in around:
        for name in line_names(place):
            for link in open_line(name, place).read().links:
                entry = link.entry
                ids = [*(run.run_id for run in entry.runs), *(each.baseline_run for each in entry.evidence)]
                found |= dict.fromkeys(ids, f"line {name}")
        for gate in _gates(place):
            found |= dict.fromkeys(
                _resolved(_runs_of(gate), [*around, gate.path.resolve().parent.parent]), f"gate {gate.path}"
            )
    named = [*_texts(settings), *(value for name, value in os.environ.items() if name.startswith(PREFIX))]
    return found | dict.fromkeys(_resolved(named, around), "a setting")


def _newest(runs: Sequence[Kept], keep: int) -> set[str]:
    groups: dict[tuple[str, str, str], list[Kept]] = {}
    for run in sorted(runs, key=lambda run: (run.started_at, run.run_id), reverse=True):
        groups.setdefault((run.suite, run.agent, run.role), []).append(run)
    return {run.path for group in groups.values() for run in group[:keep]}


def _older(run: Kept, age: timedelta, now: datetime) -> bool:
    """Say whether a run began longer ago than this; of an unknown time nothing is known."""
    try:
        began = datetime.fromisoformat(run.started_at)
    except ValueError:
        return False
    return now - (began if began.tzinfo else began.replace(tzinfo=UTC)) > age


def _gates(place: Path) -> Iterator[GateStore]:
    """Open the gates of a folder: in it, in its `gates`, and in theirs."""
    for folder in (place, *(each for each in sorted(place.iterdir()) if each.is_dir())):
        for path in (folder, *sorted(folder.iterdir())) if os.access(folder, os.R_OK) else ():
            if is_gate(path):
                yield GateStore(path)


def _runs_of(gate: GateStore) -> list[str]:
    sides = (gate.header.baseline, gate.header.candidate)
    return [name for side in sides for name in (side.run, side.confirm, side.stored) if name]


def _resolved(names: Iterable[str], around: Sequence[Path]) -> Iterator[str]:
    """Give every place that a name can mean, seen from any of these folders."""
    for name in names:
        for place in around if name and "\0" not in name else ():
            yield str((place / name).resolve())


def _texts(settings: Mapping[str, Any] | Sequence[Any]) -> Iterator[str]:
    """Give every text in settings, however deep."""
    for value in settings.values() if isinstance(settings, Mapping) else settings:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping | list):
            yield from _texts(value)
