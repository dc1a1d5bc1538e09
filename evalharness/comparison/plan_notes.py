"""What is unusual about a run's plan, in words: a part of the suite, parts put together, or uneven trials."""

from typing import Any

from evalharness.outcomes import Outcomes


def history_of(allocate: dict[str, Any]) -> str:
    """Name the run by whose history a run's trials were allotted."""
    place, run_id = str(allocate.get("history", "")), str(allocate["run_id"])
    return place if run_id in place else f"{place} ({run_id})" if place else run_id


def unusual(outcomes: Outcomes) -> tuple[str, ...]:
    """Say what a reader of a run's numbers should know of its plan; nothing of a plain one."""
    options, said = outcomes.header.options, []
    if shard := options.get("shard"):
        said.append(f"only shard {shard} of the suite's tasks")
    if merged := options.get("merged"):
        missing = f" (without shard {', '.join(merged['missing'])}, whose trials are owed)" if merged["missing"] else ""
        said.append(f"merged from {len(merged['parts'])} parts{missing}")
    if allocate := options.get("allocate"):
        trials = outcomes.tasks["planned"]
        reach = (
            f"{trials.min()} to {trials.max()} trials per task, {trials.sum()} in all" if len(trials) else "no trials"
        )
        history = history_of(allocate)
        said.append(f"{reach}, more where tasks varied in {history}; every task counts the same in rates and changes")
    return tuple(said)
