import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from evalharness.stats.grader_reliability import (
    apparent_pass_at_k,
    apparent_pass_hat_k,
    corrected_pass_at_k,
    corrected_pass_hat_k,
    corrected_reliability,
)
from evalharness.stats.graders import (
    Confusion,
    audit,
    confusion,
    corrected_rate,
    human_rate,
    prediction_powered,
    true_rate,
)

GOOD = Confusion(true_pass=95, false_pass=5, true_fail=95, false_fail=5)
BLIND = Confusion(true_pass=50, false_pass=50, true_fail=50, false_fail=50)
cells = st.integers(0, 60)


def test_confusion_counts_each_kind_once():
    table = confusion([True, True, False, False, True], [True, False, False, True, True])
    assert table == Confusion(true_pass=2, false_pass=1, true_fail=1, false_fail=1)


def test_audit_gives_rates_of_the_right_denominators():
    found = audit(Confusion(true_pass=40, false_pass=10, true_fail=30, false_fail=20))
    assert (found.false_pass_rate.value, found.false_pass_rate.n) == (0.25, 40)
    assert (found.false_fail_rate.value, found.false_fail_rate.n) == (pytest.approx(1 / 3), 60)
    assert (found.precision.value, found.precision.n) == (0.8, 50)
    assert (found.agreement.value, found.agreement.n) == (0.7, 100)


def test_a_grader_that_never_erred_is_not_known_to_be_perfect():
    found = audit(Confusion(true_pass=20, false_pass=0, true_fail=20, false_fail=0))
    assert found.false_pass_rate.value == 0.0
    assert found.false_pass_rate.high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_no_wrong_answer_audited_leaves_false_passes_undefined():
    found = audit(Confusion(true_pass=20, false_pass=0, true_fail=0, false_fail=1))
    assert found.false_pass_rate.value is None
    assert (found.false_pass_rate.low, found.false_pass_rate.high) == (0.0, 1.0)


def test_true_rate_of_the_paper_example():
    assert true_rate(0.9025, sensitivity=1.0, specificity=0.75) == pytest.approx(0.87)
    assert true_rate(0.5, sensitivity=0.5, specificity=0.5) is None


def test_rogan_gladen_value_and_variance_by_hand():
    """q = .7, se = sp = .95: p = .65 / .9; Var = (q(1-q)/n + p^2 h + (1-p)^2 h) / .81, h = .95 .05 / 100."""
    found = corrected_rate(140, 200, table=GOOD, method="rogan_gladen")
    p, h = 0.65 / 0.9, 0.95 * 0.05 / 100
    variance = (0.7 * 0.3 / 200 + p**2 * h + (1 - p) ** 2 * h) / 0.81
    assert found.rate.value == pytest.approx(p)
    assert found.variance == pytest.approx(variance)
    assert found.rate.low == pytest.approx(p - 1.959964 * math.sqrt(variance))


def test_more_passes_than_false_fails_allow_is_clipped_with_a_flag():
    found = corrected_rate(199, 200, table=GOOD)
    assert found.clipped
    assert found.rate.value == 1.0
    assert "clipped" in found.rate.note
    assert found.rate.low < 1.0


@given(st.integers(0, 50), cells, cells, cells, cells)
def test_corrected_rate_never_leaves_its_bounds_or_pretends(passed, tp, fp, tf, ff):
    table = Confusion(true_pass=tp, false_pass=fp, true_fail=tf, false_fail=ff)
    for method in ("rogan_gladen", "lang_reiczigel"):
        rate = corrected_rate(passed, 50, table=table, method=method).rate
        if rate.value is None:
            assert (rate.low, rate.high) == (0.0, 1.0)
            assert rate.note
        else:
            assert 0 <= rate.low <= rate.value <= rate.high <= 1
            assert rate.low < rate.high


def test_shared_tasks_widen_the_corrected_interval():
    plain = corrected_rate(140, 200, table=GOOD).rate
    shared = corrected_rate(140, 200, table=GOOD, design_effect=3.0).rate
    assert shared.high - shared.low > plain.high - plain.low


def test_a_grader_no_better_than_chance_corrects_nothing():
    assert corrected_rate(10, 20, table=BLIND).rate.value is None
    rng = np.random.default_rng(0)
    assert corrected_reliability([1, 2], [3, 3], 2, table=BLIND, rng=rng).value is None


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_corrected_reliability_is_unbiased_for_every_task(rate, k):
    """Summed over all outcomes of six graded trials."""
    errors = {"sensitivity": 0.9, "false_pass_rate": 0.2}
    seen = apparent_pass_hat_k(rate, 1, **errors)
    chances = binom.pmf(range(7), 6, seen)
    hat = sum(w * corrected_pass_hat_k(c, 6, k, **errors) for c, w in enumerate(chances))
    at = sum(w * corrected_pass_at_k(c, 6, k, **errors) for c, w in enumerate(chances))
    assert hat == pytest.approx(rate**k)
    assert at == pytest.approx(1 - (1 - rate) ** k)


def test_without_errors_the_correction_changes_nothing():
    for c, k in product(range(6), range(1, 6)):
        hat = corrected_pass_hat_k(c, 5, k, sensitivity=1.0, false_pass_rate=0.0)
        assert hat == pytest.approx(math.comb(c, k) / math.comb(5, k))
        at = corrected_pass_at_k(c, 5, k, sensitivity=1.0, false_pass_rate=0.0)
        assert at == pytest.approx(1 - math.comb(5 - c, k) / math.comb(5, k))


