import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import betabinom

from evalharness.stats.betabinomial import beta_moment, fit, posterior, posterior_moment


def test_the_fit_finds_what_a_general_optimiser_finds():
    rng = np.random.default_rng(8)
    trials = rng.integers(2, 9, 60)
    passed = rng.binomial(trials, rng.beta(1.5, 0.7, 60))

    def loss(x):
        return -np.sum(betabinom.logpmf(passed, trials, *np.exp(x)))

    best = minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    a, b = np.exp(best.x)
    model = fit(passed, trials)
    assert model.loglik == pytest.approx(-best.fun, abs=1e-7)
    assert (model.mu, model.rho) == pytest.approx((a / (a + b), 1 / (a + b + 1)), abs=1e-4)


@pytest.mark.parametrize(("count", "mu"), [(5, 1.0), (0, 0.0)])
def test_all_or_nothing_lies_on_the_boundary_with_width(count, mu):
    assert fit([count] * 30, [5] * 30).mu == mu
    estimate = posterior([count] * 30, [5] * 30, k=10)
    assert estimate.value == mu
    assert estimate.high - estimate.low > 0.02


def test_tasks_without_trials_have_no_model():
    with pytest.raises(ValueError, match="trials must have at least one measured task"):
        fit([0], [0])


def test_moments_are_those_of_the_beta_distribution():
    assert beta_moment(1, 1, 3) == pytest.approx(1 / 4)
    assert posterior_moment(4, 5, k=3, a=1, b=1) == pytest.approx(5 * 6 * 7 / (7 * 8 * 9))


def test_the_posterior_of_many_tasks_is_narrow_and_right():
    rng = np.random.default_rng(4)
    passed = rng.binomial(4, rng.beta(3, 1, 800))
    estimate = posterior(passed, [4] * 800, k=8)
    truth = beta_moment(3, 1, 8)
    assert estimate.low < truth < estimate.high
    assert estimate.high - estimate.low < 0.1
    assert posterior(passed, [4] * 800, k=1).value == pytest.approx(0.75, abs=0.03)
