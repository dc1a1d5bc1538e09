"""Twenty identical releases in a row on one line: how often each is blocked, and whether the baseline drifts.

Every release is the same agent. A release is gated with 3 trials per task against the stored baseline of the line,
which has 6. What happens to the baseline afterwards makes the difference:

- one baseline per release: after a promotion the new version is measured again, after a refusal the old one is;
- after promotions only: a baseline that was lucky refuses more, and so stays longer;
- the promoted run stays: the run that earned its promotion is the baseline (the winner's curse).

    python benchmarks/simulate_gate_line.py [--lines 10000] [--releases 20] [--seed 1]
"""

import argparse
from dataclasses import dataclass

import numpy as np
from gate_suites import RIVALS

from evalharness.calibrate.simulation import drawn
from evalharness.gate import PRESETS
from evalharness.model import Decision
from evalharness.procedure import Procedure, Request, tally
from evalharness.stats.counts import FloatArray, IntArray
from evalharness.stats.estimate import proportion

CANDIDATE, BASELINE = 3, 6
EACH, PROMOTIONS, STAYS = "one baseline per release", "measured again after promotions only", "the promoted run stays"


@dataclass(frozen=True)
class Baseline:
    """What is stored of the version on the line."""

    passed: IntArray
    trials: IntArray

    @property
    def rate(self) -> float:
        """Mean rate over tasks."""
        return float((self.passed / self.trials).mean())


def measured(rates: FloatArray, trials: int, rng: np.random.Generator) -> Baseline:
    """Measure the agent anew."""
    planned = np.full(rates.size, trials)
    return Baseline(rng.binomial(planned, rates), planned)


def line(rates: FloatArray, releases: int, rng: np.random.Generator, *, way: str) -> list[tuple[Decision, float]]:
    """Gate one release after another; returns each decision with the baseline's rate that it was held against."""
    stored = measured(rates, BASELINE, rng)
    names = tuple(map(str, range(rates.size)))
    said = []
    for _ in range(releases):
        base = int(stored.trials[0])
        procedure = Procedure(policy=PRESETS["release"], tasks=names, trials=(base, CANDIDATE))
        fresh = measured(rates, CANDIDATE, rng)
        state = procedure.start(
            tally(stored.passed, stored.trials, fresh.passed, fresh.trials), asked=(base, CANDIDATE)
        )
        while isinstance(step := procedure.next(state), Request):
            state = procedure.update(state, step, drawn(step, rates, rates, rng))
        said.append((step.decision, stored.rate))
        promoted = step.decision is Decision.PROMOTE
        if way == EACH or (way == PROMOTIONS and promoted):
            stored = measured(rates, BASELINE, rng)
        elif promoted:
            stored = Baseline(state.screen.cand_passed, state.screen.cand_trials)
    return said


def report(lines: list[list[tuple[Decision, float]]], releases: int, truth: float) -> None:
    """Print a row per release."""
    print("| release | blocked [95 %] | promoted | baseline's rate less the truth, points |\n|---|---|---|---|")
    blocked = np.array([[decision is Decision.BLOCK for decision, _ in each] for each in lines])
    promoted = np.array([[decision is Decision.PROMOTE for decision, _ in each] for each in lines])
    drift = np.array([[rate - truth for _, rate in each] for each in lines])
    for i in range(releases):
        share = proportion(int(blocked[:, i].sum()), len(lines), method="clopper_pearson")
        cells = f"{share.value:.2%} [{share.low:.2%}, {share.high:.2%}] | {promoted[:, i].mean():.1%}"
        error = 196 * drift[:, i].std() / np.sqrt(len(lines))
        print(f"| {i + 1} | {cells} | {100 * drift[:, i].mean():+.2f} ± {error:.2f} |")
    print(f"\nat least one false block in {releases} releases: {blocked.any(axis=1).mean():.1%} of lines")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--releases", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for index, way in enumerate((EACH, PROMOTIONS, STAYS)):
        rng = np.random.default_rng([options.seed, index])
        print(f"\n{way}\n")
        lines = [line(RIVALS, options.releases, rng, way=way) for _ in range(options.lines)]
        report(lines, options.releases, float(RIVALS.mean()))


if __name__ == "__main__":
    main()
