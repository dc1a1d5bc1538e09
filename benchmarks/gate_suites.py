"""Suites and candidates that the gate simulations share."""

from collections.abc import Iterator

import numpy as np

from evalharness.calibrate import Fault
from evalharness.calibrate.faults import best_tasks, slip, unchanged
from evalharness.stats.counts import FloatArray

RIVALS = np.array([1.0] * 24 + [0.95] * 8 + [0.8, 0.8, 0.7, 0.7, 0.6, 0.6, 0.5, 0.5])
"""The suite that other gates were measured on: 40 tasks, three in five never fail."""

CANDIDATES: dict[str, Fault] = {
    "unchanged": unchanged,
    "one task broken": best_tasks(1, 0.0),
    "three tasks halved": best_tasks(3, 0.5),
    "all x 0.9": slip(0.9),
}


def from_prior(count: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Draw suites: 30 to 200 tasks, 30 to 60 % always pass, 0 to 20 % never, the rest Beta(a, b), a and b 0.5 to 4."""
    for _ in range(count):
        tasks = int(rng.integers(30, 201))
        always, never = round(tasks * rng.uniform(0.3, 0.6)), round(tasks * rng.uniform(0, 0.2))
        a, b = rng.uniform(0.5, 4, 2).tolist()
        rest = rng.beta(a, b, tasks - always - never)
        yield np.concatenate([np.ones(always), np.zeros(never), rest])
