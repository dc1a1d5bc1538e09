"""Gather what stands behind a comparison: trials, transcripts, looks, and where everything came from."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from evalharness.compare import side
from evalharness.comparison.missing import ArmCounts
from evalharness.comparison.plan_notes import history_of
from evalharness.comparison.slices import slices
from evalharness.errors import EvalHarnessError
from evalharness.gating.store import GateStore
from evalharness.model import (
    Comparison,
    Counts,
    Flip,
    Outcome,
    Record,
    RunHeader,
    Slice,
    TaskEntry,
    Transcript,
    Verdict,
)
from evalharness.outcomes import Outcomes, read
from evalharness.procedure import Look
from evalharness.report import WITH_EVIDENCE, write
from evalharness.report.evidence import (
    FAIL,
    PASS,
    UNMEASURED,
    ArmEvidence,
    Evidence,
    ShownTrial,
    TaskTrials,
)
from evalharness.report.wording import BAD, GOOD, ORDER
from evalharness.running.headroom import described
from evalharness.store import RunStore, is_run
from evalharness.summary import summarise

LETTERS = {"pass": PASS, "fail": FAIL, "error": UNMEASURED}
LONGEST = 4096  # characters of one side
ANSWER = 1536  # of them for the final answer, which the grades are about
REASON = 512
MOST_TASKS = 300


def write_all(
    paths: Sequence[Path],
    comparison: Comparison,
    verdict: Verdict,
    *,
    looks: tuple[Look, ...] = (),
    commands: tuple[str, ...] = (),
) -> None:
    """Write reports, with what stands behind the comparison where one of them shows it."""
    needed = any(path.suffix in WITH_EVIDENCE for path in paths)
    evidence = gather(comparison, looks=looks, commands=commands) if needed else None
    for path in paths:
        write(path, comparison, verdict, evidence)


def write_gate(
    store: GateStore, comparison: Comparison, verdict: Verdict, *, also: Sequence[Path] = ()
) -> tuple[Path, ...]:
    """Write the reports that a gate keeps, and others beside them; returns the gate's own."""
    kept = (store.path / "report.md", store.path / "report.html")
    command = f"evalh gate {shlex.quote(str(store.path))}"
    write_all((*also, *kept), comparison, verdict, looks=store.looks(), commands=(command,))
    return kept


def gather(comparison: Comparison, *, looks: tuple[Look, ...] = (), commands: tuple[str, ...] = ()) -> Evidence:
    """Gather what the runs of a comparison still hold; what is no longer there is left out."""
    runs = [run_at(each.place) for each in (comparison.baseline, comparison.candidate)]
    stores = [RunStore(Path(run.place)) if run and is_run(Path(run.place)) else None for run in runs]
    header = runs[0].header if runs[0] else None
    return Evidence(
        baseline=arm_evidence(runs[0]) if runs[0] else ArmEvidence(),
        candidate=arm_evidence(runs[1]) if runs[1] else ArmEvidence(),
        transcripts=_transcripts(comparison, stores),
        slices=_slices(comparison),
        looks=looks,
        commands=commands,
        suite_place=_within_repository(header.suite.place) if header else "",
    )


def _within_repository(place: str) -> str:
    """Name a suite as its repository does, whatever checkout it was read from; elsewhere as it is."""
    root = next((each for each in Path(place).parents if (each / ".git").exists()), None)
    return str(Path(place).relative_to(root)) if root else place


def run_at(place: str) -> Outcomes | None:
    """Read a run if it is still where the comparison found it."""
    try:
        return read(place)
    except (EvalHarnessError, OSError):
        return None


def arm_evidence(run: Outcomes) -> ArmEvidence:
    """Gather what one run shows by itself."""
    return ArmEvidence(summary=summarise(run, side(run)), trials=task_trials(run), facts=facts(run.header))


def task_trials(run: Outcomes) -> dict[str, TaskTrials]:
    """Say of each task how its trials ended, in their order, what they cost and how long they took."""
    trials = run.trials.sort_values(["task_id", "trial"], kind="stable")
    by_task = trials.groupby("task_id", sort=False)
    marks = trials["outcome"].map(LETTERS).groupby(trials["task_id"], sort=False).sum()
    costs, seconds = by_task["cost_usd"].sum(min_count=1), by_task["seconds"].mean()
    columns = zip(marks.index, marks.to_list(), _known(costs), _known(seconds), strict=True)
    known = {
        task_id: TaskTrials(marks=letters, cost_usd=cost, seconds=time) for task_id, letters, cost, time in columns
    }
    nothing = TaskTrials(marks="")
    planned = zip(run.tasks.index, run.tasks["planned"].to_list(), strict=True)
    return {task_id: _owed(known.get(task_id, nothing), count) for task_id, count in planned}


