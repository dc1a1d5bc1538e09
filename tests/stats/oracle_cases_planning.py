"""How the reference cases about power, sequential tests, graders, safety, cost and latency are asked of the library."""

import itertools
from collections.abc import Callable
from typing import Any

from evalharness.errors import NotComparable
from evalharness.stats.adaptive import end_points, expected
from evalharness.stats.agreement import METRICS, cohen_kappa, fleiss_kappa, krippendorff_alpha
from evalharness.stats.anytime import betting_process, breaks_needed, sign_process
from evalharness.stats.boundaries import Spending, boundaries, classic_constant, spent
from evalharness.stats.budgeting import runs_needed
from evalharness.stats.cost import fieller, pareto_front
from evalharness.stats.detection import fisher_power, paired_t_power, two_rates_needed
from evalharness.stats.evidence import pair_evidence
from evalharness.stats.grader_reliability import apparent_pass_at_k, apparent_pass_hat_k
from evalharness.stats.latency import largest_confidence, order_ranks
from evalharness.stats.paired import fixed_suite_delta
from evalharness.stats.power import (
    Goal,
    Noise,
    achieved_power,
    detectable_effect,
    tasks_needed,
    tasks_to_certify,
)
from evalharness.stats.safety import clean_needed, rule_of_three, verdict, violation_rate, zero_event_bound
from evalharness.stats.sequential import sprt, sprt_limits

Answer = Any
Case = dict[str, Any]
UNDEFINED = {"undefined": True}
TWO_SIDED = Goal(sides=2)


def _or_undefined(value: float | None) -> Answer:
    return UNDEFINED if value is None else value


def _tasks(case: Case) -> Answer:
    x = case["inputs"]
    noise = Noise(within_baseline=x["sA2"], within_candidate=x["sB2"], between=x["omega2"])
    planned = tasks_needed(x["delta"], (x["KA"], x["KB"]), noise=noise, goal=TWO_SIDED)
    return {"n_raw": planned.value, "n": planned.count}


def _population_effects(case: Case) -> Answer:
    x = case["inputs"]
    noise = Noise(within_baseline=x["s2"], within_candidate=x["s2"], between=x["omega2"])
    return [detectable_effect(x["n"], (k, k), noise=noise, goal=TWO_SIDED).value for k in x["K"]]


def _suite_effect(case: Case) -> Answer:
    x = case["inputs"]
    noise = Noise(within_baseline=x["pq"], within_candidate=x["pq"])
    return _or_undefined(detectable_effect(x["n"], (x["k"], x["k"]), noise=noise).value)


def _suite_power(case: Case) -> Answer:
    x = case["inputs"]
    noise = Noise(within_baseline=x.get("pq", 0.25), within_candidate=x.get("pq", 0.25))
    return _or_undefined(achieved_power(x["delta"], x["n"], (x["k"], x["k"]), noise=noise).value)


def _runs(case: Case) -> Answer:
    x = case["inputs"]
    return [runs_needed(e, sd=x["sd"], goal=Goal(sides=2, power=p)).count for e, p in x["cases"]]


def _paired_t(case: Case) -> Answer:
    x = case["inputs"]
    return _or_undefined(paired_t_power(x["delta"], sd=x["sd"], tasks=x["n"]).value)


def _two_rates(case: Case) -> Answer:
    x = case["inputs"]
    return two_rates_needed((x["p1"], x["p2"]), power=x["power"]).value


def _fisher_power(case: Case) -> Answer:
    x = case["inputs"]
    return fisher_power((x["k"], x["k"]), (x["p_base"], x["p_cand"]), alpha=x["alpha"])


def _certify(case: Case) -> Answer:
    return [tasks_to_certify(margin).count for margin in case["inputs"]["margin"]]


def _constants(case: Case) -> Answer:
    looks = case["inputs"]["K"]
    return {
        "pocock": classic_constant(looks, spending=Spending.POCOCK),
        "obf": classic_constant(looks, spending=Spending.OBRIEN_FLEMING),
    }


