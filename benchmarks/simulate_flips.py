"""Which tasks flipped: false flags of an unchanged agent, and what is found when five of 100 tasks change.

Half of the tasks always pass, 15 % always fail, the rest is flaky. `break` multiplies the pass rate of five tasks that
pass more often than not by .02, `half` by .5.

    python benchmarks/simulate_flips.py [--reps 1000] [--seed 1]
"""

import argparse
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from difficulties import Floats, outcomes
from numpy.typing import NDArray
from scipy.special import bdtrc

from evalharness.stats.evidence import regression_evidence
from evalharness.stats.flips import confirm, flip_chances, suspects, task_pvalues
from evalharness.stats.multiple import bh, e_bh, heyse, holm, significant, tarone
from evalharness.stats.tables import attainable

N, BROKEN, TRIALS = 100, 5, (1, 3, 5, 10, 20)
FACTORS = {"none": 1.0, "break": 0.02, "half": 0.5}
Flags = NDArray[np.bool_]


def suite(rng: np.random.Generator) -> Floats:
    """True pass rates: stable passes, stable fails, flaky tasks."""
    kind = rng.random(N)
    return np.where(kind < 0.5, 1.0, np.where(kind < 0.65, 0.0, rng.random(N)))


class Comparison:
    """One simulated comparison, able to run fresh trials."""

    def __init__(self, trials: int, factor: float, rng: np.random.Generator) -> None:
        self.rng, self.trials = rng, np.full(N, trials)
        self.before = suite(rng)
        likely = np.flatnonzero(self.before > 0.5)
        self.changed = np.zeros(N, dtype=bool)
        if factor < 1:
            self.changed[rng.choice(likely, BROKEN, replace=False)] = True
        self.after = np.where(self.changed, self.before * factor, self.before)
        self.base, self.cand = outcomes(self.before, trials, rng), outcomes(self.after, trials, rng)
        self.arms = (self.base, self.trials, self.cand, self.trials)
        self.p = task_pvalues(*self.arms)

    def single_stage(self, adjust: Callable[[Floats], Floats], level: float, method: str = "fisher") -> Flags:
        """Adjusted p of the first look."""
        p = self.p if method == "fisher" else task_pvalues(*self.arms, method=method)
        return significant(adjust(p), level=level)

    def heyse(self) -> Flags:
        """Discrete BH of the first look."""
        return significant(heyse(self.p, self.supports()), level=0.10)

    def tarone(self) -> Flags:
        """Tarone's correction of the first look."""
        return tarone(self.p, [float(one[0]) for one in self.supports()])

    def supports(self) -> list[Floats]:
        """Attainable p of each task."""
        k = int(self.trials[0])
        return [attainable(k, k, int(m)) for m in self.base + self.cand]

    def majority(self) -> Flags:
        """Raw flips of the majority votes."""
        return np.asarray((2 * self.base > self.trials) & ~(2 * self.cand > self.trials))

    def two_stage(self, fresh: int, adjustment: str, level: float) -> Flags:
        """Screen, then fresh trials."""
        named = suspects(*self.arms)
        k = np.full(int(named.sum()), fresh)
        again = [outcomes(p[named], fresh, self.rng) for p in (self.before, self.after)]
        named[named] = confirm(again[0], k, again[1], k, level=level, adjustment=adjustment).confirmed
        return named

    def evidence(self, fresh: int) -> Flags:
        """Screen, then the e-process over fresh pairs and e-BH."""
        named, final = suspects(*self.arms), []
        for i in np.flatnonzero(named):
            base, cand = ((self.rng.random(fresh) < p[i]).astype(int) for p in (self.before, self.after))
            k = int(self.trials[i])
            seen = {"base_seen": (int(self.base[i]), k), "cand_seen": (int(self.cand[i]), k)}
            final.append(float(regression_evidence(base, cand, **seen)[-1]))
        named[named] = e_bh(final, level=0.10)
        return named


RULES: dict[str, Callable[[Comparison], Flags]] = {
    "raw flip of majority votes": Comparison.majority,
    "Fisher .05 unadjusted": lambda c: significant(c.p, level=0.05),
    "Fisher + BH .10": lambda c: c.single_stage(bh, 0.10),
    "Fisher + Holm .05": lambda c: c.single_stage(holm, 0.05),
    "Boschloo + BH .10": lambda c: c.single_stage(bh, 0.10, "boschloo"),
    "discrete BH (Heyse) .10": Comparison.heyse,
    "Tarone .05": Comparison.tarone,
    "two stages, fresh 10+10, BH .10": lambda c: c.two_stage(10, "bh", 0.10),
    "two stages, fresh 10+10, Holm .05": lambda c: c.two_stage(10, "holm", 0.05),
    "two stages, fresh 5+5, BH .10": lambda c: c.two_stage(5, "bh", 0.10),
    "two stages, e-BH .10 on 10 pairs": lambda c: c.evidence(10),
}


Figures = dict[tuple[str, str, int, str], list[float]]


def simulate(effect: str, k: int, reps: int, rng: np.random.Generator, figures: Figures) -> None:
    """Ask every rule about `reps` comparisons."""
    for _ in range(reps):
        comparison = Comparison(k, FACTORS[effect], rng)
        if effect == "none":
            vote = bdtrc(k // 2, k, comparison.base / k)
            figures["expected, conditional", "floor", k, "flips"].append(
                float(flip_chances(*comparison.arms).broken.sum())
            )
            figures["expected, plug-in of the baseline", "floor", k, "flips"].append(float((vote * (1 - vote)).sum()))
            figures["observed", "floor", k, "flips"].append(float(comparison.majority().sum()))
        for name, rule in RULES.items():
            flags = rule(comparison)
            false = int((flags & ~comparison.changed).sum())
            figures[name, effect, k, "false"].append(false)
            figures[name, effect, k, "any"].append(false > 0)
            figures[name, effect, k, "found"].append(float((flags & comparison.changed).sum()) / BROKEN)
            figures[name, effect, k, "fdr"].append(false / max(1, int(flags.sum())))


def report(figures: Figures) -> None:
    """Print false flags, chance of any, sensitivity, false discovery rate and noise floor by trials."""
    floor = ("expected, conditional", "expected, plug-in of the baseline", "observed")
    for effect, what, title, rows in (
        ("none", "false", "False flags per comparison of an unchanged agent", tuple(RULES)),
        ("none", "any", "Chance of any false flag for an unchanged agent", tuple(RULES)),
        ("break", "found", "Share of five broken tasks found", tuple(RULES)),
        ("break", "fdr", "Share of false ones among the flagged, five broken tasks", tuple(RULES)),
        ("half", "found", "Share of five halved tasks found", tuple(RULES)),
        ("floor", "flips", "Noise floor of broken majority votes, unchanged agent", floor),
    ):
        print(f"\n{title}\n\n| | " + " | ".join(f"k={k}" for k in TRIALS) + " |\n" + "|---" * (len(TRIALS) + 1) + "|")
        for name in rows:
            print(f"| {name} | " + " | ".join(f"{np.mean(figures[name, effect, k, what]):.3f}" for k in TRIALS) + " |")


def main() -> None:
    """Simulate every effect at every number of trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures: Figures = defaultdict(list)
    for index, effect in enumerate(FACTORS):
        for k in TRIALS:
            simulate(effect, k, options.reps, np.random.default_rng([options.seed, k, index]), figures)
    report(figures)


if __name__ == "__main__":
    main()
