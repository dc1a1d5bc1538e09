import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.evidence import pair_evidence, regression_evidence
from evalharness.stats.flips import confirm, flip_chances, noise_floor, suspects
from evalharness.stats.states import TaskState, drop_probability, task_state
from evalharness.stats.stratified import mcnemar

CELL = st.integers(1, 6).flatmap(lambda k: st.tuples(st.integers(0, k), st.just(k)))
SUITE = st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8)


def columns(suite):
    return [list(column) for column in zip(*((*base, *cand) for base, cand in suite), strict=True)]


@given(st.integers(0, 9), st.integers(0, 9))
def test_at_one_trial_the_noise_floor_is_mcnemar(broken, fixed):
    base, cand = [1] * broken + [0] * fixed + [1], [0] * broken + [1] * fixed + [1]
    ones = [1] * len(base)
    floor = noise_floor(base, ones, cand, ones)
    assert (floor.observed_broken, floor.expected_broken) == (broken, (broken + fixed) / 2)
    exact = mcnemar(broken=broken, fixed=fixed, method="exact", alternative="worse").pvalue
    assert floor.pvalue_broken == pytest.approx(exact, abs=1e-12)


@given(SUITE)
def test_swapping_the_arms_swaps_broken_and_fixed(suite):
    base_passed, base_trials, cand_passed, cand_trials = columns(suite)
    one = noise_floor(*columns(suite))
    other = noise_floor(cand_passed, cand_trials, base_passed, base_trials)
    assert (one.observed_broken, one.n) == (other.observed_fixed, other.n)
    assert one.expected_broken == pytest.approx(other.expected_fixed)
    assert one.pvalue_broken == pytest.approx(other.pvalue_fixed)


def test_chances_are_those_of_shuffled_trials():
    c_base, k_base, c_cand, k_cand = 3, 4, 1, 3
    trials = [1] * (c_base + c_cand) + [0] * (k_base + k_cand - c_base - c_cand)
    splits = [
        (sum(trials[i] for i in chosen), sum(trials) - sum(trials[i] for i in chosen))
        for chosen in itertools.combinations(range(7), k_base)
    ]
    found = flip_chances([c_base], [k_base], [c_cand], [k_cand])
    assert found.broken[0] == pytest.approx(np.mean([2 * a > 4 and 2 * b <= 3 for a, b in splits]))
    assert found.fixed[0] == pytest.approx(np.mean([2 * a <= 4 and 2 * b > 3 for a, b in splits]))


def test_the_noise_floor_matches_what_an_unchanged_agent_shows():
    rng = np.random.default_rng(2)
    p = np.where(rng.random(400) < 0.5, 1.0, rng.random(400))
    k = np.full(400, 3)
    floors = [noise_floor(rng.binomial(3, p), k, rng.binomial(3, p), k) for _ in range(200)]
    observed = np.mean([one.observed_broken for one in floors])
    assert np.mean([one.expected_broken for one in floors]) == pytest.approx(observed, rel=0.05)
    assert np.mean([one.pvalue_broken <= 0.05 for one in floors]) <= 0.09


def test_no_tasks_have_no_flips():
    floor = noise_floor([], [], [], [])
    assert (floor.observed_broken, floor.expected_broken, floor.pvalue_broken, floor.n) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ("base", "cand", "suspect"),
    [
        ((1, 1), (0, 1), True),  # at one trial every broken task
        ((0, 1), (1, 1), False),
        ((2, 2), (0, 2), True),  # p = 1/6
        ((2, 2), (1, 2), False),  # p = 1/2
        ((1, 1), (0, 2), True),  # a total break, of which p can be no less than 1/3
        ((3, 3), (1, 3), True),  # p = 1/5
        ((5, 5), (3, 5), True),  # p = 2/9
        ((10, 10), (9, 10), False),
        ((10, 10), (8, 10), True),  # p = .237
        ((1, 2), (3, 6), False),  # no drop
        ((5, 5), (0, 0), False),
    ],
)
def test_the_screen_names_drops_that_noise_seldom_makes(base, cand, suspect):
    assert suspects([base[0]], [base[1]], [cand[0]], [cand[1]]).tolist() == [suspect]


