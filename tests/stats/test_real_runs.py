"""Published and recomputed numbers of real repeated runs, reproduced from their outcomes."""

import json

import numpy as np
import pandas as pd
import pytest

from evalharness.stats.flips import noise_floor, task_pvalues
from evalharness.stats.multiple import bh, significant
from evalharness.stats.paired import cmh_test, fixed_suite_delta
from evalharness.stats.reliability import curve
from evalharness.stats.variance import components, crossed_components, run_level_difference, run_spread

CONFIGURATIONS = ("qwen3_32b", "qwen3_32b_t0", "deepswe")


@pytest.fixture(scope="module")
def verdicts(shared):
    table = pd.read_csv(shared / "data/outcomes/on_randomness_verdicts.csv.gz", dtype=str)
    return {name: np.array([[int(bit) for bit in bits] for bits in table[name]]) for name in CONFIGURATIONS}


@pytest.fixture(scope="module")
def papers(shared):
    return json.loads((shared / "oracles/papers.json").read_text())


def counts_of(shared, table):
    rows = pd.read_csv(shared / f"data/outcomes/{table}.csv.gz", dtype={"task_id": str})
    for _, own in rows.groupby(["agent", "version"]):
        tasks = own.groupby("task_id")["passed"]
        yield tasks.sum().to_numpy(), tasks.count().to_numpy()


@pytest.mark.parametrize(
    ("table", "published"),
    [
        ("tau_bench_airline", [(0.4200, 0.2733, 0.2200, 0.2000)]),
        ("tau2_retail", [(0.5680, 0.4737, 0.4276, 0.4035), (0.7325, 0.6447, 0.5987, 0.5702)]),
    ],
)
def test_published_pass_hat_k_to_four_decimals(shared, table, published):
    found = [[one.value for one in curve(*arm, kind="pass_hat_k")] for arm in counts_of(shared, table)]
    assert sorted(found) == [pytest.approx(row, abs=5e-5) for row in published]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_on_randomness_tables(verdicts, papers, name):
    outcomes, paper = verdicts[name], papers["on_randomness_runs"][name]
    passed, trials = outcomes.sum(axis=1), np.full(len(outcomes), 10)
    assert outcomes.sum(axis=0).tolist() == paper["resolved_per_run"]
    assert np.bincount(passed, minlength=11).tolist() == paper["hist_successes"]
    spread = run_spread(outcomes.mean(axis=0))
    assert 100 * spread.mean == pytest.approx(paper["mean_pass1"], abs=5e-5)
    assert 100 * spread.sd == pytest.approx(paper["sd_run_ddof1_pp"], abs=5e-5)
    assert 100 * spread.range == pytest.approx(paper["range_pp"], abs=5e-5)
    for kind in ("pass_at_k", "pass_hat_k"):
        found = [100 * one.value for one in curve(passed, trials, kind=kind)]
        assert found == pytest.approx(list(paper[kind].values()), abs=5e-5)
    assert 100 * components(passed, trials).run_sd == pytest.approx(paper["within_task_sd_of_run_pp"], abs=5e-5)


def test_noise_is_local_to_tasks(verdicts):
    for name, expected in (
        ("qwen3_32b", (0.081605, -0.000056, 0.055589)),
        ("deepswe", (0.118176, -0.000091, 0.097491)),
    ):
        found = crossed_components(verdicts[name])
        assert (found.task, found.run, found.residual) == pytest.approx(expected, abs=1e-6)
        icc = components(verdicts[name].sum(axis=1), np.full(500, 10)).icc
        assert icc == pytest.approx({"qwen3_32b": 0.595, "deepswe": 0.548}[name], abs=1e-3)


def test_differences_that_run_noise_could_hide(verdicts, papers):
    for pair in papers["on_randomness_pairs_mdd_t975_df9"]:
        base, cand = verdicts[pair["a"]], verdicts[pair["b"]]
        sign = -1 if pair["delta_pool"] * (cand.mean() - base.mean()) < 0 else 1
        assert sign * (cand.mean() - base.mean()) == pytest.approx(pair["delta_pool"], abs=1e-9)
        found = run_level_difference(base.mean(axis=0), cand.mean(axis=0))
        assert found == pytest.approx(pair["mdd"], abs=5e-7)
        ones = np.ones(500, dtype=int)
        floor = noise_floor(base[:, 0], ones, cand[:, 0], ones)
        assert [floor.observed_broken, floor.observed_fixed] == list(pair["run0_flips"].values())


def test_raw_flips_of_one_configuration(verdicts, papers):
    ones = np.ones(500, dtype=int)
    for name, paper in papers["on_randomness_a_a_flips"].items():
        runs = verdicts[name].T
        floor = noise_floor(runs[0], ones, runs[1], ones)
        first = paper["run0_vs_run1"]
        assert (floor.observed_broken, floor.observed_fixed) == (first["p2f"], first["f2p"])
        assert floor.pvalue_broken > 0.05
        broken = [int((a & ~b & 1).sum()) for i, a in enumerate(runs) for j, b in enumerate(runs) if i != j]
        assert np.mean(broken) == pytest.approx(paper["mean_p2f_over_90_ordered_pairs"], abs=5e-5)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_permuted_trials_seldom_look_like_harm(verdicts, name):
    """A short form of benchmarks/permute_real_runs.py: random halves of each task's ten trials."""
    passed = verdicts[name].sum(axis=1)
    rng, half = np.random.default_rng(1), np.full(500, 5)
    bound = exact = 0
    for _ in range(1500):
        cand = rng.hypergeometric(passed, 10 - passed, 5)
        arms = passed - cand, half, cand, half
        bound += fixed_suite_delta(*arms, level=0.9).high < 0
        exact += cmh_test(*arms, method="exact").pvalue <= 0.05
    assert 0.03 <= bound / 1500 <= 0.065  # 3 to 5.5 %, and what 1,500 permutations add
    assert exact / 1500 <= 0.065


def test_a_real_drop_is_seen_and_located(verdicts):
    base, cand = verdicts["deepswe"].sum(axis=1), verdicts["qwen3_32b"].sum(axis=1)
    trials = np.full(500, 10)
    found = fixed_suite_delta(base, trials, cand, trials)
    assert found.value == pytest.approx(-0.15)
    assert found.high < -0.13
    assert cmh_test(base, trials, cand, trials).pvalue < 1e-50
    p = task_pvalues(base, trials, cand, trials)
    assert significant(bh(p), level=0.10).sum() > 10
