"""Which tasks of two runs answer the same question, and which differences somebody has accepted.

A task is left out when its content, graders or limits changed, or when one run does not have it. Two runs are not
comparable when under 90 % of the baseline's tasks remain, or a critical one is gone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from evalharness.errors import ConfigError, NotComparable
from evalharness.model import Allowance, LeftOut, Policy, TaskEntry
from evalharness.outcomes import Outcomes
from evalharness.registry import suggestion
from evalharness.running.headroom import differences

REMAINING_SHARE = 0.9
PARTS = {"tasks": "task", "graders": "graders", "limits": "limits"}
KINDS = {
    "tasks": "compare tasks although they ask something else",
    "graders": "compare tasks although they are judged otherwise",
    "limits": "compare tasks although a trial may use more or less",
    "removed": "tasks are gone from the candidate's suite (`--allow-removed TASK`)",
    "coverage": "compare although under 90 % of the baseline's tasks remain",
    "suite": "the arms ran suites of different names",
    "model": "other models, or another snapshot of one, answered",
    "agent": "both arms have the same agent fingerprint",
    "seed": "both arms share a seed",
    "cache": "an arm holds answers from a cache (`evalh run --cache`)",
    "machine": "the arms ran on machines of different size",
    "copies": "trials or whole arms are copies of each other",
    "crash": "all of one trial ended in the same fault",
    "policy": "the policy is weaker than the baseline's",
}
CRITICAL_TAG = "critical"


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """The tasks that both runs answer, in the baseline's order, and those that are left out."""

    task_ids: list[str]
    left_out: LeftOut
    allowances: tuple[Allowance, ...] = ()
    undigested: int = 0


@dataclass(frozen=True, kw_only=True)
class Critical:
    """Tasks that must never be lost: those with one of the tags, and those named."""

    tags: frozenset[str] = frozenset({CRITICAL_TAG})
    tasks: frozenset[str] = frozenset()

    @classmethod
    def of(cls, policy: Policy) -> "Critical":
        """Collect what the policy's `critical` rules name, beside the tag `critical`."""
        rules = [rule.options for rule in policy.rules if rule.use == "critical"]
        return cls(
            tags=frozenset({CRITICAL_TAG}.union(*(rule.get("tags", ()) for rule in rules))),
            tasks=frozenset().union(*(rule.get("tasks", ()) for rule in rules)),
        )

    def among(self, task_ids: Collection[str], entries: Mapping[str, TaskEntry]) -> list[str]:
        """Return those of these tasks that are critical."""
        return [
            each
            for each in task_ids
            if each in self.tasks or (each in entries and not self.tags.isdisjoint(entries[each].tags))
        ]


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What somebody allowed."""

    allowances: Sequence[Allowance] = ()
    removed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        for each in self.allowances:
            if each.kind not in KINDS:
                near = suggestion(each.kind, list(KINDS))
                raise ConfigError(f"--allow {each.kind}: unknown{near}: use one of {', '.join(KINDS)}")
        names = (each.tasks for each in self.allowances if each.kind == "removed")
        object.__setattr__(self, "removed", frozenset().union(*names))

    def __contains__(self, kind: str) -> bool:
        return any(each.kind == kind for each in self.allowances)

    def reason(self, kind: str) -> str:
        """Return why a kind of difference was allowed."""
        return next((each.reason for each in self.allowances if each.kind == kind), "")


def pair(
    baseline: Outcomes,
    candidate: Outcomes,
    *,
    accepted: Accepted | None = None,
    critical: Critical | None = None,
    held_out: frozenset[str] = frozenset(),
) -> Pairing:
    """Pair two runs by task; NotComparable where too few of the baseline's tasks remain or a critical one is gone.

    Tasks with a `held_out` tag are left out of everything but the rule that asks for them.
    """
    accepted = accepted or Accepted()
    for each in (baseline, candidate):
        if each.tasks.empty:
            raise ConfigError(f"{each.place} has no tasks: there is nothing to compare")
    ours, theirs = dict.fromkeys(baseline.tasks.index), dict.fromkeys(candidate.tasks.index)
    _check_removed(accepted, baseline, theirs)
    entries = baseline.header.tasks
    common = [task_id for task_id in ours if task_id in theirs]
    parts = changed_parts(entries, candidate.header.tasks, common)
    changed = {each: said for each, said in parts.items() if not all(part in accepted for part in said)}
    aside = {each for each in common if held_out and each in entries and not held_out.isdisjoint(entries[each].tags)}
    left_out = LeftOut(
        changed=tuple(changed),
        new=tuple(each for each in theirs if each not in ours),
        removed=tuple(each for each in ours if each not in theirs),
        held_out=tuple(each for each in common if each in aside and each not in changed),
        parts=changed,
    )
    kept = [task_id for task_id in common if task_id not in changed and task_id not in aside]
    lost = [*left_out.changed, *left_out.removed]
    _check_critical(baseline, critical or Critical(), lost, accepted)
    _check_coverage(baseline, candidate, len(kept), left_out, accepted)
    return Pairing(
        task_ids=kept,
        left_out=left_out,
        allowances=_used(accepted, left_out, parts),
        undigested=sum(not _digested(entries, candidate.header.tasks, each) for each in kept),
    )


def changed_parts(
    ours: Mapping[str, TaskEntry], theirs: Mapping[str, TaskEntry], common: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Say of each common task what changed of it; runs without digests cannot tell."""
    if ours == theirs:
        return {}
    found = {}
    for task_id in common:
        before, after = ours.get(task_id), theirs.get(task_id)
        if before is None or after is None or before == after:
            continue
        parts = tuple(word for word, part in PARTS.items() if _differs(getattr(before, part), getattr(after, part)))
        if parts:
            found[task_id] = parts
    return found


