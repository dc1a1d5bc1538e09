"""What planning trials from history buys: the true variance of the mean over tasks, relative to equal trials.

A stored baseline of ten trials per task decides where the candidate's trials go; `lowest` is the smallest coverage of
the 95 % fixed-suite interval of the planned run over difficulties. With `--verdicts FILE` (a column of ten 0/1 runs
per configuration) the first five real runs plan the trials and the other five tell the variance.

    python benchmarks/simulate_allocation.py [--reps 400] [--seed 1] [--verdicts FILE]
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from difficulties import DIFFICULTIES, rates

from evalharness.stats.allocation import Limits, neyman
from evalharness.stats.estimate import repeatability

TASKS = 100


def print_simulated(reps: int, seed: int) -> None:
    """Savings by trials per task, from the smallest to the largest over difficulties."""
    print("| trials per task | variance ratio, best | worst | coverage, lowest |")
    print("|---" * 4 + "|")
    for k in (3, 5, 10):
        ratios, coverage = [], []
        for index, difficulty in enumerate(DIFFICULTIES):
            rng = np.random.default_rng([seed, index, k])
            found, hits = [], 0
            for _ in range(reps):
                p = rates(difficulty, TASKS, rng)
                planned = np.array(
                    neyman(rng.binomial(10, p), np.full(TASKS, 10), limits=Limits(budget=TASKS * k)).trials
                )
                found.append((p * (1 - p) / planned).sum() / (p * (1 - p) / k).sum())
                interval = repeatability(rng.binomial(planned, p), planned)
                assert interval.low is not None
                assert interval.high is not None
                hits += interval.low <= p.mean() <= interval.high
            ratios.append(float(np.mean(found)))
            coverage.append(hits / reps)
        print(f"| {k} | {min(ratios):.2f} | {max(ratios):.2f} | {min(coverage):.3f} |")


def print_real(file: Path) -> None:
    """Savings on real repeated runs; variance from runs that did not plan."""
    print("\n| configuration | tasks | trials per task | variance ratio | floor only | most trials |")
    print("|---" * 6 + "|")
    table = pd.read_csv(file, dtype=str, index_col="task_id")
    for name in table.columns:
        bits = np.array([[int(bit) for bit in text] for text in table[name]])
        history, held = bits[:, :5].sum(axis=1), bits[:, 5:].sum(axis=1)
        noise = held * (5 - held) / 20
        for k in (3, 5, 10):
            planned = np.array(neyman(history, np.full(len(bits), 5), limits=Limits(budget=k * len(bits))).trials)
            ratio = (noise / planned).sum() / (noise / k).sum()
            print(f"| {name} | {len(bits)} | {k} | {ratio:.2f} | {(planned == 2).mean():.0%} | {planned.max()} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verdicts", type=Path)
    options = parser.parse_args()
    print_simulated(options.reps, options.seed)
    if options.verdicts:
        print_real(options.verdicts)


if __name__ == "__main__":
    main()
