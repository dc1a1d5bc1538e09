"""Coverage of 95 % intervals of an audit where tasks have several answers, of which some are labelled.

    python benchmarks/simulate_audit.py [--reps 1000] [--seed 1]

Pass rates of tasks vary as a beta distribution with a + b = 1.5. The grader passes 95 % of right answers; the check of
15 % of the tasks is loose, and passes every wrong answer. `pooled` treats answers as independent.
"""

import argparse

import numpy as np

from evalharness.stats.estimate import proportion
from evalharness.stats.labelled import labelled_rate, pooled_rate
from evalharness.stats.results import Estimate

SENSITIVITY, LOOSE, SPREAD = 0.95, 0.15, 1.5
CELLS = [(tasks, 5, labels, rate) for tasks in (20, 50, 200) for labels in (100,) for rate in (0.5, 0.8, 0.95)]


def intervals(
    tasks: int, trials: int, labels: int, rate: float, rng: np.random.Generator
) -> dict[str, tuple[float, Estimate]]:
    """Draw one run and its labels; give each interval with the truth that it is about."""
    right = rng.random((tasks, trials)) < rng.beta(SPREAD * rate, SPREAD * (1 - rate), (tasks, 1))
    passed = np.where(right, rng.random(right.shape) < SENSITIVITY, rng.random((tasks, 1)) < LOOSE)
    picked = (rng.permutation(right.size) < labels).reshape(right.shape)
    good, seen, marked = ((each & picked).sum(axis=1) for each in (right, passed, np.ones_like(right)))
    whole = {"passed": passed.sum(axis=1), "answers": np.full(tasks, trials)}
    both, accepted = (right & passed).sum(axis=1), whole["passed"]
    precision = rate * SENSITIVITY / (rate * SENSITIVITY + (1 - rate) * LOOSE)
    return {
        "precision pooled": (precision, proportion(int(both.sum()), int(accepted.sum()), method="clopper_pearson")),
        "precision": (precision, pooled_rate(both, accepted)),
        "labels alone": (rate, pooled_rate(good, marked)),
        "corrected": (rate, labelled_rate(good, seen, marked, **whole)),
    }


def main() -> None:
    """Print coverage and mean width for every cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print("tasks  labels  rate  interval            covers   width")
    for tasks, trials, labels, rate in CELLS:
        covered: dict[str, list[bool]] = {}
        widths: dict[str, list[float]] = {}
        for _ in range(options.reps):
            for name, (truth, found) in intervals(tasks, trials, labels, rate, rng).items():
                low, high = found.low or 0.0, 1.0 if found.high is None else found.high
                covered.setdefault(name, []).append(low <= truth <= high)
                widths.setdefault(name, []).append(high - low)
        for name, hits in covered.items():
            print(f"{tasks:5}  {labels:6}  {rate:4.2f}  {name:18}  {np.mean(hits):6.3f}  {np.mean(widths[name]):6.3f}")


if __name__ == "__main__":
    main()
