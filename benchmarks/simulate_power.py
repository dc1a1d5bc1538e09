"""Formula against simulation: the chance that a drop of 5 points raises the one-sided 5 % alarm.

For the suite the formula stands beside the task-stratified test, for the population beside the paired t test, over
difficulties, kinds of change, and sizes.

    python benchmarks/simulate_power.py [--draws 2000] [--seed 1]
"""

import argparse
import math

import numpy as np
from difficulties import DIFFICULTIES, changed, rates

from evalharness.stats.power import Noise, achieved_power
from evalharness.stats.power_simulation import Scenario, simulated_power

POOL = 2000
SIZES, TRIALS = (50, 100, 200), (1, 3, 10)


def scenario(difficulty: str, effect: str, n: int, trials: int, rng: np.random.Generator) -> Scenario:
    """A suite that stands evenly for its difficulty: every other task of a large sorted pool."""
    before = rates(difficulty, POOL, rng)
    later = changed(before, difficulty, effect, rng)
    picks = rng.permutation(POOL)[:n]
    return Scenario(baseline=before[picks], candidate=later[picks], trials=(trials, trials))


def formula(case: Scenario, estimand: str) -> float:
    """The power that the plan promises for these true rates."""
    p, q = case.baseline, case.candidate
    spread = float(np.var(q - p)) if estimand == "population" else 0.0
    noise = Noise(
        within_baseline=float((p * (1 - p)).mean()), within_candidate=float((q * (1 - q)).mean()), between=spread
    )
    drop = float((p - q).mean())
    if drop <= 0:
        return math.nan
    return achieved_power(drop, p.size, case.trials, noise=noise).value or math.nan


def main() -> None:
    """Print formula, simulation and the largest difference by effect and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("| estimand | change | tasks | trials | formula | simulated | largest difference |")
    print("|---" * 7 + "|")
    for estimand in ("suite", "population"):
        for effect in ("shift", "break"):
            for n in SIZES:
                for k in TRIALS:
                    pairs = []
                    for index, difficulty in enumerate(DIFFICULTIES):
                        rng = np.random.default_rng([options.seed, index, n, k])
                        case = scenario(difficulty, effect, n, k, rng)
                        promised = formula(case, estimand)
                        found = simulated_power(case, rng=rng, estimand=estimand, draws=options.draws)
                        if not math.isnan(promised) and found.value is not None:
                            pairs.append((promised, found.value))
                    means = np.mean(pairs, axis=0)
                    worst = max(abs(a - b) for a, b in pairs)
                    print(f"| {estimand} | {effect} | {n} | {k} | {means[0]:.3f} | {means[1]:.3f} | {worst:.3f} |")
    print(f"\nMonte Carlo standard error at most {math.sqrt(0.25 / options.draws):.3f}")


if __name__ == "__main__":
    main()
