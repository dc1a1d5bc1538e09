"""A candidate that says what it will fix is held to it."""

from dataclasses import dataclass
from typing import ClassVar

from evalharness.model import Check, Comparison, Decision, Flip, TaskPair
from evalharness.rules import ErrorBudget
from evalharness.rules.wording import chosen, fraction, names


@dataclass(frozen=True)
class Intent:
    """Promote when the share of fixes that were intended, the hit rate, is at least `min_hit_rate`.

    `targets` and `at_risk` are task ids that the candidate declares it will fix, or might break; `tags` adds the tasks
    with one of them to the targets. Flips are majority flips, noise included, so a miss keeps back and never blocks.
    """

    family: ClassVar[str] = ""
    targets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    at_risk: tuple[str, ...] = ()
    min_hit_rate: float = 0.5

    def __post_init__(self) -> None:
        if not self.targets and not self.tags:
            raise ValueError("intent must name its targets, by `targets` or `tags`")
        if self.min_hit_rate != 1:
            fraction(self.min_hit_rate, name="min_hit_rate", zero=True)

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:  # noqa: ARG002 - spends nothing
        """Sort the flips into intended, unintended and at risk."""
        fixed = [task for task in comparison.tasks if task.flip is Flip.FIXED]
        broken = [task for task in comparison.tasks if task.flip is Flip.BROKEN]
        targets = {task.task_id for task in chosen(comparison.tasks, tags=self.tags, task_ids=self.targets)}
        intended = [task for task in fixed if task.task_id in targets]
        at_risk = [task for task in broken if task.task_id in set(self.at_risk)]
        rate = len(intended) / len(fixed) if fixed else 0.0
        because = (
            f"{len(intended)} of {len(fixed)} fixes were intended (hit rate {rate:.2f}, {self.min_hit_rate:.2f} asked "
            f"for), {len(targets) - len(intended)} of {len(targets)} targets not fixed; "
            f"{_unintended(broken, at_risk)}"
        )
        hit = bool(intended) and rate >= self.min_hit_rate
        return Check(rule="intent", decision=Decision.PROMOTE if hit else Decision.INCONCLUSIVE, because=because)


def _unintended(broken: list[TaskPair], at_risk: list[TaskPair]) -> str:
    if not broken:
        return "nothing flipped to broken"
    said = f"{len(broken)} broken without intent: {names(broken)}"
    return f"{said}; {len(at_risk)} of them declared at risk: {names(at_risk)}" if at_risk else said
