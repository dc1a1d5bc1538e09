"""A/A on real repeated runs: the shipped gate on trials permuted within each task, so that every block is false.

Each configuration (one agent, all of its repeated trials) is split at random into two arms. `stored` puts all trials
into the two arms, and nothing can be re-run. `re-run` keeps some back: fresh trials of a suspect, and of rounds, come
from what is left of its own, until none is; what is asked for beyond that is missing. `with replacement` draws every
trial of a task from all of its own, so that the gate gets whatever it asks for.

    python benchmarks/simulate_gate_real.py FOLDER_OF_OUTCOME_TABLES [--reps 10000] [--seed 1]
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from permute_real_runs import Configuration, configurations

from evalharness.calibrate import fixed, simulated
from evalharness.calibrate.faults import unchanged
from evalharness.gate import PRESETS
from evalharness.model import Decision
from evalharness.procedure import Procedure, Request, Tally, tally
from evalharness.stats.counts import FloatArray, IntArray
from evalharness.stats.estimate import proportion

POLICY = PRESETS["pr"]
BASE_OF = {10: 3, 5: 1, 4: 1}  # trials per arm where some are kept back, by how many there are


class Pool:
    """One configuration's trials in a random order within each task; every trial is handed out once."""

    def __init__(self, outcomes: FloatArray, rng: np.random.Generator) -> None:
        keys = rng.random(outcomes.shape) + np.isnan(outcomes)  # what was not measured goes last
        self.outcomes = np.take_along_axis(outcomes, keys.argsort(axis=1), axis=1)
        self.left = (~np.isnan(outcomes)).sum(axis=1)
        self.next = np.zeros(len(outcomes), dtype=np.int64)

    def take(self, wanted: IntArray) -> tuple[IntArray, IntArray]:
        """Hand out trials of each task while there are any: passed and measured."""
        got = np.minimum(wanted, self.left - self.next)
        place = np.arange(self.outcomes.shape[1])
        chosen = (place >= self.next[:, None]) & (place < (self.next + got)[:, None])
        self.next = self.next + got
        return np.where(chosen, self.outcomes, 0).sum(axis=1).astype(np.int64), got

    def share(self, wanted: tuple[IntArray, IntArray]) -> Tally:
        """Hand out trials to both arms, each getting half of what is left where that is too little."""
        half = (self.left - self.next) // 2
        both = [
            np.minimum(each, np.maximum(half, 0)) if other.any() else each for each, other in (wanted, wanted[::-1])
        ]
        return tally(*self.take(both[0]), *self.take(both[1]))


def stored(configuration: Configuration, rng: np.random.Generator) -> Decision:
    """Gate two halves of the trials, with nothing to re-run."""
    outcomes = configuration.outcomes.to_numpy()
    pool, half = Pool(outcomes, rng), outcomes.shape[1] // 2
    arm = np.full(len(outcomes), half)
    procedure = gate(configuration, half, rerun=(False, False))
    state = procedure.start(pool.share((arm, arm)), asked=(half, half))
    return procedure.conclude(state, complete=True).decision


def rerun(configuration: Configuration, rng: np.random.Generator) -> Decision:
    """Gate a few trials, and let the rest be the fresh ones."""
    outcomes = configuration.outcomes.to_numpy()
    pool, base = Pool(outcomes, rng), BASE_OF[outcomes.shape[1]]
    procedure = gate(configuration, base)
    state = procedure.start()
    while isinstance(step := procedure.next(state), Request):
        wanted = [np.zeros(len(outcomes), dtype=np.int64) for _ in range(2)]
        for arm, more in zip(wanted, (step.baseline, step.candidate), strict=True):
            arm[list(more)] = list(more.values())
        state = procedure.update(state, step, pool.share((wanted[0], wanted[1])))
    return step.decision


def replaced(configuration: Configuration, rng: np.random.Generator) -> Decision:
    """Gate with trials drawn from each task's own, as many as are asked for."""
    rates = configuration.passed / configuration.trials
    games = simulated(gate(configuration, 3), fixed(rates), unchanged, reps=1, rng=rng)
    return games[0].decided.decision


def gate(configuration: Configuration, trials: int, rerun: tuple[bool, bool] = (True, True)) -> Procedure:
    """The shipped gate on this configuration's tasks."""
    names = tuple(map(str, configuration.outcomes.index))
    return Procedure(policy=POLICY, tasks=names, trials=(trials, trials), rerun=rerun)


def row(
    configuration: Configuration,
    way: Callable[[Configuration, np.random.Generator], Decision],
    reps: int,
    rng: np.random.Generator,
) -> str:
    """Permute and gate many times."""
    said = [way(configuration, rng) for _ in range(reps)]
    block = proportion(said.count(Decision.BLOCK), reps, method="clopper_pearson")
    shape = f"{configuration.outcomes.shape[0]} x {configuration.outcomes.shape[1]}"
    cells = [configuration.name, shape, way.__name__, f"{block.value:.2%} [{block.low:.2%}, {block.high:.2%}]"]
    return "| " + " | ".join([*cells, f"{said.count(Decision.PROMOTE) / reps:.1%}"]) + " |"


def main() -> None:
    """Print a row per configuration and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("| configuration | tasks x trials | fresh trials | blocked [95 %] | promoted |\n|" + "---|" * 5)
    for number, each in enumerate(configurations(options.folder)):
        for index, way in enumerate((stored, rerun, replaced)):
            if way is rerun and each.outcomes.shape[1] not in BASE_OF:
                continue
            rng = np.random.default_rng([options.seed, number, index])
            print(row(each, way, options.reps, rng), flush=True)


if __name__ == "__main__":
    main()
