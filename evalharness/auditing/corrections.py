"""A run's numbers corrected for its grader: counted where the reference covers all answers, else estimated."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalharness.model.audit import Tries, Utility
from evalharness.stats.counts import IntArray
from evalharness.stats.estimate import pass_rate
from evalharness.stats.grader_reliability import corrected_reliability
from evalharness.stats.graders import Confusion, corrected_rate, human_rate
from evalharness.stats.inference_scaling import Curve, TaskType, Verifier, reward_curve, theory_curve
from evalharness.stats.labelled import design_effect, labelled_rate
from evalharness.stats.reliability import SHORT_TASKS, suite_pass_at_k, suite_pass_hat_k
from evalharness.stats.results import Estimate

LEVEL = 0.95
COMPLETE = 1 - SHORT_TASKS
USUAL_KS = (1, 3, 5)
RESAMPLED = 400


@dataclass(frozen=True, eq=False, kw_only=True)
class Counted:
    """Per task: answers, how many passed; labelled ones, how many are right, passed, and both.

    `worth` is the table of labelled answers shrunk to as many as are worth independent ones.
    """

    answers: IntArray
    passed: IntArray
    labels: IntArray
    right: IntArray
    seen: IntArray
    right_seen: IntArray
    worth: Confusion

    @classmethod
    def of(cls, answers: pd.DataFrame, audited: pd.DataFrame) -> "Counted":
        """Count answers and those audited, by task."""
        marks = pd.DataFrame(
            {
                "labels": 1,
                "right": audited["right"],
                "seen": audited["passed"],
                "right_seen": audited["right"] & audited["passed"],
            }
        )
        whole = answers.groupby("task_id", sort=False)["passed"].agg(["size", "sum"]).astype(np.int64)
        part = marks.groupby(audited["task_id"]).sum().reindex(whole.index, fill_value=0).astype(np.int64)
        return cls(
            answers=whole["size"].to_numpy(),
            passed=whole["sum"].to_numpy(),
            labels=part["labels"].to_numpy(),
            right=part["right"].to_numpy(),
            seen=part["seen"].to_numpy(),
            right_seen=part["right_seen"].to_numpy(),
            worth=_worth(audited),
        )

    @property
    def single(self) -> bool:
        """Whether every task has one answer."""
        return bool((self.answers <= 1).all())


def corrected(counted: Counted, *, refused: str, complete: bool) -> Estimate:
    """Give the share of right answers: the reference's own rate, or PPI++, or the labels alone where they are few."""
    if complete:
        return pass_rate(counted.right, counted.answers)
    if refused:
        return _refused(refused, len(counted.answers))
    if not counted.single:
        return labelled_rate(
            counted.right, counted.seen, counted.labels, passed=counted.passed, answers=counted.answers, level=LEVEL
        )
    labelled = counted.labels > 0
    right, seen, others = counted.right[labelled], counted.seen[labelled], counted.passed[~labelled]
    return human_rate(right.astype(bool).tolist(), seen.astype(bool).tolist(), others.astype(bool).tolist())


def corrected_by_errors(counted: Counted, *, refused: str) -> Estimate:
    """Solve the pass rate from the grader's errors among labelled answers (Lang & Reiczigel's interval)."""
    if refused:
        return _refused(refused, len(counted.answers))
    passed, answers = int(counted.passed.sum()), int(counted.answers.sum())
    shared = design_effect(counted.passed, counted.answers)
    return corrected_rate(passed, answers, table=counted.worth, level=LEVEL, design_effect=shared).rate


def tries(
    counted: Counted, ks: Sequence[int] | None, *, rng: np.random.Generator, refused: str, complete: bool
) -> tuple[Tries, ...]:
    """Give pass@k and pass^k as graded and corrected; by default for the usual k that the trials allow."""
    most = int(np.quantile(counted.answers, SHORT_TASKS, method="lower"))
    chosen = [k for k in USUAL_KS if k <= most] or [1] if ks is None else list(dict.fromkeys(ks))

    def true(k: int, kind: str) -> Estimate:
        if complete:
            of = suite_pass_at_k if kind == "pass_at_k" else suite_pass_hat_k
            return of(counted.right, counted.answers, k=k)
        if refused:
            return _refused(refused, len(counted.answers))
        if k > most:
            return _refused(f"more than 5 % of the tasks have fewer than {k} answers", len(counted.answers))
        return corrected_reliability(
            counted.passed, counted.answers, k, table=counted.worth, rng=rng, kind=kind, level=LEVEL
        )

    return tuple(
        Tries(
            k=k,
            graded_at=suite_pass_at_k(counted.passed, counted.answers, k=k),
            corrected_at=true(k, "pass_at_k"),
            graded_hat=suite_pass_hat_k(counted.passed, counted.answers, k=k),
            corrected_hat=true(k, "pass_hat_k"),
        )
        for k in chosen
    )


