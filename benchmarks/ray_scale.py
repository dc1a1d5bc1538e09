"""What a Ray cluster gives and costs: two nodes against one, and the overhead of short trials.

    nice python benchmarks/ray_scale.py [--rounds 3] [--trials 40] [--short 10000] [--workers 8] [--check]

Two nodes are started on this machine. First, trials that compute: one worker on one node against two workers on two
nodes, rounds alternating, beside what two plain processes gain over one on this machine at that time. Then `--short`
trials of 50 ms that wait: how much longer than trials x 50 ms / workers they take, and how much longer plain processes
take that do nothing else (on a busy machine nobody wakes in time). Time counts from the moment the workers are ready;
what it takes to get there is said apart.

`busy` is the part of their time that workers spend in agents, and `cluster` the gain that follows from it: what is left
of two when the machine gives each worker a processor, which the clock shows only where nobody else uses it.

`--check` exits with 1 where the best round is under 1.8 times, or the overhead of the short ones is 15 % or more.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ray.cluster_utils import Cluster

from evalharness.executors import Job
from evalharness.executors.ray import RayExecutor
from evalharness.loading.definition import load_agent
from evalharness.runner import Pace, run
from evalharness.runs import begin
from evalharness.suite import load_suite

GAIN, OVERHEAD = 1.8, 0.15
SHORT_SECONDS = 0.05
AGENT = f"""
import hashlib, random, time
from evalharness.model import Message, Transcript

def said(seed):
    told = Message(role="assistant", content=random.Random(seed).randbytes(2000).hex())
    return Transcript(final="4", messages=(told,))

def compute(task, seed):
    for _ in range(60):
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 10_000)
    return said(seed)

def wait(task, seed):
    time.sleep({SHORT_SECONDS})
    return said(seed)
"""


class Timed(RayExecutor):
    """Says when its workers were ready."""

    ready = 0.0

    def open(self, job: Job, *, workers: int) -> None:
        """Start the workers, all of them."""
        super().open(job, workers=workers)
        while not all(slot.open for slot in self._slots):
            self.next(0.1)
        self.ready = time.perf_counter()


@contextmanager
def two_nodes(cpus: int) -> Iterator[str]:
    """Start a cluster of two nodes, and give its address."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    size = {"num_cpus": cpus, "object_store_memory": 200 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=size)
    cluster.add_node(num_cpus=cpus, object_store_memory=200 << 20)
    cluster.wait_for_nodes()
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


class Measured(NamedTuple):
    """How long it took to get ready and to carry all trials out, and the part of it that workers were busy."""

    ready: float
    seconds: float
    busy: float


def carried_out(address: str, call: str, *, tasks: int, trials: int, workers: int) -> Measured:
    """Run and measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [{"id": f"t{index}", "text": f"What is {index}+{index}?", "label": "4"} for index in range(tasks)]
        (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "at_work.py").write_text(AGENT)
        (folder / "suite.yaml").write_text(
            "tasks: {file: tasks.jsonl}\nprompt: '{{ text }}'\nexpected: label\ngraders: [{use: exact_match}]\n"
        )
        agent = {"use": "function", "options": {"call": f"at_work:{call}", "isolation": "none"}}
        (folder / "agent.yaml").write_text(json.dumps(agent))
        suite, definition = load_suite(str(folder / "suite.yaml")), load_agent(str(folder / "agent.yaml"))
        arm = begin(suite, definition, out=folder / "run", trials=trials)
        executor, begun = Timed(address=address, per_node=-(-workers // 2)), time.perf_counter()
        with arm.store.writer() as writer:
            result = run(arm.owed(), job=arm.job(), executor=executor, writer=writer, pace=Pace(workers=workers))
        seconds = time.perf_counter() - executor.ready
        inside = sum(record.usage.seconds or 0.0 for record in arm.store.records())
    if result.tally.passed != tasks * trials:
        sys.exit(f"only {result.tally.passed} of {tasks * trials} trials passed")
    return Measured(executor.ready - begun, seconds, inside / seconds / workers)


def plain(call: str, number: int) -> None:
    """Do what the trials do, without anything of ours."""
    scope: dict[str, Any] = {}
    exec(AGENT, scope)
    for seed in range(number):
        scope[call](None, seed)


def processes(call: str, number: int, *, trials: int) -> float:
    """Return the seconds that this many plain processes take for the trials, shared between them."""
    started = [multiprocessing.Process(target=plain, args=(call, trials // number)) for _ in range(number)]
    begun = time.perf_counter()
    for process in started:
        process.start()
    for process in started:
        process.join()
    return time.perf_counter() - begun


def gains(rounds: int, trials: int) -> dict[str, Any]:
    """Set two nodes against one, and two processes against one."""
    found: list[dict[str, Any]] = []
    with two_nodes(1) as address:
        for _ in range(rounds):
            one, two = (carried_out(address, "compute", tasks=trials, trials=1, workers=n) for n in (1, 2))
            floor = processes("compute", 1, trials=trials) / processes("compute", 2, trials=trials)
            busy = round(one.busy, 3), round(two.busy, 3)
            cluster = round(2 * two.busy / one.busy, 3)
            said = {"gain": round(one.seconds / two.seconds, 3), "machine": round(floor, 3), "cluster": cluster}
            found.append({**said, "busy": busy})
            print(found[-1], file=sys.stderr)
    return {"rounds": found, "best": max(each["gain"] for each in found)}


def overhead(trials: int, workers: int) -> dict[str, Any]:
    """Measure short trials that wait."""
    with two_nodes(workers // 2) as address:
        ready, seconds, busy = carried_out(address, "wait", tasks=100, trials=trials // 100, workers=workers)
    ideal, floor = trials * SHORT_SECONDS / workers, processes("wait", workers, trials=trials // 5) * 5
    return {
        "trials": trials,
        "workers": workers,
        "ideal": round(ideal, 2),
        "seconds": round(seconds, 2),
        "overhead": round(seconds / ideal - 1, 4),
        "overhead_of_plain_processes": round(floor / ideal - 1, 4),
        "busy": round(busy, 3),
        "ready": round(ready, 2),
    }


def main() -> None:
    """Measure both, and say which limits hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rounds", 3), ("trials", 40), ("short", 10_000), ("workers", 8)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    found: dict[str, Any] = {"load": os.getloadavg()[0]}
    if given.short:
        found["short"] = overhead(given.short, given.workers)
        print(found["short"], file=sys.stderr)
    if given.rounds:
        found["nodes"] = gains(given.rounds, given.trials)
    print(json.dumps(found, indent=1))
    slow = given.rounds and found["nodes"]["best"] < GAIN
    dear = given.short and found["short"]["overhead"] >= OVERHEAD
    sys.exit(bool(given.check and (slow or dear)))


if __name__ == "__main__":
    main()
