"""A/A on real repeated runs: permute trials within each task and count how often nothing looks like harm.

Every configuration is split at random into two arms of its own trials, so that any alarm is false. One-sided at 5 %:
the fixed-suite bound (upper bound of delta below 0) and the CMH test in its three forms. Splits of whole runs stand
beside; they are few and dependent.

    python benchmarks/permute_real_runs.py FOLDER_OF_OUTCOME_TABLES [--permutations 10000] [--seed 1]
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evalharness.stats.paired import cmh_test, fixed_suite_delta

Ints = NDArray[np.int64]
TABLES = ("terminal_bench", "tau_bench_airline", "tau2_retail")
METHODS = ("exact", "midp", "z")
ALPHA = 0.05


@dataclass(frozen=True)
class Configuration:
    """One agent's outcomes: a row per task, a column per run, NaN where nothing was measured."""

    name: str
    outcomes: pd.DataFrame

    @property
    def passed(self) -> Ints:
        """Passed trials per task."""
        return self.outcomes.sum(axis=1).to_numpy().astype(np.int64)

    @property
    def trials(self) -> Ints:
        """Measured trials per task."""
        return self.outcomes.notna().sum(axis=1).to_numpy().astype(np.int64)


def configurations(folder: Path) -> Iterator[Configuration]:
    """Every configuration with at least two trials per task in the known tables of the folder."""
    verdicts = pd.read_csv(folder / "on_randomness_verdicts.csv.gz", dtype=str).set_index("task_id")
    for name in verdicts.columns:
        yield Configuration(name, verdicts[name].str.split("", expand=True).iloc[:, 1:-1].astype(float))
    for table in TABLES:
        rows = pd.read_csv(folder / f"{table}.csv.gz", dtype={"task_id": str})
        for (agent, version), own in rows.groupby(["agent", "version"]):
            wide = own.pivot_table(index="task_id", columns="trial", values="passed", dropna=False)
            yield Configuration(f"{table}: {agent} {version}", wide.dropna(how="all"))


def alarms(base_passed: Ints, base_trials: Ints, cand_passed: Ints, cand_trials: Ints) -> list[bool]:
    """Whether the bound, and each form of CMH, calls the candidate worse."""
    arms = (base_passed, base_trials, cand_passed, cand_trials)
    high = fixed_suite_delta(*arms, level=1 - 2 * ALPHA).high
    tests = [cmh_test(*arms, method=method).pvalue <= ALPHA + 1e-12 for method in METHODS]
    return [high is not None and high < 0, *tests]


def permuted(configuration: Configuration, *, permutations: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Share of alarms over random splits of each task's trials into two halves (the odd one to the candidate)."""
    kept = configuration.trials >= 2
    passed, trials = configuration.passed[kept], configuration.trials[kept]
    base_trials, cand_trials = trials // 2, trials - trials // 2
    hits = np.zeros(1 + len(METHODS))
    for _ in range(permutations):
        cand_passed = rng.hypergeometric(passed, trials - passed, cand_trials)
        hits += alarms(passed - cand_passed, base_trials, cand_passed, cand_trials)
    return hits / permutations


def whole_runs(configuration: Configuration) -> tuple[float, int]:
    """Share of alarms of the bound over all splits of whole runs into halves, and how many splits there are."""
    table = configuration.outcomes
    runs = range(table.shape[1])
    hits = splits = 0
    for chosen in combinations(runs, len(runs) // 2):
        base = Configuration("", table.iloc[:, list(chosen)])
        cand = Configuration("", table.iloc[:, [run for run in runs if run not in chosen]])
        hits += alarms(base.passed, base.trials, cand.passed, cand.trials)[0]
        splits += 1
    return hits / splits, splits


def main() -> None:
    """Print one line per configuration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print("| configuration | tasks | flaky | trials | bound | CMH exact | mid-p | z | whole runs (splits) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for one in configurations(options.folder):
        shares = permuted(one, permutations=options.permutations, rng=rng)
        flaky = int(((one.passed > 0) & (one.passed < one.trials)).sum())
        runs, splits = whole_runs(one)
        cells = " | ".join(f"{share:.4f}" for share in shares)
        print(f"| {one.name} | {one.trials.size} | {flaky} | {one.trials.max()} | {cells} | {runs:.3f} ({splits}) |")


if __name__ == "__main__":
    main()
