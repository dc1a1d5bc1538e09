"""What the shipped gate does to candidates, with naive rules beside it, and to unchanged agents on drawn suites.

Stored trials on both sides, the `pr` policy unedited, the procedure that `evalh gate` runs. Extra trials count both
arms, as a share of the stored ones.

    python benchmarks/simulate_gate.py [--reps 10000] [--seed 1] [--trials 1 3 5] [--suites 20] [--suite-reps 10000]
"""

import argparse
import time

import numpy as np
from gate_suites import CANDIDATES, RIVALS, from_prior

from evalharness.calibrate import Played, fixed, shares, simulated
from evalharness.calibrate.simulation import drawn
from evalharness.gate import PRESETS
from evalharness.model.calibration import Shares
from evalharness.procedure import Procedure, Request, early_looks, tally
from evalharness.stats.counts import FloatArray

POLICY = PRESETS["pr"]
TOLERANCE = 0.05


def gate(rates: FloatArray, trials: int, looks: tuple[int, ...] = ()) -> Procedure:
    """The shipped gate on a suite with so many trials on each side, stored unless `looks` are taken as they come."""
    return Procedure(policy=POLICY, tasks=tuple(map(str, range(rates.size))), trials=(trials, trials), looks=looks)


def naive(
    rates: FloatArray, after: FloatArray, trials: int, *, reps: int, rng: np.random.Generator
) -> dict[str, float]:
    """How often each naive rule blocks."""
    base = rng.binomial(trials, rates, (reps, rates.size))
    cand = rng.binomial(trials, after, (reps, rates.size))
    flipped = ((2 * base > trials) & (2 * cand <= trials)).any(axis=1)
    delta = (cand - base).mean(axis=1) / trials
    return {
        "any majority flip": float(flipped.mean()),
        "any drop of the mean": float((delta < -1e-12).mean()),
        "drop of more than 5 points": float((delta < -TOLERANCE - 1e-12).mean()),
    }


def line(trials: int, row: Shares) -> str:
    """One row of the table."""
    block = f"{row.block.value:.2%} [{row.block.low:.2%}, {row.block.high:.2%}]"
    families = ", ".join(f"{family} {share:.1%}" for family, share in sorted(row.blocked_by.items()))
    cells = [str(trials), row.scenario, block, f"{row.promote.value:.1%}", f"{row.inconclusive.value:.1%}"]
    return " | ".join([*cells, f"{row.extra:.1%}", families])


def rivals(reps: int, seed: int, trials: list[int]) -> None:
    """Print what the gate and the naive rules do on the rivals' suite."""
    print("| k | candidate | block [95 %] | promote | inconclusive | extra trials | blocked by |\n|" + "---|" * 7)
    beside = []
    for k in trials:
        for index, (name, fault) in enumerate(CANDIDATES.items()):
            rng = np.random.default_rng([seed, k, index])
            games = simulated(gate(RIVALS, k), fixed(RIVALS), fault, reps=reps, rng=rng)
            print(f"| {line(k, shares(name, games))} |", flush=True)
            beside.append((k, name, naive(RIVALS, fault(RIVALS), k, reps=reps, rng=rng)))
    print("\n| k | candidate | " + " | ".join(beside[0][2]) + " |\n|" + "---|" * 5)
    for k, name, blocked in beside:
        print(f"| {k} | {name} | " + " | ".join(f"{share:.1%}" for share in blocked.values()) + " |")


def early(reps: int, seed: int, trials: int) -> None:
    """Print what the gate does where both arms are run afresh and it looks after every round."""
    print("\n| k | candidate | block [95 %] | promote | inconclusive | extra trials | blocked by | trials in all |")
    print("|" + "---|" * 8)
    for index, (name, fault) in enumerate(CANDIDATES.items()):
        rng = np.random.default_rng([seed, 50 + trials, index])
        games = simulated(gate(RIVALS, trials, early_looks(trials)), fixed(RIVALS), fault, reps=reps, rng=rng)
        total = float(np.mean([game.base_trials + game.extra_trials for game in games]))
        print(f"| {line(trials, shares(name, games))} | {total:.0f} |", flush=True)


def stored_baselines(reps: int, seed: int) -> None:
    """Print what the gate does where the baseline has so many stored trials and cannot be run again."""
    print("\n| stored baseline | candidate | block [95 %] | promote | inconclusive | extra trials |\n|" + "---|" * 6)
    for stored in (3, 6, 10, 30):
        procedure = Procedure(policy=POLICY, tasks=gate(RIVALS, 3).tasks, trials=(stored, 3), rerun=(False, True))
        for index, (name, fault) in enumerate(CANDIDATES.items()):
            rng = np.random.default_rng([seed, 200 + stored, index])
            games = [stored_game(procedure, fault(RIVALS), rng) for _ in range(reps)]
            row = shares(name, games)
            block = f"{row.block.value:.1%} [{row.block.low:.1%}, {row.block.high:.1%}]"
            cells = [str(stored), name, block, f"{row.promote.value:.1%}", f"{row.inconclusive.value:.1%}"]
            print("| " + " | ".join([*cells, f"{row.extra_trials:.0f}"]) + " |", flush=True)


def stored_game(procedure: Procedure, after: FloatArray, rng: np.random.Generator) -> Played:
    """Play one gate against trials of the baseline that are there already."""
    trials = procedure.trials
    base, cand = (np.full(RIVALS.size, k) for k in trials)
    state = procedure.start(tally(rng.binomial(base, RIVALS), base, rng.binomial(cand, after), cand), asked=trials)
    extra = 0
    while isinstance(step := procedure.next(state), Request):
        extra += step.trials
        state = procedure.update(state, step, drawn(step, RIVALS, after, rng))
    return Played(decided=step, base_trials=trials[1] * RIVALS.size, extra_trials=extra)


def drawn_suites(count: int, reps: int, seed: int) -> None:
    """Print how often an unchanged agent is blocked on suites drawn from the prior, at 3 stored trials."""
    print("\n| suite | tasks | mean rate | blocked [95 %] | promoted | extra trials |\n|" + "---|" * 6)
    for number, rates in enumerate(from_prior(count, np.random.default_rng([seed, 99])), start=1):
        rng = np.random.default_rng([seed, 100, number])
        row = shares("", simulated(gate(rates, 3), fixed(rates), CANDIDATES["unchanged"], reps=reps, rng=rng))
        block = f"{row.block.value:.2%} [{row.block.low:.2%}, {row.block.high:.2%}]"
        cells = [str(number), str(rates.size), f"{rates.mean():.3f}", block, f"{row.promote.value:.1%}"]
        print("| " + " | ".join([*cells, f"{row.extra:.1%}"]) + " |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, nargs="+", default=[1, 3, 5])
    parser.add_argument("--suites", type=int, default=20)
    parser.add_argument("--suite-reps", type=int, default=10_000)
    options = parser.parse_args()
    began = time.perf_counter()
    rivals(options.reps, options.seed, options.trials)
    early(options.reps, options.seed, max(options.trials))
    stored_baselines(max(options.reps // 5, 1), options.seed)
    drawn_suites(options.suites, options.suite_reps, options.seed)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
