"""What makes run directories parts of one run: one plan, and no trial twice; every difference is named."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError, NotComparable
from evalharness.model import Planned, RunHeader
from evalharness.running.planning import extension, planned_numbers
from evalharness.running.shards import Shard
from evalharness.store import RunStore, in_use

OWN = {"workers", "executor", "shard", "graded_from", "graded_at"}  # options in which the parts of one run may differ
WHOLE = "whole"
LISTED = 5


class Part(Struct, frozen=True, kw_only=True):
    """One run to be merged, with its plan, and which trials of each task that plans."""

    store: RunStore
    shard: Shard | None
    planned: tuple[Planned, ...]
    numbers: dict[str, int]

    @classmethod
    def read(cls, path: Path) -> "Part":
        """Open a run that nobody is writing."""
        store = RunStore(path)
        if in_use(path):
            raise ConfigError(f"{path} is being written by another evalh: wait for it, or stop it")
        shard, planned = store.header.options.get("shard"), tuple(store.planned())
        return cls(
            store=store,
            shard=Shard.parse(shard) if shard else None,
            planned=planned,
            numbers=planned_numbers(planned),
        )


def check(parts: Sequence[Part]) -> None:
    """Refuse what is not one run: another plan, shards beside whole runs, a trial twice."""
    _check_same(parts)
    _check_shards(parts)
    _check_apart(parts)


def _identity(header: RunHeader) -> dict[str, object]:
    """Say what all parts of one run have in common, by the words that a refusal uses."""
    suite, agent = header.suite, header.agent
    return {
        "suite": f"{suite.name} {suite.version}".strip(),
        "agent": f"{agent.name} {agent.version}".strip(),
        "agent fingerprint": agent.fingerprint,
        "trials": header.trials,
        "seed": header.seed,
        "harness version": header.origin.harness,
        "role": f"{header.role} {header.arm}".strip(),
        "policy": header.policy,
        "prices": header.prices,
        "resource limits": header.resources and msgspec.structs.replace(header.resources, enforced_by=""),
        "suite digest": header.suite.digest,
        "run format": header.schema,
        "plan": header.options.get(WHOLE),
        "answers from a cache": "cache" in header.options,
        **{f"option {name}": value for name, value in header.options.items() if name not in OWN | {WHOLE, "cache"}},
    }


def _check_same(parts: Sequence[Part]) -> None:
    first = parts[0]
    ours = _identity(first.store.header)
    for each in parts[1:]:
        theirs = _identity(each.store.header)
        differing = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
        if differing:
            said = ", ".join(f"{name}{_values(ours.get(name), theirs.get(name))}" for name in differing)
            tasks = _other_tasks(first.store.header, each.store.header) if "suite digest" in differing else ""
            raise NotComparable(
                f"{each.store.path} is of another plan than {first.store.path}: {said}{tasks}: "
                "only parts of one run, of one seed, can be merged"
            )


def _values(ours: object, theirs: object) -> str:
    """Show both values where they are short."""
    plain = all(isinstance(each, str | int | float | None) for each in (ours, theirs))
    return f" ({str(theirs)[:20]}, not {str(ours)[:20]})" if plain else ""


def _other_tasks(ours: RunHeader, theirs: RunHeader) -> str:
    names = dict.fromkeys([*ours.tasks, *theirs.tasks])
    other = [name for name in names if ours.tasks.get(name) != theirs.tasks.get(name)]
    return f" (tasks {listed(other)})" if other else ""


def _check_shards(parts: Sequence[Part]) -> None:
    """Refuse shards beside whole runs, and shards of which some were extended and others not."""
    numbers = {part.shard.of if part.shard else None for part in parts}
    if len(numbers) > 1:
        said = ", ".join(f"{part.store.path} is {part.shard or 'no shard'}" for part in parts[:LISTED])
        raise NotComparable(f"the parts are cut in different ways: {said}")
    tops = {part.store.path: _extended(part) for part in parts if part.numbers}
    if len(set(tops.values())) > 1:
        said = ", ".join(f"{path} to {top or 'none'}" for path, top in tops.items())
        raise NotComparable(
            f"the shards were extended to different numbers of trials ({said}): extend all of them alike"
        )


def _extended(part: Part) -> int:
    """Return to how many trials a shard was extended after it was planned, 0 where it was not."""
    if part.shard is None:
        return 0
    whole = planned_numbers(_whole(part))
    return max((each.bit_length() - 1 for task, each in part.numbers.items() if each != whole.get(task)), default=0)


def _whole(part: Part) -> tuple[Planned, ...]:
    """Return the plan that a shard is a part of."""
    return msgspec.convert(part.store.header.options.get(WHOLE, ()), tuple[Planned, ...])


def _check_apart(parts: Sequence[Part]) -> None:
    """Refuse two parts that plan the same trial."""
    claimed: dict[str, int] = {}
    for place, part in enumerate(parts):
        twice = [task for task, numbers in part.numbers.items() if claimed.get(task, 0) & numbers]
        if twice:
            other = next(each for each in parts[:place] if each.numbers.get(twice[0], 0) & part.numbers[twice[0]])
            raise ConfigError(
                f"{part.store.path} and {other.store.path} overlap: both hold trials of {listed(twice)}: "
                "give each trial once"
            )
        for task, numbers in part.numbers.items():
            claimed[task] = claimed.get(task, 0) | numbers


def missing(parts: Sequence[Part]) -> tuple[str, ...]:
    """Name the shards that are not among the parts."""
    given = {part.shard for part in parts if part.shard}
    of = max((shard.of for shard in given), default=0)
    every = (Shard(of=of, number=number) for number in range(1, of + 1))
    return tuple(str(shard) for shard in every if shard not in given)


def plan(parts: Sequence[Part]) -> tuple[Planned, ...]:
    """Return what the merged run is planned for: of shards the whole, whether or not all of them are here."""
    if parts[0].shard is None:
        lines: dict[tuple[int, int, str], dict[str, None]] = {}
        for line in (line for part in parts for line in part.planned):
            lines.setdefault((line.first, line.last, line.reason), {}).update(dict.fromkeys(line.task_ids))
        return tuple(
            Planned(task_ids=tuple(ids), first=first, last=last, reason=reason)
            for (first, last, reason), ids in lines.items()
        )
    whole = _whole(parts[0])
    return (*whole, *extension(whole, max(map(_extended, parts)), reason="--trials"))


def listed(names: Sequence[str]) -> str:
    """Name the first few."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"
