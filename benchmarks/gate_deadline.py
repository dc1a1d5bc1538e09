"""A pull request's five minutes: does the gate end in time, and does it see a task that broke completely?

50 tasks whose trials take log-normal time (median 5 s), 20 workers, a budget of 5 minutes; one always-passing task of
the candidate breaks. Everything that takes time is scaled down by `--scale`, deadline included; the gate itself is not.

    python benchmarks/gate_deadline.py --runs 40 --scale 25
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from evalharness.gate import PRESETS
from evalharness.gates import carry_out
from evalharness.gating.baseline import Baseline
from evalharness.gating.beginning import begin_gate
from evalharness.model import AgentDefinition
from evalharness.runner import Pace, Stop
from evalharness.running.budget import Budget
from evalharness.suite import load_suite

TASKS = 50
SPREAD = 0.8  # of the logarithm of a trial's time
MINUTES = 5.0
LATE_SECONDS = 10.0
AGENT = """
import random, time

SCALE = {scale}

def work(task, seed):
    rng = random.Random(seed)
    time.sleep(5 / SCALE * rng.lognormvariate(0, {spread}))
    return task.expected if rng.random() < task.fields["chance"] else "no"

def broken(task, seed):
    answer = work(task, seed)
    return "no" if task.id == "t0" else answer
"""


def project(folder: Path, scale: float) -> None:
    """Write a suite of which 60 % of the tasks always pass, and an agent that sleeps."""
    (folder / "sleeper.py").write_text(AGENT.format(scale=scale, spread=SPREAD))
    chances = [1.0 if n < 0.6 * TASKS else 0.95 if n < 0.8 * TASKS else 0.6 for n in range(TASKS)]
    tasks = [{"id": f"t{n}", "prompt": "?", "expected": "yes", "chance": chance} for n, chance in enumerate(chances)]
    suite = {"name": "deadline", "trials": 3, "tasks": tasks, "graders": [{"use": "exact_match"}]}
    (folder / "suite.yaml").write_text(json.dumps(suite))


def arm(function: str) -> AgentDefinition:
    """Name one of the two agents; it sleeps in this process, so that no start-up is scaled along."""
    options = {"call": f"sleeper:{function}", "isolation": "none"}
    return AgentDefinition(name=function, use="function", options=options, place=str(Path.cwd()))


def one_gate(scale: float, workers: int) -> tuple[str, float, bool]:
    """Run one gate; return its decision, how long it took, and whether it was complete."""
    suite = load_suite("suite.yaml")
    pace = Pace(workers=workers, budget=Budget(minutes=MINUTES / scale))
    store = begin_gate(suite, arm("broken"), Baseline(definition=arm("work")), policy=PRESETS["pr"], trials=3)
    began = time.monotonic()
    gated = carry_out(store, suite, pace=pace, stop=Stop())
    if gated is None:
        raise RuntimeError("the gate was stopped from outside")
    return gated.verdict.decision.value, time.monotonic() - began, gated.complete


def main() -> None:
    """Run the gates and print what they did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--scale", type=float, default=25.0)
    parser.add_argument("--workers", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        project(Path(folder), options.scale)
        done = [one_gate(options.scale, options.workers) for _ in range(options.runs)]
        os.chdir("/")
    deadline = MINUTES * 60 / options.scale
    decisions = Counter(decision for decision, _, _ in done)
    seconds = [took for _, took, _ in done]
    print(f"{options.runs} gates, deadline {deadline:.0f} s ({MINUTES:g} minutes / {options.scale:g})")
    print("decisions: " + ", ".join(f"{name} {number}" for name, number in decisions.most_common()))
    print(f"blocked: {decisions['block'] / options.runs:.1%} (at least 95 % is promised)")
    late = max(0.0, max(seconds) - deadline)
    print(f"time: median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s")
    print(f"latest end: {late:.1f} s after the deadline (at most {LATE_SECONDS:g} s is promised)")
    print(f"decided before everything was done: {sum(not complete for _, _, complete in done)}")


if __name__ == "__main__":
    main()
