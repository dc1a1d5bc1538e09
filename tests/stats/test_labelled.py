"""Rates of answers that share tasks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.estimate import proportion
from evalharness.stats.labelled import design_effect, labelled_rate, pooled_rate

TASKS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda t: (min(t), max(t))), min_size=1, max_size=9
)


def test_one_answer_per_task_is_clopper_pearson():
    found, exact = pooled_rate([1, 0, 1, 1], [1, 1, 1, 1]), proportion(3, 4, method="clopper_pearson")
    assert (found.low, found.high) == (exact.low, exact.high)


def test_answers_that_agree_within_tasks_are_worth_one_each():
    together = pooled_rate([10] * 8 + [0] * 2, [10] * 10)
    alone = proportion(8, 10, method="clopper_pearson")
    assert together.low <= alone.low
    assert together.high >= alone.high
    assert design_effect([10] * 8 + [0] * 2, [10] * 10) == pytest.approx(10 * 10 / 9)


@pytest.mark.parametrize("hits", [[0, 0, 0], [5, 5, 5]])
def test_where_all_answers_agree_tasks_are_counted(hits):
    found, tasks = pooled_rate(hits, [5, 5, 5]), proportion(len([h for h in hits if h]), 3, method="clopper_pearson")
    assert (found.low, found.high) == (tasks.low, tasks.high)


def test_independent_answers_keep_their_number():
    assert design_effect([1, 1, 1, 1], [2, 2, 2, 2]) == 1.0


@pytest.mark.parametrize(
    ("hits", "answers", "says"), [([3], [4], "one task"), ([], [], "no outcomes"), ([0], [0], "no")]
)
def test_too_little_says_nothing(hits, answers, says):
    found = pooled_rate(hits, answers)
    assert (found.low, found.high) == (0.0, 1.0)
    assert says in found.note


@given(TASKS)
def test_the_interval_holds_its_value_and_ignores_the_order_of_tasks(tasks):
    hits, answers = map(list, zip(*tasks, strict=True))
    found, back = pooled_rate(hits, answers), pooled_rate(hits[::-1], answers[::-1])
    if found.value is not None:
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert (found.low, found.high) == pytest.approx((back.low, back.high))


def drawn(rng, *, tasks, trials, labels, rate):
    """Make a run behind a grader that errs, of which a random part is labelled."""
    of_task = rng.beta(1.5 * rate, 1.5 * (1 - rate), tasks)[:, None]
    right = rng.random((tasks, trials)) < of_task
    passed = np.where(right, rng.random(right.shape) < 0.95, rng.random(right.shape) < 0.15)
    picked = np.zeros(right.size, dtype=bool)
    picked[rng.choice(right.size, labels, replace=False)] = True
    picked = picked.reshape(right.shape)
    counted = [(each & picked).sum(axis=1) for each in (right, passed, np.ones_like(right))]
    return *counted, passed.sum(axis=1), np.full(tasks, trials)


def test_the_grades_of_all_answers_sharpen_the_labels_and_cover():
    rng = np.random.default_rng(5)
    covered = narrower = 0
    for _ in range(200):
        right, seen, labels, passed, answers = drawn(rng, tasks=60, trials=5, labels=120, rate=0.7)
        found = labelled_rate(right, seen, labels, passed=passed, answers=answers)
        alone = pooled_rate(right, labels)
        covered += found.low <= 0.7 <= found.high
        narrower += found.high - found.low < alone.high - alone.low
    assert covered >= 182  # 95 % of 200 less two and a half standard errors
    assert narrower >= 180


def test_few_labels_stand_alone():
    found = labelled_rate([1, 1, 0], [1, 1, 1], [1, 1, 1], passed=[4, 4, 3], answers=[5, 5, 5])
    assert found.note.startswith("labels alone")
    assert found.value == pytest.approx(2 / 3)


def test_when_everything_is_labelled_the_labels_say_it():
    rng = np.random.default_rng(1)
    right, seen, labels, passed, answers = drawn(rng, tasks=60, trials=5, labels=300, rate=0.7)
    found = labelled_rate(right, seen, labels, passed=passed, answers=answers)
    assert found.value == pytest.approx(right.sum() / 300)