def _spending_bounds(case: Case, spending: Spending) -> Answer:
    looks = boundaries(case["inputs"]["t"], alpha=0.05, spending=spending, sides=2)
    return [look.boundary for look in looks]


def _spent(case: Case) -> Answer:
    times = case["inputs"]["t"]
    names = {"obf": Spending.OBRIEN_FLEMING, "pocock": Spending.POCOCK}
    return {name: [spent(t, alpha=0.025, spending=kind) for t in times] for name, kind in names.items()}


def _sprt_bounds(case: Case) -> Answer:
    lower, upper = sprt_limits(**case["inputs"])
    return {"lower": lower, "upper": upper}


def _sprt(case: Case) -> Answer:
    x = case["inputs"]
    seen = (outcome == "1" for outcome in x["outcomes"])
    result = sprt(seen, good=x["p0"], bad=x["p1"], alpha=x["alpha"], beta=x["beta"])
    return {"decision": str(result.decision), "n": result.n, "llr": result.llr}


def _sign_process(case: Case) -> Answer:
    x = case["inputs"]
    capital = [sign_process([True] * s, bet=x["lam"]).statistic for s in x["s"]]
    return {"E": capital, "first_s": breaks_needed(alpha=0.05, bet=x["lam"])}


def _pair_validity(case: Case) -> Answer:
    guess = {"base_guess": case["inputs"]["ta"], "cand_guess": case["inputs"]["tb"]}

    def mean(base: float, cand: float) -> float:
        return sum(
            (base if a else 1 - base) * (cand if b else 1 - cand) * pair_evidence(a, b, **guess)
            for a, b in itertools.product((0, 1), repeat=2)
        )

    return {"null": mean(0.6, 0.6), "improvement": mean(0.5, 0.8)}


def _betting(case: Case) -> Answer:
    x = case["inputs"]
    return betting_process(x["x"], mean=x["m"], bet=x["lam"]).statistic


def _three_then_ten(passed: int, failed: int) -> bool:
    return (passed, failed) == (3, 0) or passed + failed == 10


def _path_counts(case: Case) -> Answer:
    found = {(p.passed, p.failed): p.unbiased for p in end_points(_three_then_ten, most=10)}
    return [found[passed, failed] for passed, failed in case["inputs"]["endpoints"]]


def _adaptive(case: Case) -> Answer:
    result = expected(_three_then_ten, rate=case["inputs"]["p"], most=10)
    return {"pooled": result.pooled, "gms": result.unbiased, "EN": result.trials}


def _retry(case: Case) -> Answer:
    x = case["inputs"]
    most = x["max_tries"]
    result = expected(lambda passed, failed: passed == 1 or failed == most, rate=x["p"], most=most)
    return {"pooled": result.pooled, "eventual": result.any_passed}


def _false_passes(case: Case) -> Answer:
    x = case["inputs"]
    errors = {"sensitivity": x.get("se", 1.0), "false_pass_rate": x["fpr"]}
    return [apparent_pass_at_k(x["p"], k, **errors) for k in x["k"]]


def _false_fails(case: Case) -> Answer:
    x = case["inputs"]
    errors = {"sensitivity": x["se"], "false_pass_rate": x.get("fpr", 0.0)}
    return [apparent_pass_hat_k(x["p"], k, **errors) for k in x["k"]]


def _kappa(case: Case) -> Answer:
    found = cohen_kappa(case["inputs"]["table"])
    value = "undefined" if found.kappa.value is None else found.kappa.value
    return {"kappa": value, "var": found.variance, "agreement": found.agreement}


def _alpha(case: Case) -> Answer:
    ratings = case["inputs"]["data"]
    return {metric: krippendorff_alpha(ratings, metric=metric).value for metric in METRICS}


