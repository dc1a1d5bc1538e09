"""What a run would take: from an earlier run of the same suite and agent, where there is one."""

from pathlib import Path
from statistics import fmean

import msgspec

from evalharness.budget import record_cost
from evalharness.errors import EvalHarnessError
from evalharness.model import Record, TrialKey
from evalharness.store import RunStore, is_run


def estimate(suite: str, agent: str | None, owed: list[TrialKey], workers: int, *, as_json: bool) -> str:
    """Say how many trials are owed, and how long and how dear they were before."""
    trials = len(owed)
    earlier = _earlier(suite, agent)
    records = [] if earlier is None else list(earlier.records())
    seconds = [record.usage.seconds for record in records if record.usage.seconds is not None]
    costs = [record_cost(record) for record in records if _priced(record)]
    outcome = {
        "tasks": len({key.task_id for key in owed}),
        "trials": trials,
        "seconds": trials * fmean(seconds) / workers if seconds else None,
        "cost_usd": trials * fmean(costs) if costs else None,
        "estimated_from": str(earlier.path) if earlier else None,
    }
    if as_json:
        return msgspec.json.encode(outcome).decode()
    if earlier is None:
        return f"{trials} trials; no earlier run of {suite} in runs/ says how long or how dear they are"
    time = f"{outcome['seconds']:.0f} s" if seconds else "unknown time"
    money = f"${outcome['cost_usd']:.4f}" if costs else "unknown cost"
    return f"{trials} trials, about {time} with {workers} workers, {money} (as in {earlier.path})"


def _priced(record: Record) -> bool:
    return record.usage.cost_usd is not None


def _earlier(suite: str, agent: str | None) -> RunStore | None:
    """Find the latest readable run of the suite, of this agent if possible."""
    stores = []
    for folder in sorted(Path("runs").glob("*")) if Path("runs").is_dir() else []:
        if is_run(folder):
            try:
                stores.append(RunStore(folder))
            except EvalHarnessError:
                continue  # an unreadable run says nothing about the next one
    same = [store for store in stores if store.header.suite.name == suite]
    of_agent = [store for store in same if store.header.agent.name == agent]
    return next((store for store in reversed(of_agent or same) if next(store.records(), None)), None)
