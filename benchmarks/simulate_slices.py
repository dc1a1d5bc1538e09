"""Slices of an unchanged suite: how often any of 8 tags of 30 tasks and 5 trials is called worse by chance.

Each slice is tested by the stratified exact test (mid-p), and Holm holds all of them to the share of `false_block` that
slices get beside the aggregate and the flips. Beside it: any slice at p <= .05, and any slice whose mean
drops by more than 5 points. Power: one of the eight slices slips by a tenth, a fifth.

    python benchmarks/simulate_slices.py [--reps 10000] [--seed 1]
"""

import argparse

import numpy as np

from evalharness.gate import error_budget
from evalharness.model import Extension, Policy
from evalharness.stats.counts import FloatArray, IntArray
from evalharness.stats.estimate import proportion
from evalharness.stats.multiple import adjust, significant
from evalharness.stats.paired import cmh_test

SLICES, TASKS, TRIALS = 8, 30, 5
RULES = tuple(Extension(use=name) for name in ("no_worse", "no_confirmed_regressions", "slices"))
SHARE = error_budget(Policy(rules=RULES))["slices"]


def rates(rng: np.random.Generator) -> FloatArray:
    """A row of task rates per slice: half always pass, the others anything."""
    always = rng.random((SLICES, TASKS)) < 0.5
    return np.where(always, 1.0, rng.beta(2, 1, (SLICES, TASKS)))


def worse(base: IntArray, cand: IntArray) -> dict[str, bool]:
    """Whether each rule calls any slice worse."""
    trials = np.full(TASKS, TRIALS)
    pvalues = [cmh_test(b, trials, c, trials).pvalue for b, c in zip(base, cand, strict=True)]
    drops = (base - cand).mean(axis=1) / TRIALS
    return {
        f"gate (Holm at {SHARE:.2%})": bool(significant(adjust(pvalues, method="holm"), level=SHARE).any()),
        "any p at most .05": min(pvalues) <= 0.05,
        "any drop of more than 5 points": bool((drops > 0.05 + 1e-12).any()),
    }


def main() -> None:
    """Print how often each rule blocks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("| one slice times | rule | blocked [95 %] |\n|---|---|---|")
    for index, factor in enumerate((1.0, 0.9, 0.8)):
        rng = np.random.default_rng([options.seed, index])
        said = []
        for _ in range(options.reps if factor == 1 else options.reps // 5):
            before = rates(rng)
            after = before.copy()
            after[0] *= factor
            said.append(worse(rng.binomial(TRIALS, before), rng.binomial(TRIALS, after)))
        for rule in said[0]:
            share = proportion(sum(each[rule] for each in said), len(said), method="clopper_pearson")
            print(f"| {factor:g} | {rule} | {share.value:.2%} [{share.low:.2%}, {share.high:.2%}] |", flush=True)


if __name__ == "__main__":
    main()