def test_k_above_the_trials_is_undefined():
    assert corrected_pass_hat_k(2, 2, 3, sensitivity=0.9, false_pass_rate=0.1) is None
    assert corrected_pass_at_k(2, 2, 3, sensitivity=0.9, false_pass_rate=0.1) is None
    rng = np.random.default_rng(0)
    assert corrected_reliability([2], [2], 3, table=GOOD, rng=rng).value is None


def test_apparent_reliability_stays_exact_for_tiny_rates():
    tiny = apparent_pass_at_k(0.0, 10, sensitivity=1.0, false_pass_rate=1e-12)
    assert tiny == pytest.approx(1e-11, rel=1e-9)
    assert apparent_pass_at_k(1.0, 3, sensitivity=1.0, false_pass_rate=0.0) == 1.0


@pytest.mark.parametrize("kind", ["pass_hat_k", "pass_at_k"])
def test_suite_correction_covers_the_truth(kind):
    rng = np.random.default_rng(11)
    hits, reps = 0, 120
    for _ in range(reps):
        p = rng.beta(2, 1, 60)
        seen = rng.binomial(5, p * 0.92 + (1 - p) * 0.08)
        errs = rng.binomial(100, [0.92, 0.08])
        table = Confusion(true_pass=errs[0], false_fail=100 - errs[0], false_pass=errs[1], true_fail=100 - errs[1])
        found = corrected_reliability(seen, np.full(60, 5), 2, table=table, rng=rng, kind=kind, draws=300)
        truth = 0.5 if kind == "pass_hat_k" else 1 - 1 / 6  # E p^2 = 1/2, E (1-p)^2 = 1/6
        hits += found.low <= truth <= found.high
    assert hits / reps >= 0.89


def test_what_contradicts_the_audit_is_undefined():
    rng = np.random.default_rng(0)
    strict = Confusion(true_pass=10, false_pass=0, true_fail=2, false_fail=10)
    assert corrected_reliability([4, 4], [4, 4], 3, table=strict, rng=rng).value in {None, 1.0}
    alone = corrected_reliability([4], [4], 3, table=GOOD, rng=rng)
    assert (alone.value, alone.low, alone.high) == (None, 0.0, 1.0)
    assert "one task" in alone.note


def test_a_suite_that_always_passes_keeps_an_open_interval():
    rng = np.random.default_rng(0)
    found = corrected_reliability([5] * 20, [5] * 20, 2, table=GOOD, rng=rng)
    assert found.low < 0.95


def test_prediction_powered_by_hand_matches_its_formula():
    rng = np.random.default_rng(9)
    y = rng.integers(0, 2, 60).astype(float)
    f = np.where(rng.random(60) < 0.85, y, 1 - y)
    rest = rng.integers(0, 2, 400).astype(float)
    found = prediction_powered(y, f, rest)
    w = found.weight
    assert 0 < w < 1
    assert found.value == pytest.approx(w * rest.mean() + (y - w * f).mean())
    expected = w**2 * rest.var(ddof=1) / 400 + (y - w * f).var(ddof=1) / 60
    assert found.variance == pytest.approx(expected)


def test_a_useless_grader_gets_no_weight():
    found = prediction_powered([1, 0, 1, 0], [1, 1, 1, 1], [1, 1, 1])
    assert found.weight == 0.0
    assert found.value == 0.5


def test_few_labels_fall_back_to_themselves():
    few = human_rate([True] * 45 + [False] * 5, [True] * 50, [True] * 400)
    assert few.method == "wilson"
    assert few.value == 0.9
    assert "labels alone" in few.note
    rare = human_rate([True] * 295 + [False] * 5, [True] * 300, [True] * 400)
    assert rare.method == "wilson"


def test_enough_labels_use_the_grades():
    rng = np.random.default_rng(1)
    labels = rng.random(200) < 0.7
    grades = np.where(rng.random(200) < 0.9, labels, ~labels)
    rest_truth = rng.random(2000) < 0.7
    others = np.where(rng.random(2000) < 0.9, rest_truth, ~rest_truth)
    found = human_rate(labels.tolist(), grades.tolist(), others.tolist())
    assert found.method == "PPI++"
    half = 1.96 * math.sqrt(0.7 * 0.3 / 200)
    assert found.high - found.low < 2 * half * 0.85
    assert found.low < 0.7 < found.high


@pytest.mark.parametrize(
    "make",
    [
        lambda: confusion([True], []),
        lambda: Confusion(true_pass=-1, false_pass=0, true_fail=0, false_fail=0),
        lambda: corrected_rate(3, 2, table=GOOD),
        lambda: corrected_rate(1, 2, table=GOOD, method="wald"),
        lambda: corrected_rate(1, 2, table=GOOD, design_effect=0.5),
        lambda: corrected_pass_hat_k(1, 2, 0, sensitivity=0.9, false_pass_rate=0.1),
        lambda: apparent_pass_at_k(1.2, 2, sensitivity=0.9, false_pass_rate=0.1),
        lambda: prediction_powered([1], [1], [1, 0]),
        lambda: prediction_powered([1, 0], [1], [1, 0]),
        lambda: prediction_powered([1, math.nan], [1, 0], [1, 0]),
    ],
)
def test_wrong_input_is_refused(make):
    with pytest.raises(ValueError, match="must"):
        make()
