"""How the reference cases about one run, two runs and flips are asked of the library."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.stats import binom

from evalharness.errors import NotComparable
from evalharness.stats.betabinomial import beta_moment, fit, posterior, posterior_moment
from evalharness.stats.clusters import cluster_mean
from evalharness.stats.differences import bonett_price, paired_t, paired_t_interval, tost
from evalharness.stats.estimate import bounded_mean, pass_rate, proportion, repeatability
from evalharness.stats.evidence import pair_evidence
from evalharness.stats.flips import flip_chances, noise_floor
from evalharness.stats.multiple import bh, by, e_bh, heyse, holm, significant, tarone_factor
from evalharness.stats.paired import fixed_suite_delta, population_delta
from evalharness.stats.reliability import curve, pass_at_k, pass_hat_k, suite_pass_at_k, suite_pass_hat_k
from evalharness.stats.states import drop_probability, task_state
from evalharness.stats.stratified import cmh_test, mcnemar, sign_flip_test
from evalharness.stats.tables import attainable, boschloo, fisher, smallest_pvalue, task_pvalues
from evalharness.stats.tango import tango
from evalharness.stats.variance import components, within_task_variance

Answer = Any
Case = dict[str, Any]
UNDEFINED = {"undefined": True}


def _or_undefined(value: float | None) -> Answer:
    return UNDEFINED if value is None else value


def _reliability(case: Case) -> Answer:
    x, per_task, suite = case["inputs"], *_KIND[case["topic"]]
    if "tasks" in x:
        return _or_undefined(suite([c for _, c in x["tasks"]], [n for n, _ in x["tasks"]], k=x["k"]).value)
    if isinstance(x.get("c"), list):
        kind = "pass_at_k" if case["topic"] == "pass@k" else "pass_hat_k"
        n = [x["n"]] * len(x["c"])
        return [one.value for one in curve(x["c"], n, kind=kind, ks=range(1, x["n"] + 1))]
    if "p" in x:
        return _exact_moments(x, per_task, wants=case["expected"])
    return _or_undefined(per_task(x["c"], x["n"], x["k"]))


_KIND = {"pass@k": (pass_at_k, suite_pass_at_k), "pass^k": (pass_hat_k, suite_pass_hat_k)}


def _exact_moments(x: Case, per_task: Callable[..., float | None], *, wants: Answer) -> Answer:
    c = np.arange(x["n"] + 1)
    chance = binom.pmf(c, x["n"], float(Fraction(x["p"])))
    values = np.array([per_task(int(one), x["n"], x["k"]) for one in c])
    mean = float(chance @ values)
    return {"mean": mean, "var": float(chance @ (values - mean) ** 2)} if isinstance(wants, dict) else mean


def _macro_micro(case: Case) -> Answer:
    n, c = np.array(case["inputs"]["tasks_n_c"]).T
    return {"macro": pass_rate(c, n).value, "micro": proportion(int(c.sum()), int(n.sum())).value}


def _plugin(case: Case) -> Answer:
    x = case["inputs"]
    return {"plugin": 1 - (1 - x["c"] / x["n"]) ** x["k"], "unbiased": pass_at_k(x["c"], x["n"], x["k"])}


def _within(case: Case) -> Answer:
    return _or_undefined(within_task_variance(case["inputs"]["c"], case["inputs"]["n"]))


def _beta_binomial(case: Case) -> Answer:
    x = case["inputs"]
    if "counts" not in x:
        if "c" in x:
            return posterior_moment(x["c"], x["n"], k=x["k"], a=x["a"], b=x["b"])
        return beta_moment(x["a"], x["b"], x["k"])
    trials = [x["n"]] * len(x["counts"])
    if "k" in x:
        estimate = posterior(x["counts"], trials, k=x["k"])
        assert estimate.low is not None
        return {"point": estimate.value, "interval_lower_lt": estimate.low}
    model = fit(x["counts"], trials)
    return {"mu": model.mu, "rho": model.rho, "loglik": model.loglik}


def _bounds(estimate: Any) -> list[float | None]:
    return [estimate.low, estimate.high]


def _proportion(method: str) -> Callable[[Case], Answer]:
    def ask(case: Case) -> Answer:
        x = case["inputs"]
        return _bounds(proportion(x["x"], x["n"], level=x["level"], method=method))

    return ask


def _task_t(case: Case) -> Answer:
    values = np.array(case["inputs"]["task_values"])
    return _bounds(paired_t_interval(values))


def _wilson_neff(case: Case) -> Answer:
    x = case["inputs"]
    level = x.get("level", 0.95)
    if "all_pass" in x or "all_fail" in x:
        trials = [x["k"]] * x["n_tasks"]
        return _bounds(pass_rate(trials if x.get("all_pass") else [0] * x["n_tasks"], trials, level=level))
    return _bounds(bounded_mean(x.get("task_values", x.get("values")), level=level))


def _one_task(case: Case) -> Answer:
    x = case["inputs"]
    assert pass_rate([x["c"]], [x["k"]]).low is None
    return {
        "superpopulation": "undefined",
        "fixed_suite_clopper_pearson": _bounds(repeatability([x["c"]], [x["k"]])),
    }


def _clustered(method: str) -> Callable[[Case], Answer]:
    return lambda case: cluster_mean(case["inputs"]["values"], case["inputs"]["clusters"], method=method).error


def _resampling(case: Case) -> Answer:
    return [1 / 12 + 1 / 6 / k for k in case["inputs"]["K"]]


def _mcnemar(case: Case) -> Answer:
    x, name = case["inputs"], case["name"]
    flips = {"broken": x["p_to_f"], "fixed": x["f_to_p"]}
    if "chi2" in name:
        plain, corrected = (mcnemar(**flips, method=one, alternative="two-sided").pvalue for one in ("z", "corrected"))
        return {"plain": plain, "corrected": corrected}
    alternative = "two-sided" if "two" in name else "worse"
    return mcnemar(**flips, method="midp" if "midp" in name else "exact", alternative=alternative).pvalue


def _sign_flip(case: Case) -> Answer:
    alternative = "two-sided" if "two" in case["name"] else "worse"
    return sign_flip_test(case["inputs"]["d"], alternative=alternative).pvalue


def _paired_t(case: Case) -> Answer:
    d = case["inputs"]["d"]
    if "signflip_two" in case["expected"]:
        answer = paired_t(d, alternative="two-sided")
        assert "undefined" in answer.note
        exact = mcnemar(broken=0, fixed=len(d), method="exact", alternative="two-sided").pvalue
        return {"t": "undefined", "signflip_two": answer.pvalue, "mcnemar_exact_two": exact}
    return {
        "two": paired_t(d, alternative="two-sided").pvalue,
        "less": paired_t(d).pvalue,
        "ci90": _bounds(paired_t_interval(d, level=0.9)),
    }


def _cmh(case: Case) -> Answer:
    x, name = case["inputs"], case["name"]
    base_trials = x.get("kA") or [x["k"]] * len(x["cA"])
    cand_trials = x.get("kB") or [x["k"]] * len(x["cB"])
    arms = (x["cA"], base_trials, x["cB"], cand_trials)
    if "chi2" in name:
        answer = cmh_test(*arms, method="z", alternative="two-sided")
        return {"chi2": (answer.statistic or 0) ** 2, "p_two": answer.pvalue}
    method = next((one for one in ("midp", "exact") if one in name), "z")
    alternative = "two-sided" if "two" in name else "worse"
    return cmh_test(*arms, method=method, alternative=alternative).pvalue


def _bonett_price(case: Case) -> Answer:
    x = case["inputs"]
    if "d" in x:
        return _bounds(bonett_price(x["d"], level=x["level"]))
    same = x["n"] - x["p_to_f"] - x["f_to_p"]
    return _bounds(bonett_price([-1] * x["p_to_f"] + [1] * x["f_to_p"] + [0] * same, level=x["level"]))


def _tango(case: Case) -> Answer:
    x = case["inputs"]
    return _bounds(tango(broken=x["p_to_f"], fixed=x["f_to_p"], n=x["n"], level=x["level"]))


def _tost(case: Case) -> Answer:
    x = case["inputs"]
    return tost(np.subtract(x["cand"], x["base"]), margin=x["margin"]).pvalue


def _delta(case: Case) -> Answer:
    x = case["inputs"]
    ask = fixed_suite_delta if "fixed" in case["name"] else population_delta
    base_trials = x.get("kA") or [x["k"]] * len(x["cA"])
    cand_trials = x.get("kB") or [x["k"]] * len(x["cB"])
    return _bounds(ask(x["cA"], base_trials, x["cB"], cand_trials, level=x.get("level", 0.95)))


def _fisher(case: Case) -> Answer:
    x = case["inputs"]
    if "k" in x:
        k = np.array(x["k"])
        return smallest_pvalue(k, k).tolist()
    table = (*x["base"], *x["cand"])
    if isinstance(case["expected"], dict):
        return {"one": fisher(*table), "two": fisher(*table, alternative="two-sided")}
    two_sided = "two-sided" in case["question"]
    return fisher(*table, alternative="two-sided" if two_sided else "worse", mid="midp" in case["name"])


def _total_break(case: Case) -> Answer:
    x = case["inputs"]
    assert (x["p_base"], x["p_cand"]) == (1, 0)
    return float(significant([fisher(x["k"], x["k"], 0, x["k"])], level=x["alpha"])[0])


def _boschloo(case: Case) -> Answer:
    return boschloo(*case["inputs"]["base"], *case["inputs"]["cand"])


def _bonferroni_k(case: Case) -> Answer:
    k = np.arange(1, 30)
    least = smallest_pvalue(k, k)
    return [int(k[least <= case["inputs"]["alpha"] / n + 1e-12][0]) for n in case["inputs"]["n"]]


def _drop(case: Case) -> Answer:
    x = case["inputs"]
    return drop_probability(tuple(x["base"]), tuple(x["cand"]), drop=x["delta"])


def _adjusted(case: Case) -> Answer:
    method = {"BH": bh, "fdr": bh, "holm": holm, "Holm": holm, "BY": by}[case["inputs"]["method"]]
    return method(case["inputs"]["p"]).tolist()


def _e_bh(case: Case) -> Answer:
    rejected = e_bh(case["inputs"]["e"], level=case["inputs"]["alpha"])
    return {"n_rejected": int(rejected.sum()), "indices": np.flatnonzero(rejected).tolist()}


def _noise_floor(case: Case) -> Answer:
    x = case["inputs"]
    k = [x["k"]] * len(x["cA"])
    floor = noise_floor(x["cA"], k, x["cB"], k)
    return {
        "per_task": flip_chances(x["cA"], k, x["cB"], k).broken.tolist(),
        "expected": floor.expected_broken,
        "observed": floor.observed_broken,
        "p_upper": floor.pvalue_broken,
    }


def _tarone(case: Case) -> Answer:
    x = case["inputs"]
    smallest = [attainable(x["k"], x["k"], total)[0] for total in x["totals"]]
    return tarone_factor(smallest, level=x["alpha"])


def _heyse(case: Case) -> Answer:
    x = case["inputs"]
    if "p" in x:
        return heyse(x["p"], x["supports"]).tolist()
    k = [x["k"]] * len(x["cA"])
    supports = [attainable(x["k"], x["k"], a + b) for a, b in zip(x["cA"], x["cB"], strict=True)]
    return heyse(task_pvalues(x["cA"], k, x["cB"], k), supports).tolist()


def _state(case: Case) -> Answer:
    tasks = case["inputs"].get("cases") or case["inputs"]["tasks"]
    return [task_state(c, k).value for c, k in tasks]


def _pair_evidence(case: Case) -> Answer:
    x = case["inputs"]

    def mean(p_base: float, p_cand: float) -> float:
        return sum(
            (p_base if a else 1 - p_base)
            * (p_cand if b else 1 - p_cand)
            * pair_evidence(a, b, base_guess=x["ta"], cand_guess=x["tb"])
            for a in (0, 1)
            for b in (0, 1)
        )

    return {"null": mean(0.6, 0.6), "improvement": mean(0.5, 0.8)}


def _components(case: Case) -> Answer:
    x = case["inputs"]
    found = components(x["c"], [x["n"]] * len(x["c"]))
    return {name: getattr(found, name) for name in case["expected"]}


def _zero_tasks(case: Case) -> Answer:
    assert case["inputs"] == {"n_tasks": 0}
    estimate = fixed_suite_delta([], [], [], [])
    assert (estimate.n, estimate.value, estimate.low) == (0, None, -1)  # a bound that no margin lies below
    return f"not comparable (exit {NotComparable.exit_code})"


def _missing_trials(case: Case) -> Answer:
    tasks = case["inputs"]["tasks"]
    base, cand = np.array([one["base"] for one in tasks]).T, np.array([one["cand"] for one in tasks]).T
    paired = fixed_suite_delta(*base, *cand)
    planned = np.maximum(base[1], cand[1])
    worst = fixed_suite_delta(base[0] + planned - base[1], planned, cand[0], planned)
    assert worst.low is not None
    assert paired.low is not None
    assert worst.low < paired.low
    missing = [one["id"] for one in tasks if not (one["base"][1] and one["cand"][1])]
    return {"n_paired": paired.n, "worst_case": missing if f"{len(missing)} task" in paired.note else []}


CASES: dict[str, Callable[[Case], Answer]] = {
    "pass@k": _reliability,
    "pass^k": _reliability,
    "pass_at_1_unequal": _macro_micro,
    "pass_at_k_plugin": _plugin,
    "within_task_variance": _within,
    "beta-binomial": _beta_binomial,
    "wilson": _proportion("wilson"),
    "clopper_pearson": _proportion("clopper_pearson"),
    "jeffreys": _proportion("jeffreys"),
    "task_t_interval": _task_t,
    "wilson_neff": _wilson_neff,
    "one_task_interval": _one_task,
    "clustered_se_CR0": _clustered("CR0"),
    "clustered_se_CR1": _clustered("CR1"),
    "clustered_se_CR2": _clustered("CR2"),
    "clustered_se_miller": _clustered("miller"),
    "miller_resampling": _resampling,
    "mcnemar": _mcnemar,
    "signflip": _sign_flip,
    "paired_t": _paired_t,
    "cmh": _cmh,
    "bonett_price": _bonett_price,
    "tango": _tango,
    "tost": _tost,
    "fixed_suite": _delta,
    "population": _delta,
    "fisher": _fisher,
    "fisher_exact_power": _total_break,
    "boschloo": _boschloo,
    "min_k_bonferroni": _bonferroni_k,
    "bayes_p_drop": _drop,
    "padjust": _adjusted,
    "e_bh": _e_bh,
    "flip_noise_floor": _noise_floor,
    "tarone": _tarone,
    "heyse": _heyse,
    "task_state": _state,
    "e_block": _pair_evidence,
    "variance": _components,
    "gate_zero_tasks": _zero_tasks,
    "gate_missing_trials": _missing_trials,
}
"""By the beginning of a case's name, the longest that fits; else by its topic."""
