import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.adaptive import end_points, expected
from evalharness.stats.allocation import (
    Limits,
    knapsack,
    mixed_chance,
    neyman,
    trials_for_mixed,
    trials_until_mixed,
)

histories = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=30)


def variance(history, planned):
    a = np.array([c + 0.5 for c, _ in history])
    b = np.array([f + 0.5 for _, f in history])
    return float((a * b / ((a + b) * (a + b + 1)) / np.array(planned)).sum())


def allocate(history, **limits):
    passed, failed = zip(*history, strict=True)
    return neyman(passed, np.add(passed, failed), limits=Limits(**limits))


@given(histories, st.integers(0, 60), st.integers(1, 3))
def test_whole_budget_is_spent_above_the_floor(history, extra, floor):
    planned = allocate(history, budget=floor * len(history) + extra, floor=floor)
    assert sum(planned.trials) == floor * len(history) + extra
    assert min(planned.trials) >= floor
    if extra % len(history) == 0:
        assert planned.variance_ratio <= 1 + 1e-9


def test_allocation_is_the_best_of_all_allocations():
    """Every split of twelve trials over four tasks, by enumeration."""
    history = [(10, 0), (5, 5), (8, 2), (1, 1)]
    planned = allocate(history, budget=14)
    every = (s for s in itertools.product(range(2, 9), repeat=4) if sum(s) == 14)
    best = min(variance(history, split) for split in every)
    assert variance(history, planned.trials) == pytest.approx(best)


def test_flaky_tasks_get_more_and_stable_tasks_keep_the_floor():
    planned = allocate([(10, 0), (5, 5), (0, 10)], budget=20)
    assert planned.trials == (5, 11, 4)


def test_a_cap_leaves_the_rest_to_others():
    assert allocate([(5, 5), (10, 0)], budget=20, cap=12).trials == (12, 8)
    assert allocate([(5, 5), (10, 0)], budget=100, cap=12).trials == (12, 12)


def test_expensive_tasks_get_fewer_trials():
    planned = allocate([(5, 5), (5, 5)], budget=100, costs=[1.0, 4.0])
    assert planned.trials == (36, 16)  # twice as many, and the rest of the budget
    assert planned.cost == 100


def test_no_tasks_need_no_trials():
    assert neyman([], [], limits=Limits(budget=10)).trials == ()


def test_large_suites_follow_the_square_root_rule():
    rng = np.random.default_rng(1)
    k = np.full(300, 20)
    c = rng.binomial(k, rng.beta(0.5, 0.5, 300))
    planned = neyman(c, k, limits=Limits(budget=300 * 40, floor=1))
    a, b = c + 0.5, k - c + 0.5
    sd = np.sqrt(a * b / ((a + b) * (a + b + 1)))
    assert planned.trials == pytest.approx(sd / sd.sum() * 300 * 40, abs=1.5)


def test_planned_unequal_trials_leave_the_mean_of_task_rates_unbiased():
    rng = np.random.default_rng(7)
    p = np.array([0.98, 0.6, 0.9, 0.2])
    planned = np.array(allocate([(10, 0), (6, 4), (9, 1), (2, 8)], budget=24).trials)
    means = (rng.binomial(planned, p, (40_000, 4)) / planned).mean(axis=1)
    assert means.mean() == pytest.approx(p.mean(), abs=0.002)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Limits(budget=10, floor=0),
        lambda: Limits(budget=10, floor=3, cap=2),
        lambda: Limits(budget=10, costs=[1.0, 0.0]),
        lambda: neyman([1, 1], [2, 2], limits=Limits(budget=3)),
        lambda: neyman([1, 1], [2, 2], limits=Limits(budget=30, costs=[1.0])),
        lambda: neyman([3], [2], limits=Limits(budget=30)),
        lambda: knapsack([1.2], limits=Limits(budget=30)),
        lambda: mixed_chance(-0.1, 3),
        lambda: trials_for_mixed(0.5, chance=1.0),
        lambda: end_points(lambda _passed, _failed: False, most=5),
        lambda: end_points(lambda _passed, _failed: True, most=0),
        lambda: expected(lambda _passed, _failed: True, rate=2.0, most=5),
    ],
)
def test_wrong_input_is_refused(make):
    with pytest.raises(ValueError, match=r"must|goes on"):
        make()


def test_knapsack_numbers_of_the_paper():
    assert trials_until_mixed(0.01) == pytest.approx(100.01, abs=0.005)
    assert trials_for_mixed(0.01, chance=0.9) == 230
    assert mixed_chance(0.5, 8) == pytest.approx(0.9921875)
    assert trials_until_mixed(1.0) is None
    assert trials_for_mixed(0.0, chance=0.9) is None
    assert mixed_chance(0.3, 1) == 0.0


def test_knapsack_gives_always_passing_tasks_the_floor_and_leftovers_to_never_passing_ones():
    planned = knapsack([1.0, 0.5, 0.0], limits=Limits(budget=60, cap=30))
    assert planned.trials == (2, 30, 28)


def test_knapsack_is_the_best_of_all_allocations():
    rates, budget = [0.1, 0.4, 0.8], 15

    def value(split):
        return sum(mixed_chance(p, n) * p * (1 - p) ** 2 for p, n in zip(rates, split, strict=True))

    every = (s for s in itertools.product(range(2, 12), repeat=3) if sum(s) == budget)
    best = max(value(split) for split in every)
    planned = knapsack(rates, limits=Limits(budget=budget))
    assert value(planned.trials) == pytest.approx(best)


def three_then_ten(passed, failed):
    return passed + failed == 10 or (passed, failed) == (3, 0)


def test_path_counts_of_three_then_ten():
    found = {(p.passed, p.failed): p.unbiased for p in end_points(three_then_ten, most=10)}
    assert found[3, 0] == 1.0
    assert found[9, 1] == pytest.approx(2 / 3)
    assert found[6, 4] == pytest.approx(0.52)
    assert found[0, 10] == 0.0


@given(st.floats(0, 1), st.integers(1, 5), st.integers(1, 8))
def test_path_counts_are_unbiased_under_any_such_rule(rate, first, more):
    def stop(passed, failed):
        n = passed + failed
        return n == first + more or (n == first and failed == 0) or (n == first and passed == 0)

    result = expected(stop, rate=rate, most=first + more)
    assert result.unbiased == pytest.approx(rate)


def test_retry_until_it_passes_inflates():
    result = expected(lambda passed, failed: passed == 1 or failed == 3, rate=0.5, most=3)
    assert result.pooled == pytest.approx(2 / 3)
    assert result.any_passed == pytest.approx(0.875)
