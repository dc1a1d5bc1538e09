"""What is to be run: the plan of a run, the seed of each trial, and what is still owed."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain

from msgspec import Struct

from evalharness.model import Outcome, Planned, Record, Task, Trial, TrialKey

SEED_BITS = 63

Key = tuple[str, int]  # a task's id and a trial's number, where millions of them are counted


def trial_seed(run_seed: int, arm: str, key: TrialKey) -> int:
    """Return the seed of a trial: the first 63 bits of a digest, so that no two trials share a stream."""
    digest = hashlib.sha256(f"{run_seed}\0{arm}\0{key.task_id}\0{key.trial}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - SEED_BITS)


def run_seed(seed: int, name: str) -> int:
    """Return the seed of one of several runs that share a seed, so that none of them shares a stream."""
    digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - SEED_BITS)


def planned_keys(planned: Iterable[Planned]) -> Iterator[TrialKey]:
    """Yield what was planned, breadth-first over the tasks: every first trial before any second."""
    lines = list(planned)
    for number in range(1, max((line.last for line in lines), default=0) + 1):
        task_ids = (line.task_ids for line in lines if line.first <= number <= line.last)
        for task_id in dict.fromkeys(chain.from_iterable(task_ids)):
            yield TrialKey(task_id=task_id, trial=number)


def planned_trials(planned: Iterable[Planned]) -> dict[str, int]:
    """Count the planned trials of each task; one that several lines plan counts once."""
    return {task_id: numbers.bit_count() for task_id, numbers in planned_numbers(planned).items()}


def planned_numbers(planned: Iterable[Planned]) -> dict[str, int]:
    """Return which trials of each task are planned, as the bits of a number: bit 3 stands for trial 3."""
    numbers: dict[str, int] = {}
    for line in planned:
        own = max((1 << line.last + 1) - (1 << line.first), 0)
        for task_id in line.task_ids:
            numbers[task_id] = numbers.get(task_id, 0) | own
    return numbers


def extension(planned: Iterable[Planned], trials: int, *, reason: str) -> tuple[Planned, ...]:
    """Plan what tasks that have fewer trials lack to have this many; lines of tasks that lack the same."""
    lacking: dict[int, list[str]] = {}
    for task_id, numbers in planned_numbers(planned).items():
        last = max(numbers.bit_length() - 1, 0)
        if last < trials:
            lacking.setdefault(last + 1, []).append(task_id)
    return tuple(
        Planned(task_ids=tuple(task_ids), first=first, last=trials, reason=reason)
        for first, task_ids in sorted(lacking.items())
    )


class Attempt(Struct, frozen=True):
    """The part of a record that says what is still owed."""

    task_id: str
    trial: int
    outcome: Outcome
    attempt: int = 1


def standing(attempts: Iterable[Attempt], within: Callable[[Attempt], bool] = lambda _: True) -> dict[Key, Outcome]:
    """Return the outcome of each measured trial that is `within`: that of its last measured attempt stands."""
    return {
        (each.task_id, each.trial): each.outcome
        for each in attempts
        if each.outcome is not Outcome.ERROR and within(each)
    }


class Owed(Collection[Trial]):
    """The trials that are planned and not measured, in the order of the plan; a redo keeps the seed of its trial.

    They are made one by one: a run of a million trials holds those under way, and one bit for each that is done.
    """

    def __init__(
        self,
        planned: Iterable[Planned],
        records: Iterable[Record | Attempt],
        tasks: Mapping[str, Task],
        *,
        run_seed: int,
        arm: str,
    ) -> None:
        self._planned, self._tasks = tuple(planned), tasks
        self._run_seed, self._arm = run_seed, arm
        self._done: dict[str, int] = {}
        self._spent: dict[tuple[str, int], int] = {}
        for record in records:
            if record.outcome is Outcome.ERROR:
                key = record.task_id, record.trial
                self._spent[key] = max(self._spent.get(key, 0), record.attempt)
            else:
                self._done[record.task_id] = self._done.get(record.task_id, 0) | 1 << record.trial
        self._length = sum(1 for _ in self._keys())

    def _keys(self) -> Iterator[TrialKey]:
        return (key for key in planned_keys(self._planned) if not self._done.get(key.task_id, 0) >> key.trial & 1)

    def __len__(self) -> int:
        return self._length

    def __contains__(self, trial: object) -> bool:
        return any(trial == each for each in self)

    def __iter__(self) -> Iterator[Trial]:
        for key in self._keys():
            yield Trial(
                task=self._tasks[key.task_id],
                number=key.trial,
                seed=trial_seed(self._run_seed, self._arm, key),
                attempt=self._spent.get((key.task_id, key.trial), 0) + 1,
            )
