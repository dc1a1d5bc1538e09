"""A suite with agents that are steady, broken and hostile, and a comparison of many tasks."""

import numpy as np

from evalharness.compare import compare
from evalharness.gate import PRESETS, judge
from evalharness.model import Comparison, Verdict
from tests.factories import arms
from tests.report.hostile import HOSTILE

AGENTS = f"""
import random

HOSTILE = {HOSTILE!r}

def steady(task, seed):
    chance = (1, 1, 0.95, 0.6, 0.1)[int(task.id[1:]) % 5]
    return task.expected if random.Random(seed).random() < chance else f"I do not know about {{task.id}}"

def broken(task, seed):
    return "no, the tool failed" if task.id in ("t3", "t10", "t20", "t21") else steady(task, seed)

def hostile(task, seed):
    number = int(task.id[1:])
    if number == 0:
        return "<b>" + "x" * 10_000_000
    return HOSTILE[number % len(HOSTILE)] if number < 2 * len(HOSTILE) else steady(task, seed)
"""

SUITE = {
    "name": "yes",
    "trials": 3,
    "graders": [{"use": "exact_match"}],
    "tasks": [
        {
            "id": f"t{number}",
            "prompt": f"Say yes to question {number}.",
            "expected": "yes",
            "tags": [f"topic:{'abc'[number % 3]}", "long" if number % 7 == 0 else "short"],
        }
        for number in range(60)
    ],
}


def big(tasks: int) -> tuple[Comparison, Verdict]:
    """Compare this many tasks, ten trials each, of which some broke."""
    rng = np.random.default_rng(5)
    chances = rng.choice([1.0, 1.0, 0.9, 0.5, 0.0], size=tasks)
    broken = np.where(rng.random(tasks) < 0.03, 0.0, chances)
    passed = [dict(enumerate(rng.binomial(10, each).tolist())) for each in (chances, broken)]
    before, after = ({f"task-{key:05}": (n, 10 - n, 0) for key, n in each.items()} for each in passed)
    comparison = compare(*arms(before, after), PRESETS["pr"])
    return comparison, judge(comparison, PRESETS["pr"])
