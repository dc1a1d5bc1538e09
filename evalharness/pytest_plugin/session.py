"""What all trials of a session show: a run directory, and a summary for the terminal."""

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from evalharness.errors import EvalHarnessError
from evalharness.executors import Finished
from evalharness.model import (
    RUN_SCHEMA,
    AgentDefinition,
    AgentEntry,
    Outcome,
    Planned,
    Record,
    RunHeader,
    SuiteEntry,
    Task,
    TaskEntry,
    Transcript,
    Trial,
    Usage,
)
from evalharness.redact import Redactor
from evalharness.report import numbers
from evalharness.runs import new_run_id, origin
from evalharness.stats.estimate import proportion, repeatability
from evalharness.store import RunStore

LISTED = 20
NO_TASK = Trial(task=Task(id="", prompt=""), number=1, seed=0)
Told = dict[str, Any]


def conclude(told: Sequence[Told], expected: dict[str, Told], config: pytest.Config) -> list[str]:
    """Write the run that `--evalh-out` asks for, and return the lines of the summary."""
    tried = {each["task"]: each["records"] for each in told}
    planned = {
        task_id: len(tried[task_id]) if task_id in tried else entry["trials"] for task_id, entry in expected.items()
    }
    planned = {task_id: count for task_id, count in planned.items() if count}
    lines = list(summary({task_id: records for task_id, records in tried.items() if records}))
    out = config.getoption("evalh_out")
    if not out or not planned:
        return [*lines, f"no test was tried: {out} is not written"] if out else lines
    try:
        store = RunStore.create(Path(out), _header(expected, planned, config.rootpath), _lines(planned)[0])
        with store.writer() as writer:
            for line in _lines(planned)[1:]:
                writer.extend(line)
            writer.append(list(_finished(tried)))
    except EvalHarnessError as exc:
        pytest.exit(f"error: {exc}", returncode=exc.exit_code)
    return [*lines, f"run: {out} (`evalh show {out}`)"]


def summary(tried: dict[str, list[Told]]) -> Iterator[str]:
    """Say how often the tests passed, which did not always, and what was not measured."""
    counts = {task_id: Counter(each["outcome"] for each in records) for task_id, records in tried.items()}
    passed = {task_id: each[Outcome.PASS] for task_id, each in counts.items()}
    measured = {task_id: passed[task_id] + each[Outcome.FAIL] for task_id, each in counts.items()}
    shown = [task_id for task_id, count in measured.items() if count]
    if shown:
        trials = sum(measured.values())
        rate = repeatability([passed[each] for each in shown], [measured[each] for each in shown])
        flaky = proportion(sum(0 < passed[each] < measured[each] for each in shown), len(shown))
        yield f"pass rate {numbers.rate(rate)} (95 %, {len(shown)} tests, {trials} trials)"
        yield f"flaky tests {numbers.rate(flaky)} (95 %, {len(shown)} tests)"
    odd = [each for each in counts if passed[each] < counts[each].total()]
    odd.sort(key=lambda each: passed[each] / max(measured[each], 1))
    for task_id in odd[:LISTED]:
        said = numbers.rate(proportion(passed[task_id], measured[task_id])) if measured[task_id] else "rate unknown"
        missing = _missing(tried[task_id])
        yield f"  {task_id}: {passed[task_id]} of {measured[task_id]} passed, {said}{missing}"
    if len(odd) > LISTED:
        yield f"  and {len(odd) - LISTED} more"


def _missing(records: list[Told]) -> str:
    causes = Counter(each["cause"] for each in records if each["outcome"] == Outcome.ERROR)
    said = ", ".join(f"{cause} x{count}" for cause, count in causes.items())
    return f"; unmeasured: {said}" if said else ""


def _header(expected: dict[str, Told], planned: dict[str, int], root: Path) -> RunHeader:
    run_id, made = new_run_id(), origin()
    clean = made.git_commit is not None and made.git_dirty is False
    return RunHeader(
        schema=RUN_SCHEMA,
        run_id=run_id,
        suite=SuiteEntry(name="pytest", version="", digest="", place=str(root)),
        tasks={
            task_id: TaskEntry(
                task=expected[task_id]["digest"], graders="", limits="", tags=tuple(expected[task_id]["tags"])
            )
            for task_id in planned
        },
        agent=AgentEntry(
            name=root.name,
            version=(made.git_commit or "")[:12],
            fingerprint=f"git-{made.git_commit}" if clean else f"unknown-{run_id}",
            definition=AgentDefinition(name=root.name, use="pytest"),
        ),
        trials=max(planned.values()),
        seed=secrets.randbits(63),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        origin=made,
    )


def _lines(planned: dict[str, int]) -> list[Planned]:
    by_count: dict[int, list[str]] = {}
    for task_id, count in planned.items():
        by_count.setdefault(count, []).append(task_id)
    return [Planned(task_ids=tuple(ids), first=1, last=count, reason="pytest") for count, ids in by_count.items()]


def _finished(tried: dict[str, list[Told]]) -> Iterator[Finished]:
    compressor, redactor = zstandard.ZstdCompressor(), Redactor.from_environment()
    for task_id, records in tried.items():
        for number, each in enumerate(records, start=1):
            transcript = Transcript(final=each["final"], logs=each["logs"])
            outcome = Outcome(each["outcome"])
            record = Record(
                task_id=task_id,
                trial=number,
                outcome=outcome,
                score=None if outcome is Outcome.ERROR else float(outcome is Outcome.PASS),
                cause=each["cause"],
                detail=each["detail"],
                usage=Usage(seconds=each["seconds"]),
                started_at=each["began"],
            )
            frame = compressor.compress(redactor.clean_json(msgspec.json.encode(transcript)))
            yield Finished(trial=NO_TASK, record=record, frame=frame)
