"""What a trial costs beside its agent, and what the same takes with other harnesses, in one session.

    python benchmarks/overhead.py [--tasks 1000] [--trials 5] [--workers 4] [--rounds 3] [--folder DIR]
                                  [--pydantic-evals PYTHON] [--inspect PYTHON]

An instant function, exact match, the journal and a 4 kB transcript of each trial, on a real disk (`--folder`); read
back afterwards. A peer runs with the interpreter of a virtual environment of its own (`pip install pydantic-evals`,
`pip install inspect-ai openai`; byte-compile it with `python -m compileall`), or is left out with a note. Rounds
alternate between the tools, and the best round of each counts: only ratios mean anything.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from evalharness.executors.threads import ThreadExecutor
from evalharness.loading.definition import load_agent
from evalharness.runner import Pace, run
from evalharness.runs import begin
from evalharness.suite import load_suite

PEERS = Path(__file__).resolve().parent / "peers"
INSPECT_TASKS = 200
AGENT = """
import random
from evalharness.model import Message, Transcript

def answer(task, seed):
    said = Message(role="assistant", content=random.Random(seed).randbytes(2000).hex())
    return Transcript(final="4", messages=(said,))
"""


def prepared(folder: Path, tasks: int, isolation: str) -> tuple[Path, Path]:
    """Write suite and agent."""
    rows = [{"id": f"t{index}", "text": f"What is {index}+{index}?", "label": "4"} for index in range(tasks)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "instant.py").write_text(AGENT)
    (folder / "suite.yaml").write_text(
        "tasks: {file: tasks.jsonl}\nprompt: '{{ text }}'\nexpected: label\ngraders: [{use: exact_match}]\n"
    )
    agent = {"use": "function", "options": {"call": "instant:answer", "isolation": isolation}}
    (folder / "agent.yaml").write_text(json.dumps(agent))
    return folder / "suite.yaml", folder / "agent.yaml"


def harness(place: str | None, isolation: str, *, tasks: int, trials: int, workers: int) -> float:
    """Run a suite from its file to the last record, and return milliseconds a trial."""
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        suite, agent = prepared(folder, tasks, isolation)
        start = time.perf_counter()
        arm = begin(load_suite(suite), load_agent(str(agent)), out=folder / "run", trials=trials)
        with arm.store.writer() as writer:
            result = run(
                arm.owed(), job=arm.job(), executor=ThreadExecutor(), writer=writer, pace=Pace(workers=workers)
            )
        seconds = time.perf_counter() - start
        sys.modules.pop("instant", None)
        read = 0
        for read, record in enumerate(arm.store.records(), start=1):
            if read % 50 == 1:
                transcript = arm.store.transcript(record)
                if transcript is None or len(transcript.messages[0].content) != 4000:
                    sys.exit(f"the transcript of {record.key} is not what it was")
    if result.tally.passed != tasks * trials or read != tasks * trials:
        sys.exit(f"only {result.tally.passed} of {tasks * trials} trials passed")
    return seconds / (tasks * trials) * 1000


def apart(isolation: str, given: argparse.Namespace) -> float:
    """Measure in a fresh process."""
    size = [f"--{name}={getattr(given, name)}" for name in ("tasks", "trials", "workers")]
    place = [] if given.folder is None else [f"--folder={given.folder}"]
    return _last_number([sys.executable, __file__, f"--one={isolation}", *size, *place])


def peer(python: str, script: str, tasks: int, trials: int) -> float:
    """Let a peer do the same work."""
    return _last_number([python, str(PEERS / script), str(tasks), str(trials)])


def _last_number(command: list[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}:\n{done.stderr or done.stdout}")
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure in turn, and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("tasks", 1000), ("trials", 5), ("workers", 4), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name in ("folder", "pydantic-evals", "inspect"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(harness(given.folder, given.one, tasks=given.tasks, trials=given.trials, workers=given.workers))
        return
    tools: dict[str, Callable[[], float]] = {
        "in_process": partial(apart, "none", given),
        "in_a_host": partial(apart, "host", given),
    }
    if given.pydantic_evals:
        script = "pydantic_evals_trial.py"
        tools["pydantic_evals"] = partial(peer, given.pydantic_evals, script, given.tasks, given.trials)
    if given.inspect:
        few = min(given.tasks, INSPECT_TASKS)
        tools["inspect_ai"] = partial(peer, given.inspect, "inspect_trial.py", few, given.trials)
    rounds = [{name: measure() for name, measure in tools.items()} for _ in range(given.rounds)]
    best = {name: min(each[name] for each in rounds) for name in tools}
    ratios = {
        f"{ours}/{name}": round(best[ours] / best[name], 4)
        for ours in ("in_process", "in_a_host")
        for name in ("pydantic_evals", "inspect_ai")
        if name in best
    }
    skipped = [name for name in ("pydantic_evals", "inspect_ai") if name not in best]
    milliseconds = {name: round(value, 4) for name, value in best.items()}
    print(json.dumps({"ms_per_trial": milliseconds, "ratios": ratios, "not_given": skipped}, indent=1))


if __name__ == "__main__":
    main()
