"""Miss rates of the one-sided 95 % lower bound of delta, and how often it certifies 5 points when nothing changed.

The nominal miss rate is .05; the bound decides promotions, so it may not be missed much more often, for whatever a
release does to the tasks.

    python benchmarks/simulate_noninferiority.py [--reps 4000] [--seed 1]
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from difficulties import DIFFICULTIES, EFFECTS, SIZES, TRIALS, Cell, cells, changed, outcomes, population_delta, rates

from evalharness.stats import paired
from evalharness.stats.results import Estimate

UNEQUAL = ((10, 1), (10, 2), (10, 3), (2, 2))


def _t(*arms: np.ndarray, level: float) -> Estimate:
    base_passed, base_trials, cand_passed, cand_trials = arms
    return paired.paired_t_interval(cand_passed / cand_trials - base_passed / base_trials, level=level)


BOUNDS: dict[tuple[str, str], Callable[..., Estimate]] = {
    ("suite", "default"): paired.fixed_suite_delta,
    ("population", "default"): paired.population_delta,
    ("population", "paired t"): _t,
}


def every_cell() -> Iterator[Cell]:
    """Equal arms, and a few that are not."""
    yield from cells()
    for difficulty in DIFFICULTIES:
        for n in SIZES:
            for base, cand in UNEQUAL:
                yield Cell(difficulty, n, base, cand)


@dataclass
class Tally:
    """Miss rates with their cells, and shares of certified margins, by bound."""

    missed: dict[tuple[str, str, str, int], list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    certified: dict[tuple[str, str, int, int], list[float]] = field(default_factory=lambda: defaultdict(list))


def simulate(cell: Cell, effect: str, reps: int, rng: np.random.Generator, tally: Tally) -> None:
    """Ask every bound about `reps` comparisons of one cell."""
    base_trials, cand_trials = np.full(cell.n, cell.base_trials), np.full(cell.n, cell.cand_trials)
    misses, promotes = dict.fromkeys(BOUNDS, 0), dict.fromkeys(BOUNDS, 0)
    for _ in range(reps):
        before = rates(cell.difficulty, cell.n, rng)
        after = changed(before, cell.difficulty, effect, rng)
        base, cand = outcomes(before, cell.base_trials, rng), outcomes(after, cell.cand_trials, rng)
        truth = {"suite": float((after - before).mean()), "population": population_delta(effect)}
        for key, bound in BOUNDS.items():
            found = bound(base, base_trials, cand, cand_trials, level=0.90)
            low = found.value if found.low is None else found.low
            assert low is not None
            misses[key] += low > truth[key[0]] + 1e-12
            promotes[key] += low > -0.05
    where = f"{cell.difficulty} {cell.base_trials}/{cell.cand_trials}"
    for key in BOUNDS:
        tally.missed[(*key, effect, cell.n)].append((misses[key] / reps, where))
        if effect == "none" and cell.base_trials == cell.cand_trials:
            tally.certified[(*key, cell.n, cell.base_trials)].append(promotes[key] / reps)


def report(tally: Tally) -> None:
    """Print the worst miss rate of each bound by target, effect and number of tasks."""
    print("| target | bound | effect | " + " | ".join(f"n={n}" for n in SIZES) + " | worst cell |")
    print("|---" * (len(SIZES) + 4) + "|")
    for target, name in BOUNDS:
        for effect in EFFECTS:
            worst = [max(tally.missed[target, name, effect, n]) for n in SIZES]
            figures = " | ".join(f"{miss:.3f}" for miss, _ in worst)
            print(f"| {target} | {name} | {effect} | {figures} | {max(worst)[1]} |")
    print("\nChance to certify a margin of 5 points when nothing changed (mean over difficulties)\n")
    print("| target | bound | n | k=1 | k=3 | k=5 | k=10 |")
    print("|---" * 7 + "|")
    for target, name in BOUNDS:
        for n in SIZES:
            figures = " | ".join(f"{np.mean(tally.certified[target, name, n, k]):.2f}" for k in TRIALS)
            print(f"| {target} | {name} | {n} | {figures} |")


def main() -> None:
    """Simulate every cell under every effect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tally = Tally()
    for index, cell in enumerate(every_cell()):
        rng = np.random.default_rng([options.seed, index])
        for effect in EFFECTS:
            simulate(cell, effect, options.reps, rng, tally)
    report(tally)


if __name__ == "__main__":
    main()
