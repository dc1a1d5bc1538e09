"""Shards: which part of a suite's tasks one of several jobs runs.

A task's shard follows from the task's own digest: adding, removing or changing a task moves no other one.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.model import Planned, TaskEntry

_WRITTEN = re.compile(r"([1-9]\d{0,4})/([1-9]\d{0,4})")


class Shard(Struct, frozen=True, order=True):
    """One of `of` parts; they count from 1."""

    of: int
    number: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read a shard as people write it: 2/3 is the second of three."""
        found = _WRITTEN.fullmatch(text)
        if found is None or int(found[1]) > int(found[2]):
            raise ConfigError(f"--shard {text}: write I/N, the I-th of N parts, such as 1/4")
        return cls(of=int(found[2]), number=int(found[1]))

    def holds(self, task: TaskEntry) -> bool:
        """Say whether a task belongs to this part."""
        return int(sha256(task.task.encode()).hexdigest(), 16) % self.of + 1 == self.number


def part(planned: Iterable[Planned], tasks: Mapping[str, TaskEntry], shard: Shard) -> tuple[Planned, ...]:
    """Return what a plan asks of a shard's tasks; a shard without any has one line that asks nothing."""
    lines = tuple(planned)
    own = [
        Planned(task_ids=ids, first=line.first, last=line.last, reason=line.reason)
        for line in lines
        if (ids := tuple(task_id for task_id in line.task_ids if shard.holds(tasks[task_id])))
    ]
    return tuple(own) or tuple(Planned(task_ids=(), first=line.first, last=line.last) for line in lines[:1])
