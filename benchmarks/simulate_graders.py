"""Coverage of 95 % intervals for a pass rate behind an imperfect grader, and for its corrected pass^k.

`external` audits other answers than those counted (Rogan-Gladen's assumption), `internal` labels some of them (PPI++).

    python benchmarks/simulate_graders.py [--reps 2000] [--seed 1]
"""

import argparse
import math
from collections.abc import Callable

import numpy as np

from evalharness.stats.estimate import proportion
from evalharness.stats.grader_reliability import corrected_reliability
from evalharness.stats.graders import Confusion, corrected_rate, human_rate, prediction_powered
from evalharness.stats.results import Estimate

RATES, GRADERS = (0.5, 0.8, 0.95), ((0.95, 0.95), (0.9, 0.8))
COUNTED = 500


def audited(labels: int, se: float, sp: float, rng: np.random.Generator) -> Confusion:
    """An audit of half right and half wrong answers."""
    half = labels // 2
    hit, rejected = int(rng.binomial(half, se)), int(rng.binomial(half, sp))
    return Confusion(true_pass=hit, false_fail=half - hit, true_fail=rejected, false_pass=half - rejected)


def external(p: float, grader: tuple[float, float], labels: int, rng: np.random.Generator) -> dict[str, Estimate]:
    """Intervals from a pass rate and an audit of other answers."""
    se, sp = grader
    passed = int(rng.binomial(COUNTED, p * se + (1 - p) * (1 - sp)))
    table = audited(labels, se, sp, rng)
    return {
        "uncorrected": proportion(passed, COUNTED),
        "Rogan-Gladen": corrected_rate(passed, COUNTED, table=table, method="rogan_gladen").rate,
        "Lang-Reiczigel": corrected_rate(passed, COUNTED, table=table).rate,
    }


def internal(p: float, grader: tuple[float, float], labels: int, rng: np.random.Generator) -> dict[str, Estimate]:
    """Intervals from a random part of the answers that people labelled."""
    se, sp = grader
    truth = rng.random(COUNTED) < p
    grades = np.where(truth, rng.random(COUNTED) < se, rng.random(COUNTED) >= sp)
    y, f, rest = truth[:labels], grades[:labels], grades[labels:]
    fit = prediction_powered(y, f, rest)
    half = 1.959964 * math.sqrt(fit.variance)
    bare = Estimate(value=fit.value, low=fit.value - half, high=fit.value + half, level=0.95, n=labels, method="PPI++")
    return {
        "labels alone (Wilson)": proportion(int(y.sum()), labels),
        "PPI++ always": bare,
        "PPI++ with fallback": human_rate(y.tolist(), f.tolist(), rest.tolist()),
    }


def print_coverage(
    title: str,
    draw: Callable[[float, tuple[float, float], int, np.random.Generator], dict[str, Estimate]],
    reps: int,
    seed: int,
) -> None:
    """One table: coverage and mean width per method, by rate, grader and labels."""
    print(f"\n{title}\n\n| rate | grader (se, sp) | labels | method | coverage | width |")
    print("|---" * 6 + "|")
    for index, (p, grader, labels) in enumerate((p, g, m) for p in RATES for g in GRADERS for m in (50, 100, 200)):
        rng = np.random.default_rng([seed, index])
        found_by: dict[str, list[Estimate]] = {}
        for _ in range(reps):
            for method, found in draw(p, grader, labels, rng).items():
                found_by.setdefault(method, []).append(found)
        for method, all_found in found_by.items():
            ends = np.array([(e.low or 0.0, 1.0 if e.high is None else e.high) for e in all_found])
            coverage = ((ends[:, 0] <= p) & (p <= ends[:, 1])).mean()
            width = (ends[:, 1] - ends[:, 0]).mean()
            print(f"| {p} | {grader} | {labels} | {method} | {coverage:.3f} | {width:.3f} |")


def print_reliability(reps: int, seed: int) -> None:
    """Coverage of corrected pass^k and pass@k of suites with five trials per task."""
    print("\nCorrected suites, 5 trials per task, grader (0.92, 0.92), 200 labels\n")
    print("| tasks | k | kind | true | uncorrected mean | corrected mean | coverage |")
    print("|---" * 7 + "|")
    for n in (20, 50, 100):
        for k in (1, 3):
            for kind in ("pass_hat_k", "pass_at_k"):
                rng = np.random.default_rng([seed, n, k])
                truth = 2 / (2 + k) if kind == "pass_hat_k" else 1 - 2 / ((k + 1) * (k + 2))
                seen, means, hits = [], [], 0
                for _ in range(reps):
                    p = rng.beta(2, 1, n)
                    passed = rng.binomial(5, 0.92 * p + 0.08 * (1 - p))
                    table = audited(200, 0.92, 0.92, rng)
                    found = corrected_reliability(passed, np.full(n, 5), k, table=table, rng=rng, kind=kind, draws=400)
                    counted = passed if kind == "pass_hat_k" else 5 - passed
                    plain = float(np.mean([math.comb(int(c), k) / math.comb(5, k) for c in counted]))
                    seen.append(plain if kind == "pass_hat_k" else 1 - plain)
                    means.append(found.value or 0.0)
                    hits += (found.low or 0.0) <= truth <= (1.0 if found.high is None else found.high)
                shown = f"{np.mean(seen):.3f} | {np.mean(means):.3f} | {hits / reps:.3f}"
                print(f"| {n} | {k} | {kind} | {truth:.3f} | {shown} |")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print_coverage("External audit", external, options.reps, options.seed)
    print_coverage("Labels among the answers", internal, options.reps, options.seed)
    print_reliability(max(200, options.reps // 4), options.seed)
    print(f"\nMonte Carlo standard error at .95: {math.sqrt(0.05 * 0.95 / options.reps):.4f}")


if __name__ == "__main__":
    main()
