"""How long `evalh compare` takes, and how much memory, for large runs; the whole process counts.

Writes two runs of TASKS x TRIALS records of about 400 bytes each, compares them in a process of its own, and says
seconds and peak memory. `--check` also compares a tenth of the tasks and exits with 1 where a limit is broken.

    python benchmarks/compare_scale.py --tasks 50000 --trials 10 --check
"""

import os
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import click
import msgspec
import numpy as np
from made_runs import header

from evalharness.model import (
    Grade,
    Outcome,
    Planned,
    Record,
    TranscriptRef,
    Usage,
)
from evalharness.store import RunStore

SECONDS, BYTES, GROWTH = 15.0, 1.5e9, 12.0
BLOCK = 20_000


def write_run(folder: Path, *, tasks: int, trials: int, arm: int) -> float:
    """Write a run of an agent that passes seven trials of ten, and return the mean size of a record in bytes."""
    rng = np.random.default_rng(arm)
    task_ids = [f"task-{number:06d}" for number in range(tasks)]
    tags = [("all", f"group:{number % 8}") for number in range(tasks)]
    made = header(f"arm-{arm}", dict(zip(task_ids, tags, strict=True)), suite="scale", trials=trials, seed=arm)
    store = RunStore.create(folder, made, Planned(task_ids=tuple(task_ids), first=1, last=trials))
    rates = np.random.default_rng(0).beta(2, 1, tasks)
    written = 0
    with (folder / "trials.jsonl").open("wb") as file:
        for first in range(0, tasks, BLOCK):
            chunk = slice(first, first + BLOCK)
            lines = [
                msgspec.json.encode(_record(task_id, trial, bool(rng.random() < rate), rng))
                for task_id, rate in zip(task_ids[chunk], rates[chunk], strict=True)
                for trial in range(1, trials + 1)
            ]
            written += sum(len(line) + 1 for line in lines)
            file.write(b"\n".join(lines) + b"\n")
    return written / (tasks * trials * bool(store.header))


def _record(task_id: str, trial: int, passed: bool, rng: np.random.Generator) -> Record:
    number = int(rng.integers(1 << 62))
    usage = Usage(
        input_tokens=number % 9000,
        output_tokens=number % 700,
        cost_usd=number % 997 / 1e5,
        seconds=number % 9973 / 1e3,
        working_seconds=number % 9967 / 1e3,
        model_calls=number % 7,
    )
    return Record(
        task_id=task_id,
        trial=trial,
        outcome=Outcome.PASS if passed else Outcome.FAIL,
        score=float(passed),
        grades=(Grade(grader="exact_match", score=float(passed), passed=passed),),
        usage=usage,
        seed=number,
        started_at="2026-01-01T00:00:00.000+00:00",
        output_digest=sha256(number.to_bytes(8, "big")).hexdigest(),
        transcript=TranscriptRef(segment=1, offset=number % (1 << 26), length=number % 4096),
        host="worker-1",
    )


def measure(folders: list[Path]) -> tuple[float, float, int]:
    """Run `evalh compare` on two runs, and return its seconds, those of CPU, and its peak memory in bytes."""
    begun = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "evalharness", "compare", *map(str, folders)],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - begun
    if os.waitstatus_to_exitcode(status) not in (0, 1, 3):
        raise SystemExit(f"evalh compare ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _measured(folder: Path, *, tasks: int, trials: int) -> tuple[float, int]:
    runs = [folder / f"{tasks}-{arm}" for arm in (1, 2)]
    size = [write_run(run, tasks=tasks, trials=trials, arm=arm) for arm, run in enumerate(runs, start=1)]
    seconds, cpu, peak = measure(runs)
    records = 2 * tasks * trials
    print(
        f"{records:>9,} records of {size[0]:.0f} bytes: {seconds:.2f} s ({cpu:.2f} s of CPU), peak {peak / 1e9:.2f} GB"
    )
    return seconds, peak


@click.command()
@click.option("--tasks", default=50_000, show_default=True)
@click.option("--trials", default=10, show_default=True)
@click.option("--check", is_flag=True, help="Exit with 1 where a limit is broken.")
def main(tasks: int, trials: int, check: bool) -> None:
    """Compare two large runs, and a tenth of them."""
    with tempfile.TemporaryDirectory() as folder:
        small, _ = _measured(Path(folder), tasks=tasks // 10, trials=trials)
        seconds, peak = _measured(Path(folder), tasks=tasks, trials=trials)
    print(f"ten times the records took {seconds / small:.1f} times as long")
    kept = seconds < SECONDS and peak < BYTES and seconds <= GROWTH * small
    if check and not kept:
        raise SystemExit(f"over a limit: {SECONDS:.0f} s, {BYTES / 1e9} GB, {GROWTH:.0f} times")


if __name__ == "__main__":
    main()
