"""What a run would take: from an earlier run of the same suite and agent, where there is one."""

from statistics import fmean

import msgspec

from evalharness.model import Record, TrialKey
from evalharness.run_list import earlier
from evalharness.running.budget import record_cost


def estimate(suite: str, agent: str | None, owed: list[TrialKey], workers: int, *, as_json: bool) -> str:
    """Say how many trials are owed, and how long and how dear they were before."""
    trials = len(owed)
    before = earlier(suite, agent)
    records = [] if before is None else list(before.records())
    seconds = [record.usage.seconds for record in records if record.usage.seconds is not None]
    costs = [record_cost(record) for record in records if _priced(record)]
    outcome = {
        "tasks": len({key.task_id for key in owed}),
        "trials": trials,
        "seconds": trials * fmean(seconds) / workers if seconds else None,
        "cost_usd": trials * fmean(costs) if costs else None,
        "estimated_from": str(before.path) if before else None,
    }
    if as_json:
        return msgspec.json.encode(outcome).decode()
    if before is None:
        return f"{trials} trials; no earlier run of {suite} in runs/ says how long or how dear they are"
    time = f"{outcome['seconds']:.0f} s" if seconds else "unknown time"
    money = f"${outcome['cost_usd']:.4f}" if costs else "unknown cost"
    return f"{trials} trials, about {time} with {workers} workers, {money} (as in {before.path})"


def _priced(record: Record) -> bool:
    return record.usage.cost_usd is not None
