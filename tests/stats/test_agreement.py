import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.inter_rater import fleiss_kappa as reference_fleiss

from evalharness.stats.agreement import METRICS, cohen_kappa, fleiss_kappa, krippendorff_alpha

tables = st.lists(st.integers(0, 40), min_size=4, max_size=4).map(lambda v: [[v[0], v[1]], [v[2], v[3]]])


@given(tables)
def test_cohen_agrees_with_statsmodels(table):
    found = cohen_kappa(table)
    if found.kappa.value is None or found.variance is None:
        return
    reference = cohens_kappa(np.array(table, dtype=float))
    assert found.kappa.value == pytest.approx(reference.kappa, abs=1e-9)
    assert found.variance == pytest.approx(reference.var_kappa, abs=1e-9)


@given(tables)
def test_swapping_raters_or_names_changes_nothing(table):
    square = np.array(table)
    here = cohen_kappa(square).kappa.value
    for other in (square.T, square[::-1, ::-1]):
        there = cohen_kappa(other).kappa.value
        assert (here is None) == (there is None)
        assert here is None or here == pytest.approx(there)


def test_raters_who_always_say_the_same_have_no_kappa():
    found = cohen_kappa([[30, 0], [0, 0]])
    assert found.kappa.value is None
    assert found.agreement == 1.0
    assert cohen_kappa([[0, 0], [0, 0]]).agreement is None


def test_perfect_agreement_claims_no_certainty():
    found = cohen_kappa([[20, 0], [0, 20]])
    assert found.kappa.value == 1.0
    assert found.kappa.low is None


def test_fleiss_agrees_with_statsmodels():
    rng = np.random.default_rng(3)
    table = rng.multinomial(6, [0.2, 0.5, 0.3], 25)
    assert fleiss_kappa(table).value == pytest.approx(reference_fleiss(table))


def test_alpha_of_complete_binary_data_is_close_to_fleiss():
    rng = np.random.default_rng(4)
    truth = rng.random(400) < 0.5
    ratings = np.where(rng.random((3, 400)) < 0.8, truth, ~truth).astype(float)
    counts = np.stack([(ratings == v).sum(axis=0) for v in (0, 1)], axis=1)
    alpha = krippendorff_alpha(ratings.tolist()).value
    assert alpha == pytest.approx(fleiss_kappa(counts).value, abs=0.002)


@pytest.mark.parametrize("metric", METRICS)
def test_alpha_is_one_for_perfect_and_undefined_for_constant_ratings(metric):
    assert krippendorff_alpha([[1, 2, 3], [1, 2, 3]], metric=metric).value == pytest.approx(1.0)
    assert krippendorff_alpha([[2, 2], [2, 2]], metric=metric).value is None
    assert krippendorff_alpha([[1, None], [None, 2]], metric=metric).value is None


def test_no_ratings_are_undefined():
    assert krippendorff_alpha([]).value is None
    assert krippendorff_alpha([[], []]).value is None


def test_bootstrap_gives_an_interval_around_the_value():
    rng = np.random.default_rng(5)
    truth = rng.random(60) < 0.5
    ratings = np.where(rng.random((3, 60)) < 0.85, truth, ~truth).astype(float).tolist()
    found = krippendorff_alpha(ratings, rng=rng, draws=300)
    assert found.low < found.value < found.high
    assert krippendorff_alpha(ratings).low is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: cohen_kappa([[1, 2]]),
        lambda: cohen_kappa([[1, -2], [0, 1]]),
        lambda: fleiss_kappa([[1, 2], [2, 2]]),
        lambda: fleiss_kappa([[1, 0], [0, 1]]),
        lambda: krippendorff_alpha([[1, 2], [1]]),
        lambda: krippendorff_alpha([[1, 2]], metric="cosine"),
    ],
)
def test_wrong_input_is_refused(make):
    with pytest.raises(ValueError, match="must"):
        make()