def _owed(trials: TaskTrials, planned: int) -> TaskTrials:
    """Show trials that were never attempted as unmeasured."""
    return msgspec.structs.replace(trials, marks=trials.marks.ljust(planned, UNMEASURED))


def _known(column: "pd.Series[float]") -> list[float | None]:
    return [None if np.isnan(value) else value for value in column.to_list()]


def facts(header: RunHeader) -> dict[str, str]:
    """Say where a run came from."""
    origin = header.origin
    commit = f"{origin.git_commit}{' (with uncommitted changes)' if origin.git_dirty else ''}"
    return {
        "suite": f"{header.suite.name} {header.suite.version}".strip(),
        "suite digest": header.suite.digest,
        "seed": str(header.seed),
        "trials per task": _trials(header),
        "started": header.started_at,
        "commit": commit if origin.git_commit else "unknown",
        "evalh": origin.harness,
        "Python": origin.python,
        "platform": origin.platform,
        **({"resource limits": described(header.resources)} if header.resources else {}),
    }


def _trials(header: RunHeader) -> str:
    allocate = header.options.get("allocate")
    return f"{header.trials} on average, by the history of {history_of(allocate)}" if allocate else str(header.trials)


def _slices(comparison: Comparison) -> tuple[Slice, ...]:
    """Measure the slices by tag where the policy asked for none."""
    tasks = comparison.tasks
    arms = (_counts([task.baseline for task in tasks]), _counts([task.candidate for task in tasks]))
    entries = {task.task_id: TaskEntry(task="", graders="", limits="", tags=task.tags) for task in tasks}
    return comparison.slices or slices(list(entries), entries, arms, estimand=comparison.estimand)


def _counts(counts: list[Counts]) -> ArmCounts:
    return ArmCounts(
        passed=np.array([each.passed for each in counts]), trials=np.array([each.measured for each in counts])
    )


def _transcripts(comparison: Comparison, stores: list[RunStore | None]) -> dict[str, tuple[ShownTrial | None, ...]]:
    """Read one telling trial of each side for the tasks that changed, the gravest first."""
    changed = [task for task in comparison.tasks if task.state in BAD | GOOD or task.flip or task.suspected]
    changed = sorted(changed, key=lambda task: (ORDER[task.state], task.pvalue))[:MOST_TASKS]
    fixed = {task.task_id for task in changed if task.flip is Flip.FIXED or task.state in GOOD}
    base, cand = (
        shown(store, {task.task_id: (task.task_id in fixed) == bool(arm) for task in changed})
        for arm, store in enumerate(stores)
    )
    both = {task.task_id: (base.get(task.task_id), cand.get(task.task_id)) for task in changed}
    return {task_id: sides for task_id, sides in both.items() if any(sides)}


def shown(store: RunStore | None, passing: dict[str, bool]) -> dict[str, ShownTrial]:
    """Read a trial of each task: one that passed or failed, as asked, or else the first that was measured."""
    if store is None or not passing:
        return {}
    chosen: dict[str, Record] = {}
    for record in store.records():
        wanted = passing.get(record.task_id)
        if wanted is None or record.outcome is Outcome.ERROR:
            continue
        known = chosen.get(record.task_id)
        if known is None or ((record.outcome is Outcome.PASS) == wanted != (known.outcome is Outcome.PASS)):
            chosen[record.task_id] = record
    return {task_id: shown_trial(record, store.transcript(record)) for task_id, record in chosen.items()}


def shown_trial(record: Record, transcript: Transcript | None) -> ShownTrial:
    """Cut one trial to what can be read side by side: the answer and its grades first, then how it came about."""
    said = list(_said(transcript)) if transcript else []
    whole = sum(len(text) for _, text in said)
    room = LONGEST - min(len(said[-1][1]), ANSWER) if said else 0
    kept = []
    for who, text in said[:-1]:
        if room > 0:
            kept.append((who, text[:room]))
            room -= len(text)
    kept += [(who, text[: ANSWER + max(room, 0)]) for who, text in said[-1:]]
    return ShownTrial(
        trial=record.trial,
        outcome=record.outcome.value,
        said=tuple(kept),
        grades=tuple(msgspec.structs.replace(each, reason=each.reason[:REASON]) for each in record.grades[:20]),
        cause=f"{record.cause}: {record.detail[:REASON]}" if record.cause else "",
        left_out=whole - sum(len(text) for _, text in kept),
    )


def _said(transcript: Transcript) -> Iterator[tuple[str, str]]:
    for message in transcript.messages:
        calls = "".join(
            f"\n-> {call.name} {msgspec.json.encode(call.arguments).decode()}" for call in message.tool_calls
        )
        yield message.role, f"{message.content}{calls}"
    if transcript.logs:
        yield "logs", transcript.logs
    yield "final answer", transcript.final
