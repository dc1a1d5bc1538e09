import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.anytime import (
    betting_process,
    breaks_needed,
    confidence_sequence,
    mixture_boundary,
    sign_process,
)


@pytest.mark.parametrize(("breaks", "capital"), [(0, 1.0), (1, 1.5), (4, 5.0625), (8, 25.62890625)])
def test_each_break_multiplies_the_capital(breaks, capital):
    assert sign_process([True] * breaks).statistic == pytest.approx(capital)


@pytest.mark.parametrize(("alpha", "breaks"), [(0.05, 8), (0.01, 12), (1.5**-6, 6)])
def test_breaks_in_a_row_that_alarm(alpha, breaks):
    assert breaks_needed(alpha=alpha) == breaks
    assert sign_process([True] * breaks).pvalue <= alpha + 1e-12
    assert sign_process([True] * (breaks - 1)).pvalue > alpha


def test_what_was_won_before_stopping_stays_won():
    process = sign_process([True] * 8 + [False] * 20)
    assert process.statistic < 1
    assert process.pvalue == pytest.approx(1 / 1.5**8)


def test_no_flips_are_no_evidence():
    assert sign_process([]).pvalue == 1.0


@pytest.mark.parametrize("n", [1, 5, 12])
def test_false_alarms_over_all_sequences_of_flips_stay_below_alpha(n):
    """Enumerates all 2**n orders of equally likely flips."""
    alarms = sum(sign_process([bool(code >> i & 1) for i in range(n)]).pvalue <= 0.1 for code in range(2**n))
    assert alarms / 2**n <= 0.1


def test_betting_capital_is_the_product():
    process = betting_process([1, 0, 1, 1, 1, 0, 1, 1], mean=0.4, bet=0.5)
    assert process.statistic == pytest.approx(1.3**6 * 0.8**2)


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0.05, 0.95), st.floats(-1, 1))
def test_a_bet_within_its_limits_never_goes_into_debt(values, mean, bet):
    process = betting_process(values, mean=mean, bet=bet)
    assert process.statistic >= 0
    assert 0 < process.pvalue <= 1


def test_mixture_boundary_is_close_to_the_two_sided_formula():
    """One side at alpha is nearly two sides at 2 alpha, far from zero."""
    for information in (10.0, 100.0, 1000.0):
        one = mixture_boundary(information, planned=100.0, alpha=0.025)
        two = mixture_boundary(information, planned=100.0, alpha=0.05, sides=2)
        assert one == pytest.approx(two, rel=0.06)


def test_two_sided_boundary_matches_its_formula():
    """z sqrt((I + r) / I ln((I + r) / (r a^2))) with r as planned."""
    log_odds = -2 * math.log(0.05)
    r = 100 / (log_odds + math.log1p(log_odds))
    expected = math.sqrt((50 + r) / 50 * math.log((50 + r) / (r * 0.05**2)))
    found = mixture_boundary(50.0, planned=100.0, alpha=0.05, sides=2)
    assert found == pytest.approx(expected)


def test_no_path_of_looks_crosses_more_often_than_alpha():
    rng = np.random.default_rng(4)
    information = np.arange(1.0, 201.0)
    scores = np.cumsum(rng.normal(size=(5000, 200)), axis=1)
    for sides in (1, 2):
        bound = np.array([mixture_boundary(i, planned=100.0, alpha=0.05, sides=sides) for i in information])
        z = scores / np.sqrt(information)
        crossed = (z >= bound).any(axis=1) | ((sides == 2) & (z <= -bound).any(axis=1))
        assert 0.01 < crossed.mean() <= 0.055


def test_confidence_sequence_is_wider_than_one_look():
    one = confidence_sequence(-0.01, 0.02, planned_se=0.02, n=100)
    assert one.high - one.value > 1.96 * 0.02
    assert (one.low + one.high) / 2 == pytest.approx(-0.01)


@pytest.mark.parametrize(
    "make",
    [
        lambda: sign_process([True], bet=1.0),
        lambda: breaks_needed(alpha=0.0),
        lambda: betting_process([0.5], mean=0.5, bet=3.0),
        lambda: betting_process([1.5], mean=0.5, bet=0.5),
        lambda: betting_process([0.5], mean=0.0, bet=0.5),
        lambda: mixture_boundary(0.0, planned=1.0, alpha=0.05),
        lambda: mixture_boundary(1.0, planned=1.0, alpha=0.05, sides=0),
        lambda: confidence_sequence(0.0, 0.0, planned_se=1.0, n=3),
    ],
)
def test_wrong_input_is_refused(make):
    with pytest.raises(ValueError, match="must"):
        make()
