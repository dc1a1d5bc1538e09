import json
import math

import numpy as np
import pytest

from evalharness.stats.inference_scaling import (
    Curve,
    TaskType,
    Verifier,
    ceiling,
    picked,
    reward_curve,
    theory_curve,
    trend,
)

TYPES = [TaskType(share=0.58, accuracy=0.87), TaskType(share=0.42, accuracy=0.13)]
LOOSE = Verifier(completeness=1.0, soundness=0.75)


@pytest.mark.parametrize("weighting", ["exact", "published"])
@pytest.mark.parametrize(("cost", "best"), [(0.7, 3), (1, 2), (2, 1), (4, 1), (10, 0)])
def test_best_number_of_tries_of_the_paper(weighting, cost, best):
    assert theory_curve(TYPES, verifier=LOOSE, cost=cost, weighting=weighting).best == best


def test_rewards_of_both_weightings():
    exact = theory_curve(TYPES, verifier=LOOSE, cost=1.0)
    published = theory_curve(TYPES, verifier=LOOSE, cost=1.0, weighting="published")
    assert exact.rewards[1] == pytest.approx(0.4724, abs=5e-5)
    assert published.rewards[1] == pytest.approx(0.4884, abs=5e-5)


def test_exact_curve_is_the_sum_over_types():
    curve = theory_curve(TYPES, verifier=LOOSE, cost=0.7, most=6)
    for tries, reward in enumerate(curve.rewards, start=1):
        parts = [(t.share, picked(tries, accuracy=t.accuracy, verifier=LOOSE)) for t in TYPES]
        assert reward == pytest.approx(sum(s * (p.right - 0.7 * p.wrong) for s, p in parts))


@pytest.mark.parametrize(
    ("tries", "right", "wrong"),
    [(1, 0.130, 0.2175), (2, 0.215, 0.359), (5, 0.330, 0.552), (10, 0.369, 0.617)],
)
def test_best_of_k_on_hard_tasks(tries, right, wrong):
    found = picked(tries, accuracy=0.13, verifier=LOOSE)
    assert (found.right, found.wrong) == (
        pytest.approx(right, abs=6e-4),
        pytest.approx(wrong, abs=6e-4),
    )


def test_accuracy_with_endless_tries():
    total = sum(t.share * picked(math.inf, accuracy=t.accuracy, verifier=LOOSE).right for t in TYPES)
    assert total == pytest.approx(0.716, abs=5e-4)


def test_a_sound_grader_never_picks_a_wrong_answer():
    found = picked(50, accuracy=0.2, verifier=Verifier(completeness=0.9, soundness=1.0))
    assert found.wrong == 0.0
    assert found.right == pytest.approx(1.0, abs=1e-4)
    stuck = picked(5, accuracy=0.0, verifier=Verifier(completeness=0.9, soundness=1.0))
    assert (stuck.right, stuck.wrong) == (0.0, 0.0)


def test_reward_curve_is_the_average_over_orders():
    """Against twenty thousand random orders of the trials."""
    rng = np.random.default_rng(2)
    accepted, right, n = [3, 1, 0, 6], [2, 0, 0, 6], 6
    curve = reward_curve(accepted, right, [n] * 4, cost=0.5)
    totals = np.zeros(n)
    for a, r in zip(accepted, right, strict=True):
        worth = np.array([1.0] * r + [-0.5] * (a - r) + [np.nan] * (n - a))
        orders = rng.permuted(np.tile(worth, (20_000, 1)), axis=1)
        for k in range(1, n + 1):
            first = np.argmax(~np.isnan(orders[:, :k]), axis=1)
            totals[k - 1] += np.nan_to_num(orders[np.arange(20_000), first]).mean() / 4
    assert curve.rewards == pytest.approx(totals, abs=0.005)


def test_nothing_accepted_is_worth_no_try():
    assert reward_curve([0, 0], [0, 0], [5, 5], cost=1.0).best == 0
    assert Curve(cost=1.0, rewards=()).best == 0
    assert Curve(cost=1.0, rewards=(0.1, 0.3, 0.3)).best == 2


def test_ceiling_leaves_out_tasks_without_an_accepted_trial():
    found = ceiling([4, 2, 0], [4, 1, 0])
    assert found.value == pytest.approx(0.75)
    assert found.n == 2
    assert ceiling([0], [0]).value is None


def test_trend_of_published_ceilings(shared):
    given = json.loads((shared / "oracles" / "papers.json").read_text())["flaws_humaneval_plus"]
    single, reachable = zip(*given["points"].values(), strict=True)
    fit = trend(single, reachable)
    assert fit.slope == pytest.approx(given["fit"]["slope"], abs=5e-5)
    assert fit.intercept == pytest.approx(given["fit"]["intercept"], abs=5e-5)
    assert fit.r_squared == pytest.approx(given["fit"]["r2"], abs=5e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Verifier(completeness=1.2, soundness=0.5),
        lambda: picked(-1, accuracy=0.5, verifier=LOOSE),
        lambda: theory_curve(TYPES[:1], verifier=LOOSE, cost=1.0),
        lambda: theory_curve(TYPES, verifier=LOOSE, cost=1.0, weighting="prior"),
        lambda: reward_curve([1], [2], [3], cost=1.0),
        lambda: reward_curve([], [], [], cost=1.0),
        lambda: reward_curve([1], [1], [3], cost=1.0, most=4),
        lambda: trend([1, 1], [1, 2]),
    ],
)
def test_wrong_input_is_refused(make):
    with pytest.raises(ValueError, match="must"):
        make()
