"""Coverage of 95 % intervals for cost per success, for ratios of cost, and for quantiles of durations.

python benchmarks/simulate_cost.py [--reps 2000] [--seed 1]
"""

import argparse
import math

import numpy as np
from scipy.special import ndtri

from evalharness.stats.cost import cost_per_success, cost_per_success_ratio
from evalharness.stats.latency import quantile
from evalharness.stats.safety import mean_bound, verdict, violation_rate

SUITES = {"easy": (8.0, 2.0), "mixed": (0.5, 0.5), "hard": (0.4, 2.0)}


def arm(n: int, k: int, shape: tuple[float, float], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean cost and pass rate per task; failures cost more, as they run longer."""
    p = rng.beta(*shape, n)
    passed = rng.random((n, k)) < p[:, None]
    cost = rng.lognormal(rng.normal(0, 0.5, (n, 1)), 0.5, (n, k)) * np.where(passed, 1.0, 1.6)
    return cost.mean(axis=1), passed.mean(axis=1)


def truth(shape: tuple[float, float]) -> float:
    """The cost of a success over all such tasks."""
    p = shape[0] / sum(shape)
    return math.exp(0.25) * (p + 1.6 * (1 - p)) / p


def covered(low: float | None, high: float | None, value: float) -> bool:
    """Whether an interval holds a value; a missing bound excludes nothing."""
    return (low is None or low <= value) and (high is None or value <= high)


def print_costs(reps: int, seed: int) -> None:
    """Cost per success and the ratio of two arms."""
    print("| suite | tasks | trials | log-delta | Fieller | no upper bound | ratio of arms | mean of successes |")
    print("|---" * 8 + "|")
    for name, shape in SUITES.items():
        for n, k in ((20, 3), (50, 3), (200, 3), (50, 1)):
            rng = np.random.default_rng([seed, n, k])
            hits, open_ended = np.zeros(3), 0
            for _ in range(reps):
                base, cand = arm(n, k, shape, rng), arm(n, k, shape, rng)
                one, two = (cost_per_success(*base, method=m) for m in ("log_delta", "fieller"))
                ratio = cost_per_success_ratio(base, cand)
                hits += [covered(e.low, e.high, t) for e, t in ((one, truth(shape)), (two, truth(shape)), (ratio, 1.0))]
                open_ended += two.high is None
            cells = " | ".join(f"{h:.3f}" for h in hits[:2] / reps)
            naive = f"{math.exp(0.25) - truth(shape):+.2f} of {truth(shape):.2f}"
            print(f"| {name} | {n} | {k} | {cells} | {open_ended / reps:.3f} | {hits[2] / reps:.3f} | {naive} |")


def print_quantiles(reps: int, seed: int) -> None:
    """Quantiles of lognormal durations; `alike` is the correlation of trials of one task."""
    print("\n| tasks | trials | quantile | alike | order | no upper bound | Woodruff | pooled order statistics |")
    print("|---" * 8 + "|")
    for n, k in ((20, 1), (20, 5), (50, 1), (50, 5), (100, 10)):
        for q in (0.5, 0.95):
            for alike in (0.0, 0.5, 0.9):
                rng = np.random.default_rng([seed, n, k, int(10 * alike)])
                value = math.exp(float(ndtri(q)))
                hits, open_ended = np.zeros(3), 0
                for _ in range(reps):
                    own = rng.normal(0, math.sqrt(alike), (n, 1))
                    x = np.exp(own + rng.normal(0, math.sqrt(1 - alike), (n, k)))
                    found = [
                        quantile(list(x), q),
                        quantile(list(x), q, method="woodruff"),
                        quantile(list(x.reshape(-1, 1)), q),
                    ]
                    hits += [covered(e.low, e.high, value) for e in found]
                    open_ended += found[0].high is None
                order, woodruff, pooled = hits / reps
                rest = f"{order:.3f} | {open_ended / reps:.3f} | {woodruff:.3f} | {pooled:.3f}"
                print(f"| {n} | {k} | {q} | {alike} | {rest} |")


def print_safety(reps: int, seed: int) -> None:
    """How often an unsafe agent passes: violations in a few tasks only, limit at the true share of tasks."""
    print(
        "\n| tasks | trials | share of tasks | by task: passes | by pooled trial: passes | t bound on rates: passes |"
    )
    print("|---" * 6 + "|")
    for n, k in ((50, 5), (100, 10), (300, 5)):
        for share in (0.02, 0.1):
            rng = np.random.default_rng([seed, n, k])
            passes = np.zeros(3)
            by_task, by_trial = share * (1 - 0.5**k), share * 0.5
            for _ in range(reps):
                counts = rng.binomial(k, 0.5, n) * (rng.random(n) < share)
                passes += [
                    verdict(violation_rate(int((counts > 0).sum()), n), limit=by_task - 1e-9) == "pass",
                    verdict(violation_rate(int(counts.sum()), n * k), limit=by_trial - 1e-9) == "pass",
                    verdict(mean_bound(counts / k), limit=by_trial - 1e-9) == "pass",
                ]
            cells = " | ".join(f"{p:.3f}" for p in passes / reps)
            print(f"| {n} | {k} | {share} | {cells} |")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print_costs(options.reps, options.seed)
    print_quantiles(options.reps, options.seed)
    print_safety(options.reps, options.seed)
    print(f"\nMonte Carlo standard error at .95: {math.sqrt(0.05 * 0.95 / options.reps):.4f}")


if __name__ == "__main__":
    main()
