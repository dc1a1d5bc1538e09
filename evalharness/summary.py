"""One run summarised: what `show` prints."""

from collections import Counter

from evalharness.model import RunSummary, Side, TaskLine
from evalharness.outcomes import Outcomes

LISTED = 5


def summarise(outcomes: Outcomes, side: Side) -> RunSummary:
    """Summarise a run whose numbers as a whole are known."""
    trials, tasks = outcomes.trials, outcomes.tasks
    measured = tasks[tasks["measured"] > 0]
    rate = measured["passed"] / measured["measured"]
    seconds = trials["seconds"].dropna()
    by_task = trials.groupby("task_id", sort=False)["seconds"].mean().dropna()
    spread = (rate * (1 - rate)).sort_values(ascending=False, kind="stable")

    def line(task_id: str) -> TaskLine:
        passed, done, planned = tasks.loc[[task_id], ["passed", "measured", "planned"]].to_numpy()[0].tolist()
        return TaskLine(
            task_id=task_id,
            passed=passed,
            measured=done,
            unmeasured=planned - done,
            seconds=float(by_task[task_id]) if task_id in by_task.index else None,
        )

    return RunSummary(
        side=side,
        complete=not side.causes.get("not run"),
        varying=int(((rate > 0) & (rate < 1)).sum()),
        always=int((rate == 1).sum()),
        never=int((rate == 0).sum()),
        tokens=int(trials["tokens"].sum()) if trials["tokens"].notna().any() else None,
        seconds_median=float(seconds.median()) if len(seconds) else None,
        seconds_p95=float(seconds.quantile(0.95)) if len(seconds) else None,
        slowest=tuple(line(each) for each in by_task.sort_values(ascending=False, kind="stable").index[:LISTED]),
        flakiest=tuple(line(each) for each in spread[spread > 0].index[:LISTED]),
        fails=dict(Counter(trials.loc[trials["outcome"] == "fail", "cause"].dropna().tolist()).most_common()),
        retries=int((trials["attempts"] - 1).sum()) if len(trials) else 0,
        faults=tuple(outcomes.header.options.get("faults", ())),
    )
