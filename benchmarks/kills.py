"""Kill a run with `kill -9` again and again, resume it each time, and count what was lost or done twice.

    python benchmarks/kills.py [--kills 50] [--trials 2000] [--workers 4] [--isolation host] [--seed 1]

The agent appends every call that it finished to a file of its own, so that nothing rests on what the harness says.
Exits with 1 where a promise is broken.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRIALS_PER_TASK = 5
SETTLED_SECONDS = 0.2
AGENT = """
import os, random, time

def answer(task, seed):
    rng = random.Random(seed)
    time.sleep(rng.uniform(0.002, 0.02))
    done = os.open(os.environ["CALLS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(done, f"{task.id} {seed} {time.time()}\\n".encode())
    os.close(done)
    return rng.choice(["yes", "no"])
"""


def prepared(folder: Path, trials: int, isolation: str) -> list[str]:
    """Write suite and agent, and return the command that runs them."""
    rows = [{"id": f"t{index}", "text": "?", "label": "yes"} for index in range(trials // TRIALS_PER_TASK)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "acting.py").write_text(AGENT)
    (folder / "agent.yaml").write_text(
        json.dumps({"use": "function", "options": {"call": "acting:answer", "isolation": isolation}})
    )
    (folder / "suite.yaml").write_text(
        f"tasks: {{file: tasks.jsonl}}\nprompt: '{{{{ text }}}}'\nexpected: label\ntrials: {TRIALS_PER_TASK}\n"
        "graders: [{use: exact_match}]\n"
    )
    return [sys.executable, "-m", "evalharness", "run"]


def started(command: list[str], folder: Path, calls: Path) -> "subprocess.Popen[bytes]":
    """Start the command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CALLS": str(calls)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def whole(file: Path) -> bytes:
    """Return a file up to its last line end."""
    content = file.read_bytes() if file.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def results(run: Path) -> set[tuple[str, int, int, str]]:
    """Return what a run measured."""
    records = (json.loads(line) for line in whole(run / "trials.jsonl").splitlines())
    return {(each["task_id"], each["trial"], each["seed"], each["outcome"]) for each in records}


def killed(process: "subprocess.Popen[bytes]", file: Path, *, after: int, pause: float) -> float:
    """Kill the run some time after it has this many records, and say when."""
    while process.poll() is None and whole(file).count(b"\n") < after:
        time.sleep(0.003)
    time.sleep(pause)
    now = time.time()
    process.send_signal(signal.SIGKILL)
    process.wait()
    return now


def settled(calls: Path, file: Path, moment: float) -> tuple[int, int]:
    """Count the calls that were finished well before the kill, and those of them on record."""
    recorded = {str(json.loads(line)["seed"]) for line in whole(file).splitlines()}
    finished = [line.split() for line in calls.read_text().splitlines()]
    early = {seed for _, seed, at in finished if float(at) < moment - SETTLED_SECONDS}
    return len(early), len(early & recorded)


def main() -> None:
    """Play it through and say what held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("kills", 50), ("trials", 2000), ("workers", 4), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--isolation", choices=["host", "none"], default="host")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = prepared(folder, given.trials, given.isolation)
        options = ["--agent", "agent.yaml", "--seed", "5", "--workers", str(given.workers)]
        started([*command, "suite.yaml", *options, "--out", "calm"], folder, folder / "calm-calls").wait()
        run, calls, file = folder / "run", folder / "calls", folder / "run" / "trials.jsonl"
        resume = [*command, "run", "--workers", str(given.workers)]
        kept, early, found, worst = [], 0, 0, 1.0
        for fraction in sorted(rng.uniform(0.1, 0.9) for _ in range(given.kills)):
            begin = resume if (run / "run.json").exists() else [*command, "suite.yaml", *options, "--out", "run"]
            process = started(begin, folder, calls)
            moment = killed(process, file, after=int(fraction * given.trials), pause=rng.uniform(0.0, 0.05))
            kept.append(whole(file))
            of, on_record = settled(calls, file, moment)
            early, found, worst = early + of, found + on_record, min(worst, on_record / of)
        code = started(resume, folder, calls).wait()
        final = file.read_bytes()
        made, allowed = calls.read_text().count("\n"), given.trials + given.workers * given.kills
        promises = {
            f"ended with exit code {code}": code == 0,
            f"{made} calls, at most {allowed}": made <= allowed,
            "every record stayed as it was": all(final.startswith(each) for each in kept),
            f"{len(results(run))} trials in {len(final.splitlines())} records": len(final.splitlines()) == given.trials,
            f"settled calls on record: {found} of {early}, at worst {worst:.1%}": worst >= 0.9,
            "equal to an undisturbed run": results(run) == results(folder / "calm"),
        }
    for promise, held in promises.items():
        print("held  " if held else "BROKEN", promise)
    sys.exit(not all(promises.values()))


if __name__ == "__main__":
    main()
