"""Runs on disk for tests of exporters: redone trials, errors, tools, and texts that mean harm."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import zstandard

from evalharness.executors import Finished
from evalharness.foreign import NO_TASK
from evalharness.model import (
    Grade,
    Message,
    Outcome,
    Planned,
    Record,
    RunHeader,
    ToolCall,
    Transcript,
    Usage,
)
from evalharness.store import RunStore
from tests.factories import header

HOSTILE = '=HYPERLINK("http://x","y")\n<script>\u2028\x85@SUM(1)\x1b[2J'
TALK = Transcript(
    final="42 \u2029",
    model="acme/model-1",
    messages=(
        Message(role="system", content="be brief"),
        Message(role="user", content=HOSTILE),
        Message(role="assistant", tool_calls=(ToolCall(name="add", arguments={"a": 1, "b": "2"}, id="c1"),)),
        Message(role="tool", content="3", tool_call_id="c1"),
        Message(role="assistant", content="42 \u2029"),
    ),
)
PLAIN = Transcript(final="no", messages=(Message(role="user", content="q"), Message(role="assistant", content="no")))
RECORDS = [
    (Record(task_id="calm", trial=1, outcome=Outcome.ERROR, cause="status:429", detail="slow down"), None),
    (
        Record(
            task_id=HOSTILE,
            trial=1,
            outcome=Outcome.PASS,
            score=1.0,
            grades=(Grade(grader="exact_match", score=1.0, passed=True, reason="=1+1"),),
            usage=Usage(input_tokens=10, output_tokens=2, cost_usd=0.25, seconds=1.5, model_calls=2),
            started_at="2026-01-01T00:00:01+00:00",
            model="acme/model-1",
        ),
        TALK,
    ),
    (Record(task_id="calm", trial=1, outcome=Outcome.FAIL, attempt=2, score=0.5, cause="limit:seconds"), PLAIN),
    (Record(task_id="calm", trial=1, outcome=Outcome.ERROR, attempt=3, cause="late"), None),
    (Record(task_id="calm", trial=2, outcome=Outcome.ERROR, cause="+evil, \x07dns\u2028"), None),
]
STANDING = {
    (HOSTILE, 1): ("pass", None),
    ("calm", 1): ("fail", "limit:seconds"),
    ("calm", 2): ("error", "+evil, \x07dns\u2028"),
}


def run_on_disk(
    path: Path, found: Sequence[tuple[Record, Transcript | None]] = RECORDS, told: RunHeader | None = None
) -> Path:
    """Write a run directory of these records and transcripts."""
    task_ids = list(dict.fromkeys(record.task_id for record, _ in found))
    told = told or msgspec.structs.replace(header(task_ids, run_id="r-1"), trials=2)
    store = RunStore.create(path, told, Planned(task_ids=tuple(task_ids), first=1, last=2))
    pack = zstandard.ZstdCompressor().compress
    with store.writer() as writer:
        writer.append(
            [
                Finished(trial=NO_TASK, record=record, frame=pack(msgspec.json.encode(said)) if said else None)
                for record, said in found
            ]
        )
    return path
