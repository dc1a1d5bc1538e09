"""Outputs that are equal to the byte and were graded differently: the grader's doing, not the agent's."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

ARMS = ("baseline", "candidate")


def grader_flakes(measured: Sequence[pd.DataFrame], task_ids: Sequence[str]) -> dict[str, str]:
    """Name the tasks where equal outputs got other outcomes, within an arm or between them, each with an example.

    `measured` are the measured trials of (baseline, candidate) with `place`, the task's position. Trials that failed
    for a cause of their own were not judged by their output.
    """
    judged = [trials[trials["output_digest"].notna() & trials["cause"].isna()] for trials in measured]
    rows = pd.concat(
        [each[["place", "trial", "outcome", "output_digest"]].assign(arm=arm) for arm, each in enumerate(judged)],
        ignore_index=True,
    )
    digest, _ = pd.factorize(rows["output_digest"])
    if not digest.size:
        return {}
    key = rows["place"].to_numpy(dtype=np.int64) * (int(digest.max()) + 1) + digest
    _, output, size = np.unique(key, return_inverse=True, return_counts=True)
    passed = np.bincount(output, weights=(rows["outcome"] == "pass").to_numpy(dtype=np.float64))
    mixed = (passed > 0) & (passed < size)
    found = rows[mixed[output]].assign(output=output[mixed[output]]).sort_values(["output", "arm", "trial"])
    said: dict[str, str] = {}
    for _, group in found.groupby("output", sort=False):
        said.setdefault(task_ids[int(group["place"].iloc[0])], _example(group))
    return said


def _example(group: pd.DataFrame) -> str:
    passed, failed = (group[group["outcome"] == outcome].iloc[0] for outcome in ("pass", "fail"))
    return f"the same output passed in {_trial(passed)} and failed in {_trial(failed)}"


def _trial(row: "pd.Series[str]") -> str:
    return f"trial {row['trial']} of the {ARMS[int(str(row['arm']))]}"
