"""Did anything change? Tests of two runs stratified by task, where the candidate may be worse, better or either."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from evalharness.stats.counts import Pairs, distinct, one_of, pairs, whole_numbers
from evalharness.stats.exact import TIE, Lattice, split_distribution
from evalharness.stats.results import Significance

ALTERNATIVES = ("worse", "better", "two-sided")
EXACT_TRIALS = 2000


def cmh_test(
    base_passed: ArrayLike,
    base_trials: ArrayLike,
    cand_passed: ArrayLike,
    cand_trials: ArrayLike,
    *,
    method: str = "auto",
    alternative: str = "worse",
) -> Significance:
    """Test that no task changed, stratified by task (Cochran 1954, Mantel and Haenszel 1959).

    Given each task's passes over both arms, an unchanged agent splits them at random; the test sums the candidate's
    share over tasks. `exact` and `midp` use that distribution itself, `z` its normal form; `auto` is mid-p up to 2,000
    trials an arm and z above. One trial per task makes it McNemar's test. Any, also unequal, trials; tasks where
    everything passed or failed carry no information; without any that do, p is 1.

    It answers for these tasks. As a test about the *population* of tasks it raises false alarms (up to 31 %) where
    tasks change in both directions: use `population_delta` there.
    """
    one_of(method, ("auto", "exact", "midp", "z"), name="method")
    one_of(alternative, ALTERNATIVES, name="alternative")
    both = pairs(base_passed, base_trials, cand_passed, cand_trials)
    if method == "auto":
        trials = max(both.base.trials.sum(), both.cand.trials.sum())
        method = "midp" if trials <= EXACT_TRIALS else "z"
    m, size = both.totals, both.base.trials + both.cand.trials
    informative = (m > 0) & (m < size)
    both = Pairs(both.base.keep(informative), both.cand.keep(informative), both.measured)
    n = int(informative.sum())
    name = f"{'McNemar' if both.single_trial and n else 'CMH'} {_NAMES[method]}"
    if n == 0:
        note = "; ".join(filter(None, ("no task passed in some trials and failed in others", both.note)))
        return Significance(pvalue=1.0, statistic=None, n=0, method=name, note=note)
    if method == "z":
        z = _score(both)
        p = _normal(z, alternative)
        return Significance(pvalue=p, statistic=z, n=n, method=name, note=both.note)
    p = _null(both).pvalue(int(both.cand.passed.sum()), alternative=alternative, mid=method == "midp")
    return Significance(pvalue=p, statistic=None, n=n, method=name, note=both.note)


_NAMES = {"exact": "exact", "midp": "mid-p", "z": "z"}


def _score(both: Pairs) -> float:
    a, b, m = both.base.trials.astype(float), both.cand.trials.astype(float), both.totals
    size = a + b
    excess = float((both.cand.passed - m * b / size).sum())
    variance = float((a * b * m * (size - m) / (size**2 * (size - 1))).sum())
    return excess / math.sqrt(variance)


def _null(both: Pairs) -> Lattice:
    found = distinct(both.base.trials, both.cand.trials, both.totals)
    rows = np.column_stack((found.rows, found.times)).tolist()
    return split_distribution(tuple((a, b, m, times) for a, b, m, times in rows))


def _normal(z: float, alternative: str) -> float:
    if alternative == "two-sided":
        return float(2 * ndtr(-abs(z)))
    return float(ndtr(z if alternative == "worse" else -z))


def mcnemar(*, broken: int, fixed: int, method: str = "midp", alternative: str = "two-sided") -> Significance:
    """Test broken against fixed tasks where each was tried once per arm (McNemar 1947).

    `exact` never exceeds its level; `midp` (Fagerland, Lydersen, Laake 2013) is nearer to it; `z` and `corrected`
    (continuity) are the chi-square forms, to reproduce published numbers.
    """
    one_of(method, ("exact", "midp", "z", "corrected"), name="method")
    one_of(alternative, ALTERNATIVES, name="alternative")
    whole_numbers([broken], name="broken")
    whole_numbers([fixed], name="fixed")
    n = broken + fixed
    if n == 0:
        return Significance(pvalue=1.0, statistic=None, n=0, method=f"McNemar {method}", note="no flips")
    if method in {"z", "corrected"}:
        shift = min(1, abs(fixed - broken)) if method == "corrected" else 0
        z = math.copysign(abs(fixed - broken) - shift, fixed - broken) / math.sqrt(n)
        return Significance(pvalue=_normal(z, alternative), statistic=z, n=n, method=f"McNemar {method}")
    null = split_distribution(((1, 1, 1, n),))
    p = null.pvalue(fixed, alternative=alternative, mid=method == "midp")
    return Significance(pvalue=p, statistic=None, n=n, method=f"McNemar {_NAMES[method]}")


def sign_flip_test(
    differences: ArrayLike,
    *,
    alternative: str = "worse",
    rng: np.random.Generator | None = None,
    flips: int = 9999,
) -> Significance:
    """Test that task differences (candidate minus baseline) are symmetric about zero (Fisher 1935).

    Exact up to 20 differences that are not zero; above that `flips` random sign patterns from `rng`, counting the
    observed one. Never exceeds its level, and is conservative for few tasks.
    """
    one_of(alternative, ALTERNATIVES, name="alternative")
    d = np.asarray(differences, dtype=np.float64)
    if not np.isfinite(d).all():
        raise ValueError(f"differences must be finite, but got {d[~np.isfinite(d)][0]}")
    d = d[d != 0]
    if d.size == 0:
        return Significance(pvalue=1.0, statistic=None, n=0, method="sign-flip exact", note="no differences")
    observed = float(d.sum())
    if d.size <= 20:
        sums = np.zeros(1)
        for size in np.abs(d):
            sums = np.concatenate((sums - size, sums + size))
        p = float(_as_extreme(sums, observed, alternative).mean())
        return Significance(pvalue=p, statistic=observed, n=d.size, method="sign-flip exact")
    if rng is None:
        raise ValueError(f"rng must be given for more than 20 differences, but there are {d.size}")
    hits = 0
    for start in range(0, flips, 1000):
        signs = rng.integers(0, 2, size=(min(1000, flips - start), d.size)) * 2 - 1
        hits += int(_as_extreme(signs @ np.abs(d), observed, alternative).sum())
    method = f"sign-flip, {flips} random patterns"
    return Significance(pvalue=(hits + 1) / (flips + 1), statistic=observed, n=d.size, method=method)


def _as_extreme(sums: np.ndarray, observed: float, alternative: str) -> np.ndarray:
    tie = TIE * max(1.0, float(np.abs(sums).max()))
    if alternative == "two-sided":
        return np.asarray(np.abs(sums) >= abs(observed) - tie)
    return np.asarray(sums <= observed + tie if alternative == "worse" else sums >= observed - tie)
