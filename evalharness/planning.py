"""What is to be run: the plan of a run, the seed of each trial, and what is still owed."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from evalharness.model import Outcome, Planned, Record, Task, Trial, TrialKey

SEED_BITS = 63


def trial_seed(run_seed: int, arm: str, key: TrialKey) -> int:
    """Return the seed of a trial: the first 63 bits of a digest, so that no two trials share a stream."""
    digest = hashlib.sha256(f"{run_seed}\0{arm}\0{key.task_id}\0{key.trial}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - SEED_BITS)


def planned_keys(planned: Iterable[Planned]) -> Iterator[TrialKey]:
    """Yield what was planned, breadth-first over the tasks: every first trial before any second."""
    lines = list(planned)
    seen: set[TrialKey] = set()
    for number in range(1, max((line.last for line in lines), default=0) + 1):
        for line in lines:
            if not line.first <= number <= line.last:
                continue
            for task_id in line.task_ids:
                key = TrialKey(task_id=task_id, trial=number)
                if key not in seen:
                    seen.add(key)
                    yield key


def measured(records: Iterable[Record]) -> set[TrialKey]:
    """Return the trials that have been measured; an error measured nothing."""
    return {record.key for record in records if record.outcome is not Outcome.ERROR}


def attempts(records: Iterable[Record]) -> dict[TrialKey, int]:
    """Return how many attempts each trial has had."""
    spent: dict[TrialKey, int] = {}
    for record in records:
        spent[record.key] = max(spent.get(record.key, 0), record.attempt)
    return spent


def owed(
    planned: Iterable[Planned], records: Sequence[Record], tasks: dict[str, Task], *, run_seed: int, arm: str
) -> list[Trial]:
    """Return the trials that are planned and not measured; a redo keeps the seed of its trial."""
    done, spent = measured(records), attempts(records)
    return [
        Trial(
            task=tasks[key.task_id],
            number=key.trial,
            seed=trial_seed(run_seed, arm, key),
            attempt=spent.get(key, 0) + 1,
        )
        for key in planned_keys(planned)
        if key not in done
    ]
