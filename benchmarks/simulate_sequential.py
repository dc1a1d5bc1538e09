"""What early stopping costs and saves: two one-sided questions after every round of trials, and Wald's test.

100 tasks (half always pass, 15 % never, the rest flaky), a stored baseline of 10 trials each, up to 10 candidate
rounds, margin 5 points. `cross` columns count who ever crosses that boundary: where delta is 0 crossing "worse" is the
type I error, where it is -5 points crossing "not worse" is. Promotion has priority where both are crossed at once.

    python benchmarks/simulate_sequential.py [--reps 4000] [--seed 1]
"""

import argparse
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from evalharness.stats.anytime import mixture_boundary
from evalharness.stats.boundaries import Spending, boundaries
from evalharness.stats.sequential import information_fraction, sprt_limits

Floats = NDArray[np.float64]
TASKS, ROUNDS, BASELINE, MARGIN, ALPHA = 100, 10, 10, 0.05, 0.05
LOOKS = range(1, ROUNDS + 1)


@dataclass(frozen=True)
class Plan:
    """When to look, and how far the statistic must be at each look."""

    name: str
    looks: tuple[int, ...]
    bounds: tuple[float, ...]


@dataclass(frozen=True)
class Paths:
    """What each repetition sees after every round."""

    delta: Floats
    se: Floats
    truth: Floats


def plans() -> Iterator[Plan]:
    """The plans that stand beside each other."""
    yield Plan("fixed, 10 rounds", (ROUNDS,), (1.6448536,))
    yield Plan("look every round at 1.645 (invalid)", tuple(LOOKS), (1.6448536,) * ROUNDS)
    for spending, step in ((Spending.OBRIEN_FLEMING, 1), (Spending.POCOCK, 1), (Spending.OBRIEN_FLEMING, 2)):
        looks = tuple(range(step, ROUNDS + 1, step))
        fractions = [information_fraction(trials=(BASELINE, r), planned=(BASELINE, ROUNDS)) for r in looks]
        bounds = tuple(look.boundary for look in boundaries(fractions, alpha=ALPHA, spending=spending))
        yield Plan(f"{spending}, {len(looks)} looks", looks, bounds)
    information = [1 / (1 / BASELINE + 1 / r) for r in LOOKS]
    mixture = tuple(mixture_boundary(i, planned=information[-1], alpha=ALPHA) for i in information)
    yield Plan("normal mixture, any time", tuple(LOOKS), mixture)


def suite(rng: np.random.Generator) -> Floats:
    """Half always pass, 15 % never do, the rest are flaky."""
    return np.concatenate([np.ones(50), np.zeros(15), rng.beta(2, 2, 35)])


def after(before: Floats, effect: str, size: float, rng: np.random.Generator) -> Floats:
    """Rates of the candidate: `slip` lowers all by one share, `break` fails tasks for good, `swap` redraws 30 %."""
    if effect == "slip":
        lowered: Floats = before * (1 - size / before.mean())
        return lowered
    if effect == "swap":
        return np.where(rng.random(TASKS) < 0.3, rng.permutation(suite(rng)), before)
    order = rng.permutation(TASKS)
    lost = np.cumsum(before[order])
    kept = np.clip((lost - size * TASKS) / np.maximum(before[order], 1e-12), 0, 1)
    rates = before.copy()
    rates[order] = before[order] * kept
    return rates


def paths(effect: str, size: float, reps: int, rng: np.random.Generator) -> Paths:
    """Draw both arms of every repetition, round by round, with the variance pooled over arms and the floor."""
    before = np.array([suite(rng) for _ in range(reps)])
    later = np.array([after(row, effect, size, rng) for row in before])
    base = rng.binomial(BASELINE, before)
    cand = np.zeros_like(base)
    delta, se = np.empty((reps, ROUNDS)), np.empty((reps, ROUNDS))
    for r in LOOKS:
        cand = cand + (rng.random(later.shape) < later)
        n = BASELINE + r
        pooled = (base + cand) / n
        each = n / (n - 1) * pooled * (1 - pooled) * (1 / BASELINE + 1 / r)
        floor = (1 / BASELINE + 1 / r) / n
        delta[:, r - 1] = (cand / r - base / BASELINE).mean(axis=1)
        se[:, r - 1] = np.sqrt(each.sum(axis=1) + floor) / TASKS
    return Paths(delta, se, (later - before).mean(axis=1))


