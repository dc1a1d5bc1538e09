import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.boundaries import Spending, boundaries, classic_constant, crossing, spent
from evalharness.stats.sequential import (
    SprtDecision,
    information_fraction,
    sprt,
    sprt_limits,
)

FIVE = [0.2, 0.4, 0.6, 0.8, 1.0]
growing = st.lists(st.integers(1, 200), min_size=1, max_size=8, unique=True).map(
    lambda ts: [t / 200 for t in sorted(ts)]
)


@pytest.mark.parametrize(
    ("fractions", "alpha", "spending", "sides", "expected"),
    [
        # R: ldbounds::ldBounds(c(.2, .4, .6, .8, 1), iuse = c(1, 1), alpha = c(.025, .025))
        (FIVE, 0.05, Spending.OBRIEN_FLEMING, 2, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        # Reboussin et al. 2000, Pocock-type spending, five equal looks
        (FIVE, 0.05, Spending.POCOCK, 2, [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
        ([1.0], 0.05, Spending.OBRIEN_FLEMING, 1, [1.6449]),
        ([1.0], 0.05, Spending.POCOCK, 2, [1.9600]),
    ],
)
def test_published_boundaries(fractions, alpha, spending, sides, expected):
    looks = boundaries(fractions, alpha=alpha, spending=spending, sides=sides)
    assert [look.boundary for look in looks] == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize(
    ("looks", "pocock", "obrien_fleming"),
    # Jennison & Turnbull 2000, tables 2.1 and 2.3, alpha = .05 two-sided
    [(1, 1.960, 1.960), (2, 2.178, 1.977), (3, 2.289, 2.004), (5, 2.413, 2.040), (10, 2.555, 2.087)],
)
def test_classic_constants(looks, pocock, obrien_fleming):
    assert classic_constant(looks, spending=Spending.POCOCK) == pytest.approx(pocock, abs=6e-4)
    constant = classic_constant(looks, spending=Spending.OBRIEN_FLEMING)
    assert constant == pytest.approx(obrien_fleming, abs=6e-4)


@given(growing, st.sampled_from(list(Spending)), st.sampled_from([1, 2]), st.floats(0.002, 0.3))
def test_all_looks_together_spend_the_budget(fractions, spending, sides, alpha):
    looks = boundaries(fractions, alpha=alpha, spending=spending, sides=sides)
    total = sum(crossing(fractions, [look.boundary for look in looks], sides=sides))
    assert total == pytest.approx(
        sides * spent(fractions[-1], alpha=alpha / sides, spending=spending), rel=1e-4, abs=1e-9
    )


@given(growing, st.sampled_from(list(Spending)))
def test_a_later_look_changes_no_earlier_boundary(fractions, spending):
    looks = boundaries(fractions, alpha=0.05, spending=spending)
    assert boundaries(fractions[:-1] or fractions, alpha=0.05, spending=spending) == (looks[:-1] or looks)


def test_one_sided_boundaries_agree_with_random_walks():
    """Half a million simulated score paths cross as often as integration says."""
    rng = np.random.default_rng(5)
    fractions = [0.18, 0.46, 0.67, 1.0]
    bounds = [look.boundary for look in boundaries(fractions, alpha=0.05)]
    steps = np.diff([0.0, *fractions])
    for drift in (0.0, 2.5, -1.0):
        scores = np.cumsum(rng.normal(drift * steps, np.sqrt(steps), (500_000, 4)), axis=1)
        crossed = scores / np.sqrt(fractions) >= bounds
        first = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 4)
        simulated = np.bincount(first, minlength=5)[:4] / len(first)
        assert crossing(fractions, bounds, drift=drift) == pytest.approx(simulated, abs=0.003)


def test_two_sided_crossing_with_drift_agrees_with_random_walks():
    rng = np.random.default_rng(6)
    fractions, bounds = [0.5, 1.0], [2.178, 2.178]
    scores = np.cumsum(rng.normal(0.5, math.sqrt(0.5), (500_000, 2)), axis=1)
    crossed = np.abs(scores / np.sqrt(fractions)) >= bounds
    simulated = [crossed[:, 0].mean(), (crossed[:, 1] & ~crossed[:, 0]).mean()]
    assert crossing(fractions, bounds, drift=1.0, sides=2) == pytest.approx(simulated, abs=0.003)


def test_spending_is_zero_at_the_start_and_whole_at_the_end():
    for spending in Spending:
        assert spent(0.0, alpha=0.05, spending=spending) == 0.0
        assert spent(1.0, alpha=0.05, spending=spending) == pytest.approx(0.05)


def test_an_early_look_with_nothing_to_spend_cannot_stop():
    assert boundaries([0.001], alpha=0.05)[0].boundary == math.inf


def test_many_looks_stay_accurate():
    fractions = [t / 100 for t in range(1, 101)]
    bounds = [look.boundary for look in boundaries(fractions, alpha=0.05)]
    assert sum(crossing(fractions, bounds)) == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("alpha", [1e-8, 0.05, 0.49])
@pytest.mark.parametrize("spending", list(Spending))
def test_looks_that_follow_at_once_still_spend_their_share(alpha, spending):
    """The boundary used to stay where the search began, since the chance there underflows."""
    fractions = [0.9, 0.90011, 0.90022, 1.0]
    bounds = [look.boundary for look in boundaries(fractions, alpha=alpha, spending=spending)]
    assert sum(crossing(fractions, bounds)) == pytest.approx(alpha, rel=1e-6)


@pytest.mark.parametrize("bad", [[], [0.0], [0.5, 0.5], [0.5, 0.4], [0.5, 1.2], [math.nan]])
def test_fractions_that_do_not_grow_are_refused(bad):
    with pytest.raises(ValueError, match="fractions must"):
        boundaries(bad, alpha=0.05)


def test_stored_baseline_gives_the_known_information_fractions():
    fractions = [information_fraction(trials=(10, r), planned=(10, 10)) for r in range(1, 11)]
    known = [0.18, 0.33, 0.46, 0.57, 0.67, 0.75, 0.82, 0.89, 0.95, 1.0]
    assert fractions == pytest.approx(known, abs=0.005)


def test_both_arms_growing_give_equal_steps():
    fractions = [information_fraction(trials=(r, r), planned=(4, 4)) for r in range(1, 5)]
    assert fractions == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_wald_limits():
    assert sprt_limits(alpha=0.05, beta=0.2) == pytest.approx((math.log(0.2 / 0.95), math.log(16)))


@pytest.mark.parametrize(
    ("outcomes", "most", "decision", "n"),
    [
        ("1101", None, SprtDecision.CONTINUE, 4),
        ("", None, SprtDecision.CONTINUE, 0),
        ("1" * 20, None, SprtDecision.ACCEPT, 9),
        ("0000", None, SprtDecision.REJECT, 4),
        ("1101", 4, SprtDecision.UNDECIDED, 4),
        ("110111", 4, SprtDecision.UNDECIDED, 4),
        ("0000", 4, SprtDecision.REJECT, 4),
    ],
)
def test_sprt_stops_at_its_limits(outcomes, most, decision, n):
    seen = (c == "1" for c in outcomes)
    result = sprt(seen, good=0.9, bad=0.75, most=most)
    assert (result.decision, result.n) == (decision, n)


def test_sprt_errs_no_more_often_than_planned_when_enumerated():
    """Exact error rates over all paths of at most 60 trials, by dynamic programming over the walk."""
    for rate, wrong, limit in ((0.9, SprtDecision.REJECT, 0.05), (0.6, SprtDecision.ACCEPT, 0.2)):
        alive, mistaken = {0: 1.0}, 0.0
        for n in range(1, 61):
            nxt: dict[int, float] = {}
            for passes, chance in alive.items():
                for passed, p in ((1, rate), (0, 1 - rate)):
                    nxt[passes + passed] = nxt.get(passes + passed, 0.0) + chance * p
            alive = {}
            for passes, chance in nxt.items():
                llr = passes * math.log(0.6 / 0.9) + (n - passes) * math.log(0.4 / 0.1)
                low, high = sprt_limits(alpha=0.05, beta=0.2)
                if low < llr < high:
                    alive[passes] = chance
                elif (SprtDecision.REJECT if llr >= high else SprtDecision.ACCEPT) is wrong:
                    mistaken += chance
        assert mistaken <= limit


def test_sprt_refuses_rates_in_the_wrong_order():
    with pytest.raises(ValueError, match="bad must lie below good"):
        sprt([True], good=0.7, bad=0.8)


def test_boundaries_fall_as_information_grows():
    bounds = [look.boundary for look in boundaries(FIVE, alpha=0.05)]
    assert all(a > b for a, b in itertools.pairwise(bounds))


def test_the_power_family_spends_later_than_pocock_and_earlier_than_obrien_and_fleming():
    for fraction in (0.1, 0.3, 0.5):
        late, middle, even = (
            spent(fraction, alpha=0.05, spending=each)
            for each in (Spending.OBRIEN_FLEMING, Spending.POWER, Spending.POCOCK)
        )
        assert late < middle < even
    assert spent(0.25, alpha=0.05, spending=Spending.POWER) == pytest.approx(0.05 / 16)
    with pytest.raises(ValueError, match="no constant"):
        classic_constant(3, spending=Spending.POWER)
