"""Faults of data that any format may have: trials told of twice, and trials missing."""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import structs

from evalharness.importers.endings import short
from evalharness.model import Outcome, Record, RunHeader


def unique(records: Iterable[Record]) -> tuple[list[Record], list[str]]:
    """Keep one record of each trial; where two contradict each other nothing was measured. Say what was found."""
    records = list(records)
    if len({(record.task_id, record.trial) for record in records}) == len(records):
        return records, []
    kept: dict[tuple[str, int], Record] = {}
    repeated, contradictory = 0, set()
    for record in records:
        key = (record.task_id, record.trial)
        first = kept.setdefault(key, record)
        if first is record:
            continue
        repeated += 1
        if first.outcome is not record.outcome:
            contradictory.add(key)
    for key in contradictory:
        kept[key] = structs.replace(kept[key], outcome=Outcome.ERROR, score=None, grades=(), cause="contradictory")
    faults = []
    if repeated:
        faults.append(f"{repeated} rows tell of a trial that is on record already: the first counts")
    if contradictory:
        faults.append(f"{len(contradictory)} trials are told of with different outcomes: they count as unmeasured")
    return list(kept.values()), faults


def missing(header: RunHeader, records: Sequence[Record]) -> list[str]:
    """Say which tasks have no trials, or fewer than others."""
    counts = Counter(record.task_id for record in records)
    without = [task_id for task_id in header.tasks if not counts[task_id]]
    faults = (
        [f"{len(without)} of {len(header.tasks)} tasks have no trial (first: {short(without[0])})"] if without else []
    )
    most = max(counts.values(), default=0)
    fewer = [task_id for task_id, count in counts.items() if count < most]
    if fewer:
        first = fewer[0]
        faults.append(
            f"{len(fewer)} of {len(counts)} tasks have fewer trials than others (first: {short(first)} has "
            f"{counts[first]} of {most})"
        )
    return faults
