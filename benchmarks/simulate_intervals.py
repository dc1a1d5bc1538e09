"""Coverage of the intervals of one run: how often a 95 % interval holds the truth, worst and on average.

python benchmarks/simulate_intervals.py [--reps 4000] [--seed 1]
"""

import argparse
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from difficulties import SIZES, Cell, Floats, Ints, cells, outcomes, population_rates, rates

from evalharness.stats.differences import paired_t_interval
from evalharness.stats.estimate import pass_rate, proportion, repeatability
from evalharness.stats.reliability import extrapolate, suite_pass_hat_k
from evalharness.stats.results import Estimate

Interval = Callable[[Ints, Ints], Estimate]


def _pooled(c: Ints, k: Ints) -> Estimate:
    return proportion(int(c.sum()), int(k.sum()))


def _t(c: Ints, k: Ints) -> Estimate:
    return paired_t_interval(c / k)


def _hat(m: int) -> Interval:
    return lambda c, k: suite_pass_hat_k(c, k, k=m)


def _beyond(c: Ints, k: Ints) -> Estimate:
    return extrapolate(c, k, k=8)


def _rate(p: Floats) -> float:
    return float(p.mean())


# name, interval, true value, least trials, of these tasks (else of all tasks like them), share of the repetitions
ROWS: list[tuple[str, Interval, Callable[[Floats], float], int, bool, float]] = [
    ("pass rate, default", pass_rate, _rate, 1, False, 1),
    ("pass rate, t on tasks", _t, _rate, 1, False, 1),
    ("pass rate, Wilson on pooled trials", _pooled, _rate, 1, False, 1),
    ("pass^3, default", _hat(3), lambda p: float((p**3).mean()), 3, False, 1),
    ("pass^8, default", _hat(8), lambda p: float((p**8).mean()), 8, False, 1),
    ("pass^8 extrapolated, beta-binomial", _beyond, lambda p: float((p**8).mean()), 2, False, 0.05),
    ("repeatability (fixed suite)", repeatability, _rate, 2, True, 1),
]


Tally = dict[tuple[str, int], list[tuple[float, float]]]


def simulate(cell: Cell, reps: int, rng: np.random.Generator, population: Floats, tally: Tally) -> None:
    """Coverage and mean width of every interval in one cell."""
    k = np.full(cell.n, cell.base_trials)
    for name, interval, truth, least, own, share in ROWS:
        if cell.base_trials < least:
            continue
        asked, held, width, target = max(20, int(reps * share)), 0, 0.0, truth(population)
        for _ in range(asked):
            p = rates(cell.difficulty, cell.n, rng)
            found = interval(outcomes(p, cell.base_trials, rng), k)
            low, high = (0.0 if found.low is None else found.low), (1.0 if found.high is None else found.high)
            held += low - 1e-12 <= (truth(p) if own else target) <= high + 1e-12
            width += high - low
        tally[name, cell.n].append((held / asked, width / asked))


def main() -> None:
    """Print worst and mean coverage by number of tasks, and mean width at 100 tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tally: Tally = defaultdict(list)
    for index, cell in enumerate(cells()):
        rng = np.random.default_rng([options.seed, index])
        simulate(cell, options.reps, rng, population_rates(cell.difficulty), tally)
    print("| interval | " + " | ".join(f"worst n={n}" for n in SIZES) + " | mean | width n=100 |")
    print("|---" * (len(SIZES) + 3) + "|")
    for name, *_ in ROWS:
        worst = " | ".join(f"{min(held for held, _ in tally[name, n]):.3f}" for n in SIZES)
        mean = np.mean([held for n in SIZES for held, _ in tally[name, n]])
        print(f"| {name} | {worst} | {mean:.3f} | {np.mean([width for _, width in tally[name, 100]]):.3f} |")


if __name__ == "__main__":
    main()