def row(plan: Plan, seen: Paths) -> list[float]:
    """Shares of promote, block and inconclusive, of either crossing, mean rounds, and bias of the stopped delta."""
    at = [look - 1 for look in plan.looks]
    delta, se = seen.delta[:, at], seen.se[:, at]
    bounds = np.array(plan.bounds)
    safe, harm = (delta + MARGIN) / se >= bounds, -delta / se >= bounds
    stop = safe | harm
    last = len(at) - 1
    first = np.where(stop.any(axis=1), stop.argmax(axis=1), last)
    every = np.arange(len(delta))
    promote = safe[every, first]
    block = harm[every, first] & ~promote
    rounds = np.array(plan.looks)[first]
    bias = delta[every, first] - seen.truth
    shares = (promote, block, ~promote & ~block, harm.any(axis=1), safe.any(axis=1))
    return [*(float(s.mean()) for s in shares), float(rounds.mean()), float(bias.mean())]


def wald(good: float, bad: float, rate: float) -> tuple[float, int]:
    """Exact mean and 95th percentile of the trials of an SPRT at a true rate."""
    lower, upper = sprt_limits(alpha=0.05, beta=0.2)
    steps = (math.log((1 - bad) / (1 - good)), math.log(bad / good))
    alive, mean, ended = {0: 1.0}, 0.0, 0.0
    percentile = 0
    for n in itertools.count(1):
        following: dict[int, float] = {}
        for passes, chance in alive.items():
            for passed, p in ((1, rate), (0, 1 - rate)):
                following[passes + passed] = following.get(passes + passed, 0.0) + chance * p
        alive = {c: w for c, w in following.items() if lower < c * steps[1] + (n - c) * steps[0] < upper}
        stopped = sum(following.values()) - sum(alive.values())
        mean, ended = mean + n * stopped, ended + stopped
        percentile = percentile or (n if ended >= 0.95 else 0)
        if ended > 1 - 1e-9:
            return mean, percentile
    raise AssertionError


def fixed_size(good: float, bad: float) -> int:
    """The smallest exact test of the same errors: rejects where at most c of n pass."""
    for n in itertools.count(1):
        c = np.arange(n + 1)
        fits = (bdtr(c, n, good) <= 0.05) & (bdtr(c, n, bad) >= 0.8)
        if fits.any():
            return n
    raise AssertionError


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("| change | plan | promote | block | inconclusive | cross worse | cross not worse | rounds | bias |")
    print("|---" * 9 + "|")
    scenarios = (("slip", 0.0), ("slip", 0.02), ("slip", 0.05), ("break", 0.05), ("break", 0.1), ("swap", 0.0))
    for index, (effect, size) in enumerate(scenarios):
        seen = paths(effect, size, options.reps, np.random.default_rng([options.seed, index]))
        for plan in plans():
            *shares, rounds, bias = row(plan, seen)
            cells = " | ".join(f"{share:.3f}" for share in shares)
            change = f"{effect} {size:g}" if size or effect == "swap" else "none"
            print(f"| {change} | {plan.name} | {cells} | {rounds:.2f} | {bias:+.3f} |")
    print(f"\nMonte Carlo standard error at .05: {math.sqrt(0.05 * 0.95 / options.reps):.4f}\n")
    print("| SPRT good / bad | fixed n | trials at good | between | at bad | 95th percentile, worst |")
    print("|---" * 6 + "|")
    for good, bad in ((0.9, 0.75), (0.95, 0.85), (0.8, 0.6)):
        fixed = fixed_size(good, bad)
        found = [wald(good, bad, rate) for rate in (good, (good + bad) / 2, bad)]
        means = " | ".join(f"{mean:.1f} ({1 - mean / fixed:+.0%})" for mean, _ in found)
        print(f"| {good} / {bad} | {fixed} | {means} | {max(p for _, p in found)} |")


if __name__ == "__main__":
    main()