def utility(counted: Counted, cost_ratio: float, *, rng: np.random.Generator, refused: str, complete: bool) -> Utility:
    """Say how many tries pay, when the first answer that passes is used and a wrong one costs `cost_ratio` right ones.

    Where the reference covers all answers, averaged over all orders of the trials;
    else modelled from each task's corrected rate. Tasks are drawn again for the bounds.
    """
    most = int(np.quantile(counted.answers, SHORT_TASKS, method="lower"))
    kept = np.flatnonzero(counted.answers >= most)
    if refused and not complete:
        return Utility(cost_ratio=cost_ratio, best=None, note=refused)
    if kept.size < 2:
        return Utility(cost_ratio=cost_ratio, best=None, note="one task says nothing about others")
    if not complete:
        return _modelled(counted, cost_ratio, most, rng)

    def curve(tasks: IntArray) -> Curve:
        part = counted.passed[tasks], counted.right_seen[tasks], counted.answers[tasks]
        return reward_curve(*part, cost=cost_ratio, most=most)

    found = curve(kept)
    drawn = [curve(rng.choice(kept, kept.size)).best for _ in range(RESAMPLED)]
    return _bounded(cost_ratio, found, drawn, _at_the_end(found.best, most))


def _modelled(counted: Counted, cost_ratio: float, most: int, rng: np.random.Generator) -> Utility:
    """Model the rewards from the grader's errors; tasks and errors are drawn again for the bounds."""
    table, tasks = counted.worth, np.arange(counted.answers.size)
    if min(table.right, table.wrong) == 0:
        return Utility(cost_ratio=cost_ratio, best=None, note="needs audited answers of both kinds")

    def curve(chosen: IntArray, sensitivity: float, specificity: float) -> Curve | None:
        if sensitivity + specificity <= 1:
            return None
        seen, shares = np.unique(counted.passed[chosen] / counted.answers[chosen], return_counts=True)
        rates = np.clip((seen + specificity - 1) / (sensitivity + specificity - 1), 0, 1)
        types = [TaskType(share=n / chosen.size, accuracy=rate) for n, rate in zip(shares, rates, strict=True)]
        verifier = Verifier(completeness=sensitivity, soundness=specificity)
        return theory_curve(types, verifier=verifier, cost=cost_ratio, most=most)

    found = curve(tasks, table.true_pass / table.right, table.true_fail / table.wrong)
    if found is None:
        return Utility(cost_ratio=cost_ratio, best=None, note="the grader tells right from wrong no better than chance")
    sensitivities = rng.beta(table.true_pass + 0.5, table.false_fail + 0.5, RESAMPLED)
    specificities = rng.beta(table.true_fail + 0.5, table.false_pass + 0.5, RESAMPLED)
    drawn = [
        each.best if (each := curve(rng.choice(tasks, tasks.size), *errors)) else 0
        for errors in zip(sensitivities, specificities, strict=True)
    ]
    note = "; ".join(each for each in ("modelled from the grader's errors", _at_the_end(found.best, most)) if each)
    return _bounded(cost_ratio, found, drawn, note)


def _bounded(cost_ratio: float, found: Curve, drawn: Sequence[int], note: str) -> Utility:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="closest_observation")
    return Utility(
        cost_ratio=cost_ratio,
        best=found.best,
        low=min(int(low), found.best),
        high=max(int(high), found.best),
        rewards=found.rewards,
        note=note,
    )


def _at_the_end(best: int, most: int) -> str:
    return "no more were tried, and more may pay" if 0 < best == most else ""


def _worth(audited: pd.DataFrame) -> Confusion:
    """Count labelled answers by grade and truth, fewer of them where answers of one task agree."""
    right, wrong = _weighed(audited[audited["right"]]), _weighed(audited[~audited["right"]])
    return Confusion(true_pass=right[0], false_fail=right[1], false_pass=wrong[0], true_fail=wrong[1])


def _weighed(answers: pd.DataFrame) -> tuple[int, int]:
    """Count passed and failed answers, divided by their design effect; what occurred is never rounded away."""
    by_task = answers.groupby("task_id")["passed"].agg(["sum", "size"]).astype(np.int64)
    times = design_effect(by_task["sum"].to_numpy(), by_task["size"].to_numpy()) if len(answers) else 1.0
    passed = int(answers["passed"].sum())
    return _fewer(passed, times), _fewer(len(answers) - passed, times)


def _fewer(count: int, times: float) -> int:
    return max(1, round(count / times)) if count else 0


def _refused(why: str, n: int) -> Estimate:
    return Estimate(value=None, low=0.0, high=1.0, level=LEVEL, n=n, method="none", note=why)
