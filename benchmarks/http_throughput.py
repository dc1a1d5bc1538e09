"""Trials a second with an HTTP agent: `evalh run`, the same client in a bare loop, and the ideal.

    python benchmarks/http_throughput.py [--trials 2000] [--workers 100] [--latency 0.1] [--rounds 3]

The server is a process of its own that answers after the latency. The best round of each counts; rounds alternate.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_server import serve, served

from evalharness.agents import opened
from evalharness.executors.threads import ThreadExecutor
from evalharness.loading.definition import build_agent, load_agent
from evalharness.runner import Pace, run
from evalharness.runs import begin
from evalharness.suite import load_suite
from evalharness.workspaces.local import LocalWorkspaces

BODY = b'{"final": "yes"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


async def answered(latency: float) -> bytes:
    """Return the answer after the latency."""
    await asyncio.sleep(latency)
    return ANSWER


def prepared(folder: Path, url: str, tasks: int) -> tuple[Path, Path]:
    """Write suite and agent."""
    rows = [{"id": f"t{index}", "text": f"question {index}", "label": "yes"} for index in range(tasks)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "suite.yaml").write_text(
        "tasks: {file: tasks.jsonl}\nprompt: '{{ text }}'\nexpected: label\ngraders: [{use: exact_match}]\n"
    )
    (folder / "agent.yaml").write_text(json.dumps({"use": "http", "options": {"url": url}}))
    return folder / "suite.yaml", folder / "agent.yaml"


def harness_seconds(suite: Path, agent: Path, out: Path, *, trials: int, workers: int) -> float:
    """Time a whole run, records and transcripts included."""
    arm = begin(load_suite(suite), load_agent(str(agent)), out=out, trials=trials)
    start = time.perf_counter()
    with arm.store.writer() as writer:
        result = run(arm.owed(), job=arm.job(), executor=ThreadExecutor(), writer=writer, pace=Pace(workers=workers))
    seconds = time.perf_counter() - start
    if result.tally.passed != result.tally.owed:
        sys.exit(f"only {result.tally.passed} of {result.tally.owed} trials passed")
    return seconds


def bare_seconds(suite: Path, agent: Path, *, trials: int, workers: int) -> float:
    """Time the same calls of the same client, from as many threads, with nothing around them."""
    tasks = load_suite(suite).tasks * trials
    start = time.perf_counter()
    with (
        opened(build_agent(load_agent(str(agent))), workers=workers) as session,
        ThreadPoolExecutor(workers) as pool,
        LocalWorkspaces().fresh() as workspace,
    ):
        for _ in pool.map(lambda task: session.run(task, workspace, seed=1), tasks):
            pass
    return time.perf_counter() - start


def main() -> None:
    """Measure, and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("trials", 2000), ("workers", 100), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(lambda _: answered(given.latency)))
        return
    per_task, bare, harness = 5, [], []
    with served(__file__, "--serve", f"--latency={given.latency}") as url, tempfile.TemporaryDirectory() as name:
        folder, size = Path(name), {"trials": per_task, "workers": given.workers}
        suite, agent = prepared(folder, url, given.trials // per_task)
        for number in range(given.rounds):
            bare.append(bare_seconds(suite, agent, **size))
            harness.append(harness_seconds(suite, agent, folder / f"run-{number}", **size))
    ideal = given.trials * given.latency / given.workers
    print(
        json.dumps(
            {
                "trials": given.trials,
                "ideal_seconds": ideal,
                "bare_seconds": round(min(bare), 3),
                "harness_seconds": round(min(harness), 3),
                "of_bare": round(min(bare) / min(harness), 3),
                "of_ideal": round(ideal / min(harness), 3),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