def _zero_events(case: Case) -> Answer:
    counts = case["inputs"]["n"]
    return {"exact": [zero_event_bound(n) for n in counts], "rule_of_three": [rule_of_three(n) for n in counts]}


def _upper(case: Case) -> Answer:
    return violation_rate(case["inputs"]["x"], case["inputs"]["n"]).high


def _verdicts(case: Case) -> Answer:
    x = case["inputs"]
    rates = (violation_rate(events, n, alpha=x["alpha"]) for events, n in x["cases"])
    return [str(verdict(rate, limit=x["limit"])) for rate in rates]


def _fieller(case: Case) -> Answer:
    x = case["inputs"]
    region = fieller(x["task_mean_cost"], x["task_pass_rate"])
    return {"g": region.g, "unbounded": region.unbounded, "low": region.low, "high": region.high}


def _ranks(case: Case) -> Answer:
    x = case["inputs"]
    ranks = order_ranks(x["n"], x["q"])
    return {
        "l": ranks.low,
        "u": ranks.high,
        "coverage": ranks.coverage,
        "u_exceeds_n": ranks.high is None,
        "max_upper_confidence": largest_confidence(x["n"], x["q"]),
    }


def _no_common_tasks(case: Case) -> Answer:
    nothing = [0] * case["inputs"]["n_tasks"]
    delta = fixed_suite_delta(nothing, nothing, nothing, nothing)
    return f"not comparable (exit {NotComparable.exit_code})" if delta.value is None else delta


def _missing_trials(case: Case) -> Answer:
    tasks = case["inputs"]["tasks"]
    base_passed, base_trials = zip(*(task["base"] for task in tasks), strict=True)
    cand_passed, cand_trials = zip(*(task["cand"] for task in tasks), strict=True)
    delta = fixed_suite_delta(base_passed, base_trials, cand_passed, cand_trials)
    unmeasured = [t["id"] for t in tasks if 0 in (t["base"][1], t["cand"][1])]
    assert f"{len(unmeasured)} task" in delta.note
    return {"n_paired": delta.n, "worst_case": unmeasured}


CASES: dict[str, Callable[[Case], Answer]] = {
    "miller_n": _tasks,
    "miller_mde": _population_effects,
    "randomness_agentic_runs": _runs,
    "t_paired_power": _paired_t,
    "two_prop_n": _two_rates,
    "fisher_exact_power": _fisher_power,
    "mde_fixed_suite": _suite_effect,
    "power_zero_tasks": _suite_power,
    "gate_min_tasks_clean": _certify,
    "gate_zero_tasks": _no_common_tasks,
    "gate_missing_trials": _missing_trials,
    "pocock_obf": _constants,
    "lan_demets_obf": lambda case: _spending_bounds(case, Spending.OBRIEN_FLEMING),
    "lan_demets_pocock": lambda case: _spending_bounds(case, Spending.POCOCK),
    "spending_values": _spent,
    "sprt_bounds": _sprt_bounds,
    "sprt": _sprt,
    "e_sign_process": _sign_process,
    "e_block_validity": _pair_validity,
    "betting_capital": _betting,
    "gms_estimator": _path_counts,
    "adaptive_bias": _adaptive,
    "retry_until_pass_bias": _retry,
    "fp_inflates": _false_passes,
    "fn_deflates": _false_fails,
    "cohen_kappa": _kappa,
    "kappa": _kappa,
    "krippendorff_alpha": _alpha,
    "fleiss_kappa": lambda case: fleiss_kappa(case["inputs"]["table"]).value,
    "zero_failures_ucb": _zero_events,
    "zero_failures_n_needed": lambda case: [clean_needed(rate) for rate in case["inputs"]["rate"]],
    "cp_upper": _upper,
    "safety_gate_verdict": _verdicts,
    "fieller": _fieller,
    "p95_order_stat": _ranks,
    "p50_order_stat": _ranks,
    "pareto_front": lambda case: pareto_front(case["inputs"]["points"]),
}
