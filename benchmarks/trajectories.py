"""A night's work: many long transcripts run, stored, shown and compared; what it takes in memory, time and disk.

    nice python benchmarks/trajectories.py [--scale 1.0] [--workers 4] [--folder DIR] [--check]

At full scale 500 tasks x 10 trials x 12 configurations of a simulated coding agent (`trajectories_agent.py`), 60,000
transcripts of 100 kB; one trial in fifty meets a fault of the infrastructure and is tried again. `--scale` takes that
part of the tasks. Every step is the command as users run it, in a process of its own. `--folder` is made where it is
not there; what is written to it is removed at the end.

Limits: no process over 500 MB, `evalh show` of one configuration under 2 s, and on disk at most 30 % of the raw
transcripts. `--check` exits with 1 where one is broken.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

from evalharness.model import Outcome
from evalharness.store import RunStore

TASKS, TRIALS, CONFIGURATIONS = 500, 10, 12
MEGABYTES, SECONDS, SHARE = 500.0, 2.0, 0.30
ROOT = Path(__file__).resolve().parent
MACOS_BYTES = 1024 if sys.platform == "darwin" else 1


class Took(NamedTuple):
    """What a command took; memory is that of its largest process."""

    seconds: float
    cpu: float
    megabytes: float


class Stored(NamedTuple):
    """What a run holds."""

    disk: int
    raw: int
    outcomes: Counter[str]
    largest: int


def evalh(folder: Path, *arguments: str) -> Took:
    """Run a command, and measure it."""
    begun = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT.parent), str(ROOT)]), "NO_COLOR": "1"}
    files = [(os.POSIX_SPAWN_OPEN, fd, str(folder / name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
             for fd, name in ((1, "out.txt"), (2, "err.txt"))]  # fmt: skip
    words = [sys.executable, "-m", "evalharness", *arguments]
    child = os.posix_spawn(sys.executable, words, environment, file_actions=files)
    _, status, used = os.wait4(child, 0)
    if (code := os.waitstatus_to_exitcode(status)) not in (0, 1, 3):
        sys.exit(f"evalh {' '.join(arguments)} ended with {code}: {(folder / 'err.txt').read_text()[-2000:]}")
    kilobytes = used.ru_maxrss / MACOS_BYTES
    return Took(time.perf_counter() - begun, used.ru_utime + used.ru_stime, kilobytes / 1024)


def prepared(folder: Path, tasks: int) -> None:
    """Write the suite and the configurations."""
    rows = [
        {"id": f"task-{n:03d}", "text": f"fix issue {n}", "label": "yes", "tags": [f"g:{n % 8}"]} for n in range(tasks)
    ]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "suite.yaml").write_text(
        f"name: trajectories\ntrials: {TRIALS}\ntasks: {{file: tasks.jsonl}}\nprompt: '{{{{ text }}}}'\n"
        "expected: label\ngraders: [{use: exact_match}]\n"
    )
    for number in range(CONFIGURATIONS):
        place = folder / f"config-{number}"
        place.mkdir()
        source = f"from trajectories_agent import agent\n\nanswer = agent({0.5 + 0.02 * number})\n"
        (place / "configured.py").write_text(source)
        options = {"call": "configured:answer"}
        (place / "agent.yaml").write_text(json.dumps({"use": "function", "name": place.name, "options": options}))


def stored(run: Path) -> Stored:
    """Measure a run's files, and how long its transcripts are uncompressed, by the headers of their frames."""
    disk = sum(file.stat().st_size for file in run.rglob("*") if file.is_file())
    store, outcomes, raw, largest = RunStore(run), Counter[str](), 0, 0
    for record in store.records():
        outcomes[record.outcome] += 1
        if frame := store.frame(record):
            size = zstandard.frame_content_size(frame)
            raw, largest = raw + size, max(largest, size)
            if record.trial == 1 and not store.transcript(record):
                sys.exit(f"{run}: the transcript of {record.key} is not there")
    return Stored(disk, raw, outcomes, largest)


def measured(folder: Path, tasks: int, workers: int) -> dict[str, Any]:
    """Run everything, look at everything, and say what it took."""
    prepared(folder, tasks)
    runs = [str(folder / f"run-{number}") for number in range(CONFIGURATIONS)]
    ran: list[Took] = []
    for number, run in enumerate(runs):
        agent = str(folder / f"config-{number}" / "agent.yaml")
        took = evalh(
            folder, "run", str(folder / "suite.yaml"), "-a", agent, "-o", run, f"-j{workers}", f"--seed={number}"
        )
        ran.append(took)
        print(f"run {number}: {took.seconds:.0f} s, {took.megabytes:.0f} MB", file=sys.stderr)
    shown = [evalh(folder, "show", run) for run in runs[:3] for _ in range(2)]
    one = evalh(folder, "show", runs[0], "--task", "task-000", "--trial", "1")
    compared = evalh(folder, "compare", *runs[:2])
    lineup = evalh(folder, "compare", *runs)
    held = [stored(Path(run)) for run in runs]
    outcomes = sum((each.outcomes for each in held), Counter[str]())
    raw, disk = sum(each.raw for each in held), sum(each.disk for each in held)
    return {
        "transcripts": sum(outcomes.values()) - outcomes[Outcome.ERROR],
        "outcomes": dict(outcomes),
        "errors": round(outcomes[Outcome.ERROR] / sum(outcomes.values()), 4),
        "raw_gigabytes": round(raw / 1e9, 3),
        "disk_share": round(disk / raw, 4),
        "run": {"seconds": round(sum(each.seconds for each in ran)), "cpu": round(sum(each.cpu for each in ran))},
        "show_seconds": {"best": _least(shown, 0), "worst": _most(shown, 0), "cpu": _least(shown, 1)},
        "show_transcript_seconds": round(one.seconds, 2),
        "compare_two_seconds": round(compared.seconds, 2),
        "compare_all_seconds": round(lineup.seconds, 2),
        "megabytes": {"run": _most(ran, 2), "show": _most([*shown, one], 2), "compare": _most([compared, lineup], 2)},
    }


def _most(took: list[Took], part: int) -> float:
    return round(max(each[part] for each in took), 2)


def _least(took: list[Took], part: int) -> float:
    return round(min(each[part] for each in took), 2)


def main() -> None:
    """Measure, and say which limits hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        found = measured(Path(place), max(20, round(TASKS * given.scale)), given.workers)
    print(json.dumps(found, indent=1))
    megabytes, seconds = found["megabytes"], found["show_seconds"]
    broken = [
        name
        for name, held in {
            "memory": max(megabytes.values()) <= MEGABYTES,
            "show": seconds["best"] <= SECONDS,
            "disk": found["disk_share"] <= SHARE,
        }.items()
        if not held
    ]
    print("all limits hold" if not broken else f"over a limit: {', '.join(broken)}", file=sys.stderr)
    sys.exit(bool(broken) and given.check)


if __name__ == "__main__":
    main()