def _differs(before: str, after: str) -> bool:
    return bool(before and after and before != after)


def _digested(ours: Mapping[str, TaskEntry], theirs: Mapping[str, TaskEntry], task_id: str) -> bool:
    before, after = ours.get(task_id), theirs.get(task_id)
    return bool(before and after and before.task and after.task)


def _check_removed(accepted: Accepted, baseline: Outcomes, theirs: Collection[str]) -> None:
    for task_id in sorted(accepted.removed):
        if task_id not in baseline.tasks.index:
            near = suggestion(task_id, list(baseline.tasks.index))
            raise ConfigError(f"--allow-removed {task_id}: {baseline.place} has no such task{near}")
        if task_id in theirs:
            raise ConfigError(f"--allow-removed {task_id}: the candidate has this task; nothing is removed")


def _check_critical(baseline: Outcomes, critical: Critical, lost: Sequence[str], accepted: Accepted) -> None:
    gone = [each for each in critical.among(lost, baseline.header.tasks) if each not in accepted.removed]
    if gone:
        raise NotComparable(
            f"critical tasks of {baseline.place} are gone or changed: {', '.join(gone[:5])}: run the baseline again on "
            "this suite, or accept it with --allow-removed TASK or --allow KIND, and --reason"
        )


def _check_coverage(baseline: Outcomes, candidate: Outcomes, kept: int, left_out: LeftOut, accepted: Accepted) -> None:
    total = len(baseline.tasks) - len(accepted.removed)
    remain = kept + len(left_out.held_out)
    if not remain and not left_out.changed:
        raise NotComparable(f"{baseline.place} and {candidate.place} share no task")
    if remain and ("coverage" in accepted or remain >= REMAINING_SHARE * total):
        return
    raise NotComparable(
        f"{baseline.place} and {candidate.place}: only {remain} of {total} tasks can be compared "
        f"({len(left_out.changed)} changed, {len(left_out.removed)} removed){_other_limits(baseline, candidate)}: "
        "run the baseline again on this suite"
    )


def _other_limits(baseline: Outcomes, candidate: Outcomes) -> str:
    found = differences(baseline.header.resources, candidate.header.resources)
    return f"; other resource limits: {', '.join(found)}" if found else ""


def _used(accepted: Accepted, left_out: LeftOut, parts: Mapping[str, tuple[str, ...]]) -> tuple[Allowance, ...]:
    """Record every allowance with the tasks it touched."""
    allowed = {word: tuple(each for each, said in parts.items() if word in said) for word in PARTS}
    allowed["removed"] = tuple(each for each in left_out.removed if each in accepted.removed)
    return tuple(
        Allowance(kind=each.kind, reason=each.reason, tasks=allowed.get(each.kind, ())) for each in accepted.allowances
    )
