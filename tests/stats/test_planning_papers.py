"""Numbers that the papers print, or that follow from the data they released."""

import json

import pytest

from evalharness.stats.allocation import mixed_chance, trials_for_mixed, trials_until_mixed
from evalharness.stats.budgeting import runs_needed
from evalharness.stats.inference_scaling import TaskType, Verifier, theory_curve
from evalharness.stats.power import Goal, Noise, tasks_needed
from evalharness.stats.safety import t_upper


@pytest.fixture(scope="module")
def papers(shared):
    return json.loads((shared / "oracles" / "papers.json").read_text())


def test_runs_per_agent_at_every_noise_and_effect(papers):
    given = papers["power_two_sample_normal"]
    goal = Goal(alpha=given["alpha"], power=given["power"], sides=2)
    assert 2 * goal.distance**2 == pytest.approx(given["const"], abs=1e-5)
    for sd, row in given["table"].items():
        found = {points: runs_needed(float(points), sd=float(sd), goal=goal).count for points in row}
        assert found == row


def test_paired_runs_at_an_effect_of_one_standard_deviation():
    noise = Noise(within_baseline=0, within_candidate=0, between=1.0)
    planned = tasks_needed(1.0, (1, 1), noise=noise, goal=Goal(sides=2))
    assert planned.value == pytest.approx(7.849, abs=5e-4)
    assert planned.count == 8


def test_reward_theory_of_a_small_model(papers):
    given = papers["flaws_theory_llama8b"]
    x = given["inputs"]
    verifier = Verifier(completeness=x["c"], soundness=x["s"])
    rates = (x["r1"], x["r2"])
    assert [verifier.rejects(r) for r in rates] == pytest.approx(given["beta"])
    assert [verifier.accepts_right(r) for r in rates] == pytest.approx(given["p_correct"])
    assert [verifier.accepts_wrong(r) for r in rates] == pytest.approx(given["p_fluke"])
    types = [TaskType(share=p, accuracy=r) for p, r in zip((x["p1"], x["p2"]), rates, strict=True)]
    for worth, best in given["k_opt"].items():
        for weighting in ("exact", "published"):
            assert theory_curve(types, verifier=verifier, cost=-float(worth), weighting=weighting).best == best


def test_models_that_can_never_reach_the_strongest_single_try(papers):
    points = papers["flaws_humaneval_plus"]["points"]
    strongest = points["GPT-4o"][0]
    assert sum(reachable < strongest for _, reachable in points.values()) == 12


def test_knapsack_examples(papers):
    given = papers["knapsack"]["examples"]
    assert trials_until_mixed(0.01) == pytest.approx(given["p=.01"]["E_N"], abs=0.005)
    assert trials_for_mixed(0.01, chance=0.9) == given["p=.01"]["N90"]
    assert mixed_chance(0.5, 8) == given["p=.5,N=8"]["p_nonzero"]


def test_safety_bound_example(papers):
    given = papers["hc_rlhf"]["example"]
    found = t_upper(given["mean"], sd=given["sd"], n=given["n"], alpha=given["delta"])
    assert found == pytest.approx(given["ucb"], abs=5e-9)