def test_confirmation_counts_every_suspect():
    found = confirm([10, 10, 10, 0], [10, 10, 10, 0], [2, 9, 10, 0], [10, 10, 10, 0])
    assert found.confirmed.tolist() == [True, False, False, False]
    assert found.adjusted[0] == pytest.approx(4 * found.pvalues[0])
    assert confirm([], [], [], []).confirmed.size == 0
    strict = confirm([10, 10], [10, 10], [5, 10], [10, 10], level=0.01, adjustment="holm")
    assert not strict.confirmed.any()


@pytest.mark.parametrize("adjustment", ["bh", "holm"])
def test_an_unchanged_agent_is_seldom_blamed(adjustment):
    rng = np.random.default_rng(11)
    k = np.full(12, 10)
    hits = 0
    for _ in range(500):
        p = rng.random(12)
        hits += bool(confirm(rng.binomial(10, p), k, rng.binomial(10, p), k, adjustment=adjustment).confirmed.any())
    assert hits / 500 <= 0.10


@pytest.mark.parametrize(
    ("passed", "trials", "state"),
    [
        (10, 10, TaskState.STABLE_PASS),
        (20, 20, TaskState.STABLE_PASS),
        (5, 5, TaskState.PASS_PROVISIONAL),
        (0, 10, TaskState.STABLE_FAIL),
        (0, 5, TaskState.FAIL_PROVISIONAL),
        (4, 5, TaskState.FLAKY),
        (8, 10, TaskState.FLAKY),
        (9, 10, TaskState.UNDETERMINED),
        (0, 0, TaskState.UNMEASURED),
    ],
)
def test_task_states(passed, trials, state):
    assert task_state(passed, trials) is state


@pytest.mark.parametrize(
    ("base", "cand", "prior"), [((5, 5), (2, 5), 1.0), ((1, 3), (0, 0), 0.5), ((900, 1000), (850, 1000), 1.0)]
)
@pytest.mark.parametrize("drop", [0.0, 0.1, 0.4])
def test_drop_probability_agrees_with_sampling(base, cand, prior, drop):
    rng = np.random.default_rng(1)
    p, q = (rng.beta(c + prior, k - c + prior, 400_000) for c, k in (base, cand))
    assert drop_probability(base, cand, drop=drop, prior=prior) == pytest.approx(np.mean(p - q > drop), abs=0.004)


def test_drops_lie_between_0_and_1():
    with pytest.raises(ValueError, match=r"drop must lie in \[0, 1\), but got -0.1"):
        drop_probability((1, 1), (1, 1), drop=-0.1)
    with pytest.raises(ValueError, match=r"cand_passed\[0\] must be at most"):
        drop_probability((1, 1), (2, 1), drop=0.1)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0, 1), st.floats(0, 1))
def test_evidence_never_grows_on_average_unless_the_candidate_is_worse(base_guess, cand_guess, one, other):
    p_base, p_cand = sorted((one, other))
    mean = sum(
        (p_base if a else 1 - p_base)
        * (p_cand if b else 1 - p_cand)
        * pair_evidence(a, b, base_guess=base_guess, cand_guess=cand_guess)
        for a in (0, 1)
        for b in (0, 1)
    )
    assert mean <= 1 + 1e-9


def test_evidence_may_be_looked_at_after_every_pair():
    """An unchanged agent ever reaches 20 in at most 5 % of the cases, whatever the screen has seen."""
    rng = np.random.default_rng(5)
    reached = 0
    for _ in range(1000):
        outcomes = (rng.random((2, 40)) < rng.random()).astype(int)
        reached += regression_evidence(*outcomes, base_seen=(3, 3), cand_seen=(0, 3)).max() >= 20
    assert reached <= 50


def test_evidence_of_a_total_break_grows_fast():
    found = regression_evidence([1] * 6, [0] * 6, base_seen=(3, 3), cand_seen=(0, 3))
    assert found[3] > 100
    assert regression_evidence([], []).size == 0
    assert regression_evidence([1, 1], [1, 1])[0] == 1


@pytest.mark.parametrize(
    ("base", "cand", "message"),
    [
        ([1], [1, 0], "must be equally long, but got 1 and 2"),
        ([2], [1], "base_outcomes must hold 0 and 1, but holds 2"),
    ],
)
def test_bad_outcomes_are_named(base, cand, message):
    with pytest.raises(ValueError, match=message):
        regression_evidence(base, cand)
