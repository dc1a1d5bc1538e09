"""Judge stored answers again, without the agent: into a sibling run, the first one stays as it was."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec

from evalharness.errors import ConfigError
from evalharness.executors import Finished
from evalharness.loading.digests import entries
from evalharness.model import Record, RunHeader, Suite, Task, Trial
from evalharness.registry import build
from evalharness.running.judging import prepare, preparing, regraded
from evalharness.runs import new_run_id, suite_entry
from evalharness.store import RunStore
from evalharness.workspaces import of_task

BATCH = 256


def regrade(store: RunStore, suite: Suite, *, out: Path | None = None, workers: int = 4) -> RunStore:
    """Judge every stored transcript by the graders that the suite has now.

    Trials without a transcript (a crash, a limit, an outage) are carried over as they are. A suite whose tasks have
    changed is refused: other answers would have been given to other questions.
    """
    if suite.external:
        raise ConfigError(f"{suite.place}: its own command judges its tasks: there is nothing to grade again")
    tasks = {task.id: task for task in suite.tasks}
    header = _header(store, suite)
    prepare(preparing(suite.tasks))
    first, *more = store.planned()
    sibling = RunStore.create(out or store.path.parent / header.run_id, header, first)
    with sibling.writer() as writer, ThreadPoolExecutor(workers) as pool:
        for planned in more:
            writer.extend(planned)

        def again(record: Record) -> Finished:
            return _again(store, suite, tasks[record.task_id], record)

        records = store.records()
        while batch := list(islice(records, BATCH)):
            writer.append(list(pool.map(again, batch)))
    return sibling


def _header(store: RunStore, suite: Suite) -> RunHeader:
    header, now = store.header, entries(suite)
    for planned in store.planned():
        for task_id in planned.task_ids:
            if task_id not in now or now[task_id].task != header.tasks[task_id].task:
                raise ConfigError(f"{suite.place}: task '{task_id}' is not the one that {store.path} ran")
    return msgspec.structs.replace(
        header,
        run_id=new_run_id(),
        suite=suite_entry(suite, now),
        tasks=now,
        policy=suite.policy,
        options=header.options
        | {"graded_from": header.run_id, "graded_at": datetime.now(UTC).isoformat(timespec="seconds")},
    )


def _again(store: RunStore, suite: Suite, task: Task, record: Record) -> Finished:
    trial = Trial(task=task, number=record.trial, seed=record.seed or 0, attempt=record.attempt)
    transcript = store.transcript(record)
    if transcript is None:
        return Finished(trial=trial, record=record)
    kept = store.kept(record.key)
    with of_task(build("workspace", suite.workspace), task).fresh() as workspace:
        for name, source in task.files.items():
            workspace.upload(Path(source), name)
        for name, content in kept.items():
            workspace.write(name, content)
        judged = regraded(task, record, transcript, workspace)
    judged = msgspec.structs.replace(judged, transcript=None)
    return Finished(trial=trial, record=judged, frame=store.frame(record), artifacts=kept)
