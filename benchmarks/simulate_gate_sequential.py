"""What looking after every round saves, against fixed designs that are as good.

The gate runs both arms from nothing, up to 10 rounds of trials, looks after every round from the second, and confirms
suspects on fresh trials. Beside it the smallest fixed designs that promote an unchanged agent, and block a candidate
with one always-passing task halved, at least as often:

- fixed trials, single tasks tested once (Fisher, Holm over all tasks), the suite by the stratified z test;
- the same gate with its confirmation, but without early looks.

Trials count both arms. Wall clock: 20 workers, trials of log-normal length (median 5 s, sigma 0.8), each request of the
gate queued at once; the next begins when all of it has ended.

    python benchmarks/simulate_gate_sequential.py [--reps 2000] [--null-reps 10000] [--seed 1]
"""

import argparse
import heapq
from dataclasses import dataclass

import numpy as np
from gate_suites import RIVALS
from scipy.special import ndtri

from evalharness.calibrate import Fault
from evalharness.calibrate.faults import best_tasks, slip, unchanged
from evalharness.calibrate.simulation import drawn
from evalharness.gate import PRESETS
from evalharness.model import Decision
from evalharness.procedure import Procedure, Request
from evalharness.stats.counts import FloatArray
from evalharness.stats.tables import task_pvalues

POLICY = PRESETS["pr"]
ROUNDS, FIRST_LOOK, WORKERS, MOST = 10, 2, 20, 60
CANDIDATES: dict[str, Fault] = {
    "unchanged": unchanged,
    "one task halved": best_tasks(1, 0.5),
    "one task broken": best_tasks(1, 0.0),
    "all x 0.9": slip(0.9),
}


@dataclass(frozen=True)
class Row:
    """What a design did to one candidate: shares, mean trials, mean and 95th percentile of minutes."""

    block: float
    promote: float
    trials: float
    minutes: float
    late: float


def gate(rates: FloatArray, trials: int, looks: tuple[int, ...] = ()) -> Procedure:
    """The shipped gate from nothing."""
    tasks = tuple(map(str, range(rates.size)))
    return Procedure(policy=POLICY, tasks=tasks, trials=(trials, trials), looks=looks)


def makespan(trials: int, rng: np.random.Generator) -> float:
    """Minutes until so many queued trials have ended on all workers."""
    free = [0.0] * WORKERS
    for seconds in (5 * np.exp(0.8 * rng.standard_normal(trials))).tolist():
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free) / 60


def played(procedure: Procedure, before: FloatArray, fault: Fault, *, reps: int, rng: np.random.Generator) -> Row:
    """Run the gate many times, with a clock."""
    seen, after = [], fault(before)
    for _ in range(reps):
        state, count, clock = procedure.start(), 0, 0.0
        while isinstance(step := procedure.next(state), Request):
            count, clock = count + step.trials, clock + makespan(step.trials, rng)
            state = procedure.update(state, step, drawn(step, before, after, rng))
        seen.append((step.decision is Decision.BLOCK, step.decision is Decision.PROMOTE, count, clock))
    columns = np.array(seen, dtype=float)
    block, promote, trials, minutes = columns.mean(axis=0).tolist()
    return Row(block, promote, trials, minutes, late=float(np.quantile(columns[:, 3], 0.95)))


def fixed(before: FloatArray, fault: Fault, trials: int, *, reps: int, rng: np.random.Generator) -> tuple[float, float]:
    """Shares of block and promote of a single comparison without any re-run, at the same error budget."""
    k, n = trials, before.size
    base, cand = rng.binomial(k, before, (reps, n)), rng.binomial(k, fault(before), (reps, n))
    delta = (cand - base).mean(axis=1) / k
    both = base + cand
    variance = (both * (2 * k - both) / (4 * (2 * k - 1))).sum(axis=1)
    z = -(cand - both / 2).sum(axis=1) / np.sqrt(np.maximum(variance, 1e-9))
    within = sum((c * (k - c) / (k - 1) / k**2).sum(axis=1) for c in (base, cand))
    low = delta + float(ndtri(0.05)) * np.sqrt(within + 2 / k**2) / n
    budget = Procedure(policy=POLICY, tasks=("a",), trials=(1, 1)).budget
    grid = np.array([task_pvalues([b] * (k + 1), [k] * (k + 1), range(k + 1), [k] * (k + 1)) for b in range(k + 1)])
    broken = (grid[base, cand] <= budget["flips"] / n + 1e-12).any(axis=1)
    harm = (z >= -ndtri(budget["aggregate"])) & (delta <= -POLICY.margin / 2) & (low <= -POLICY.margin)
    return float((broken | harm).mean()), float((~broken & (low > -POLICY.margin)).mean())


