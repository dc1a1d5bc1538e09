"""Names of tasks and numbers of trials for sources that have no such thing of their own."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from evalharness.importers.endings import short

LABEL = 120


def occurrences(keys: Iterable[Hashable]) -> list[int]:
    """Number things that are told of several times: the first is 1, its first repetition 2."""
    seen: Counter[Hashable] = Counter()
    numbers = []
    for key in keys:
        seen[key] += 1
        numbers.append(seen[key])
    return numbers


def from_one(numbers: Sequence[int]) -> list[int]:
    """Number trials from 1 where a source numbers them from 0."""
    return [each + 1 for each in numbers] if 0 in numbers else list(numbers)


def digest(content: Any) -> str:
    """Digest plain values, whatever the order of their keys."""
    return sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:12]


def names(labels: Sequence[str], contents: Sequence[Any]) -> list[str]:
    """Name tasks by their labels; by label and content where a label stands for several, or there is none."""
    digests = [digest(each) for each in contents]
    of: defaultdict[str, set[str]] = defaultdict(set)
    for label, content in zip(labels, digests, strict=True):
        of[label].add(content)
    return [
        _name(short(label)[:LABEL], content, alone=len(of[label]) == 1)
        for label, content in zip(labels, digests, strict=True)
    ]


def _name(label: str, content: str, *, alone: bool) -> str:
    if not label:
        return content
    return label if alone else f"{label} [{content}]"
