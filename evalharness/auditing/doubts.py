"""Where to look: trials whose grade has something against it, and tasks on which the grader errs."""

from collections.abc import Collection

import pandas as pd

from evalharness.auditing.reference import Key
from evalharness.model.audit import Doubt, DoubtKind, TaskErrors


def doubts(answers: pd.DataFrame, audited: pd.DataFrame, empty: Collection[Key]) -> tuple[Doubt, ...]:
    """List trials to look at, the gravest first: each trial once, with the gravest that stands against it."""
    passed, right = audited["passed"], audited["right"]
    found = [
        *_each(audited[passed & ~right], DoubtKind.FALSE_PASS, "passed, and the reference fails it"),
        *_empty(answers, set(empty)),
        *_flakes(answers),
        *_each(audited[~passed & right], DoubtKind.FALSE_FAIL, "failed, and the reference passes it"),
    ]
    first: dict[Key, Doubt] = {}
    for doubt in found:
        first.setdefault((doubt.task_id, doubt.trial), doubt)
    return tuple(first.values())


def tasks_with_errors(audited: pd.DataFrame) -> tuple[TaskErrors, ...]:
    """Count the grader's errors by task, most false passes first; tasks without any are left out."""
    marks = pd.DataFrame(
        {
            "audited": 1,
            "false_pass": audited["passed"] & ~audited["right"],
            "false_fail": ~audited["passed"] & audited["right"],
        }
    )
    by_task = marks.groupby(audited["task_id"], sort=False).sum()
    wrong = by_task[by_task["false_pass"] + by_task["false_fail"] > 0]
    ordered = wrong.sort_values(["false_pass", "false_fail"], ascending=False, kind="stable")
    return tuple(
        TaskErrors(task_id=str(task_id), audited=int(row[0]), false_pass=int(row[1]), false_fail=int(row[2]))
        for task_id, row in zip(ordered.index, ordered.to_numpy(), strict=True)
    )


def _each(rows: pd.DataFrame, kind: DoubtKind, said: str) -> list[Doubt]:
    return [
        Doubt(kind=kind, task_id=str(task_id), trial=int(trial), said=said)
        for task_id, trial in zip(rows["task_id"], rows["trial"], strict=True)
    ]


def _empty(answers: pd.DataFrame, empty: set[Key]) -> list[Doubt]:
    keys = zip(answers["task_id"].tolist(), answers["trial"].tolist(), strict=True)
    nothing = pd.Series([key in empty for key in keys], index=answers.index, dtype=bool)
    return _each(answers[answers["passed"] & nothing], DoubtKind.EMPTY_PASS, "passed with nothing in its answer")


def _flakes(answers: pd.DataFrame) -> list[Doubt]:
    """Find outputs of one task that are equal to the byte and were graded differently."""
    known = answers[answers["output_digest"].notna()]
    groups = known.groupby(["task_id", "output_digest"], sort=False)["passed"]
    mixed = known[groups.transform("any") & ~groups.transform("all")]
    found = []
    for _, group in mixed.groupby(["task_id", "output_digest"], sort=False):
        split = [", ".join(map(str, group.loc[group["passed"] == side, "trial"])) for side in (True, False)]
        said = f"the same output passed in trial {split[0]} and failed in trial {split[1]}"
        found += _each(group, DoubtKind.GRADER_FLAKE, said)
    return found