def smallest_fixed(before: FloatArray, goal: tuple[float, float], *, reps: int, seed: int) -> int:
    """The fewest trials per arm of a single comparison with this promotion power and sensitivity."""
    for k in range(2, MOST + 1):
        rng = np.random.default_rng([seed, k])
        promoted = fixed(before, unchanged, k, reps=reps, rng=rng)[1]
        if promoted >= goal[0] and fixed(before, CANDIDATES["one task halved"], k, reps=reps, rng=rng)[0] >= goal[1]:
            return k
    return MOST


def smallest_gate(before: FloatArray, goal: tuple[float, float], *, reps: int, seed: int) -> int:
    """The fewest base trials per arm at which the gate without early looks reaches both."""
    for k in range(2, MOST + 1):
        rng = np.random.default_rng([seed, 1000 + k])
        promoted = played(gate(before, k), before, unchanged, reps=reps, rng=rng).promote
        halved = CANDIDATES["one task halved"]
        if promoted >= goal[0] and played(gate(before, k), before, halved, reps=reps, rng=rng).block >= goal[1]:
            return k
    return MOST


def compare(name: str, before: FloatArray, options: argparse.Namespace) -> None:
    """Print the gate and its fixed rivals on one suite."""
    looking = gate(before, ROUNDS, tuple(range(FIRST_LOOK, ROUNDS)))
    rows = {}
    print(f"\n{name}: {before.size} tasks, mean rate {before.mean():.3f}\n")
    print("| design | candidate | block | promote | trials | minutes | 95 % end by |\n|" + "---|" * 7)
    for index, (candidate, fault) in enumerate(CANDIDATES.items()):
        rng = np.random.default_rng([options.seed, before.size, index])
        reps = options.null_reps if index == 0 else options.reps
        rows[candidate] = row = played(looking, before, fault, reps=reps, rng=rng)
        print(f"| gate, looks | {candidate} | {cells(row)} |", flush=True)
    goal = rows["unchanged"].promote, rows["one task halved"].block
    rng = np.random.default_rng([options.seed, before.size, 77])
    most = smallest_gate(before, goal, reps=options.reps // 4, seed=options.seed)
    row = played(gate(before, most), before, unchanged, reps=options.reps, rng=rng)
    print(f"| gate, no early look, {most} trials | unchanged | {cells(row)} |")
    saved = {"the gate without early looks": 1 - rows["unchanged"].trials / row.trials}
    k = smallest_fixed(before, goal, reps=4 * options.reps, seed=options.seed)
    block, promote = fixed(before, unchanged, k, reps=4 * options.reps, rng=rng)
    minutes = float(np.mean([makespan(2 * k * before.size, rng) for _ in range(50)]))
    row = Row(block, promote, 2.0 * k * before.size, minutes, minutes)
    print(f"| fixed, {k} trials{' or more' if k == MOST else ''} | unchanged | {cells(row)} |")
    saved["fixed trials"] = 1 - rows["unchanged"].trials / row.trials
    print("\nfewer trials when nothing changed: " + ", ".join(f"{s:.0%} than {than}" for than, s in saved.items()))


def cells(row: Row) -> str:
    """The figures of a row."""
    shares = f"{row.block:.2%} | {row.promote:.1%} | {row.trials:.0f}"
    return f"{shares} | {row.minutes:.1f} | {row.late:.1f}"


def main() -> None:
    """Print a table per suite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=2000)
    parser.add_argument("--null-reps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    compare("the rivals' suite", RIVALS, options)
    rng = np.random.default_rng([options.seed, 7])
    compare("a wider suite", np.concatenate([np.ones(50), np.zeros(15), rng.beta(2, 2, 35)]), options)


if __name__ == "__main__":
    main()
