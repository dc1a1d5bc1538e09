"""Type I error and power of the one-sided 5 % regression tests.

No change, a change of both signs that cancels over the population (`swap`), and two losses of 5 points.

    python benchmarks/simulate_paired.py [--reps 2000] [--seed 1]
"""

import argparse
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from difficulties import EFFECTS, SIZES, TRIALS, Cell, Ints, cells, changed, outcomes, rates

from evalharness.stats.exact import TIE
from evalharness.stats.paired import cmh_test, mcnemar, paired_t, population_delta

Arms = tuple[Ints, Ints, Ints, Ints]


def _cmh(method: str) -> Callable[[Arms], bool]:
    return lambda arms: cmh_test(*arms, method=method).pvalue <= 0.05 + TIE


def _t(arms: Arms) -> bool:
    return paired_t(arms[2] / arms[3] - arms[0] / arms[1], rng=np.random.default_rng(0)).pvalue <= 0.05


def _population(arms: Arms) -> bool:
    high = population_delta(*arms, level=0.90).high
    return high is not None and high < 0


def _majority(arms: Arms) -> bool:
    before, after = 2 * arms[0] > arms[1], 2 * arms[2] > arms[3]
    broken, fixed = int((before & ~after).sum()), int((after & ~before).sum())
    return mcnemar(broken=broken, fixed=fixed, alternative="worse").pvalue <= 0.05 + TIE


def _pooled(arms: Arms) -> bool:
    one = [np.array([int(part.sum())]) for part in arms]
    return cmh_test(*one, method="z").pvalue <= 0.05


TESTS: dict[str, Callable[[Arms], bool]] = {
    "CMH, default": _cmh("auto"),
    "CMH exact": _cmh("exact"),
    "CMH mid-p": _cmh("midp"),
    "CMH z": _cmh("z"),
    "population bound, default": _population,
    "paired t": _t,
    "McNemar mid-p on majority votes": _majority,
    "pooled z": _pooled,
}


Alarms = dict[tuple[str, str, int, int], list[float]]


def simulate(cell: Cell, effect: str, reps: int, rng: np.random.Generator) -> dict[str, float]:
    """Share of alarms of every test in one cell."""
    k, hits = np.full(cell.n, cell.base_trials), dict.fromkeys(TESTS, 0)
    for _ in range(reps):
        before = rates(cell.difficulty, cell.n, rng)
        after = changed(before, cell.difficulty, effect, rng)
        arms = (outcomes(before, cell.base_trials, rng), k, outcomes(after, cell.cand_trials, rng), k)
        for name, test in TESTS.items():
            hits[name] += test(arms)
    return {name: found / reps for name, found in hits.items()}


def report(alarms: Alarms) -> None:
    """Print the worst type I error by number of tasks, and mean power by tasks and trials."""
    for effect, meaning in (("none", "nothing changed"), ("swap", "population null with changes of both signs")):
        print(f"\nWorst false alarm rate, {meaning}\n")
        print("| test | " + " | ".join(f"n={n}" for n in SIZES) + " | mean |")
        print("|---" * (len(SIZES) + 2) + "|")
        for name in TESTS:
            by_size = [[x for k in TRIALS for x in alarms[name, effect, n, k]] for n in SIZES]
            figures = " | ".join(f"{max(one):.3f}" for one in by_size)
            print(f"| {name} | {figures} | {np.mean(by_size):.3f} |")
    for effect in ("shift", "break"):
        print(f"\nPower at a loss of 5 points ({effect}), mean over difficulties; columns are tasks x trials\n")
        print("| test | " + " | ".join(f"{n}x{k}" for n in SIZES for k in TRIALS) + " |")
        print("|---" * (len(SIZES) * len(TRIALS) + 1) + "|")
        for name in TESTS:
            figures = " | ".join(f"{np.mean(alarms[name, effect, n, k]):.2f}" for n in SIZES for k in TRIALS)
            print(f"| {name} | {figures} |")


def main() -> None:
    """Simulate every cell under every effect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    alarms: Alarms = defaultdict(list)
    for index, cell in enumerate(cells()):
        rng = np.random.default_rng([options.seed, index])
        for effect in EFFECTS:
            for name, share in simulate(cell, effect, options.reps, rng).items():
                alarms[name, effect, cell.n, cell.base_trials].append(share)
    report(alarms)


if __name__ == "__main__":
    main()
