"""What one can say about a single task: its state in one run, and how likely its rate has dropped."""

from enum import StrEnum

import numpy as np
from scipy.special import betainc, betaincinv, betaln, xlog1py, xlogy

from evalharness.stats.counts import counts

STEADY = 0.9
"""A task is steady when its pass rate is at least this, or at most one minus this."""


class TaskState(StrEnum):
    """One task in one run."""

    STABLE_PASS = "stable_pass"  # noqa: S105 - not a password
    PASS_PROVISIONAL = "pass_provisional"  # noqa: S105 - not a password; passed always, too few trials
    FLAKY = "flaky"
    FAIL_PROVISIONAL = "fail_provisional"  # failed always, too few trials
    STABLE_FAIL = "stable_fail"
    UNDETERMINED = "undetermined"
    UNMEASURED = "unmeasured"


def task_state(passed: int, trials: int) -> TaskState:
    """Classify one task by the Jeffreys posterior of its pass rate p.

    Stable where P(p >= .9) >= .85 (10 of 10 is, 5 of 5 is not), or the mirror image; flaky where P(.1 < p < .9) >= .8.
    """
    counts([passed], [trials])
    if trials == 0:
        return TaskState.UNMEASURED
    a, b = passed + 0.5, trials - passed + 0.5
    high = 1 - float(betainc(a, b, STEADY))
    low = float(betainc(a, b, 1 - STEADY))
    if high >= 0.85:
        return TaskState.STABLE_PASS
    if low >= 0.85:
        return TaskState.STABLE_FAIL
    if passed == trials:
        return TaskState.PASS_PROVISIONAL
    if passed == 0:
        return TaskState.FAIL_PROVISIONAL
    return TaskState.FLAKY if 1 - high - low >= 0.8 else TaskState.UNDETERMINED


def drop_probability(base: tuple[int, int], cand: tuple[int, int], *, drop: float, prior: float = 1.0) -> float:
    """P(baseline rate - candidate rate > `drop`) for (passed, trials) of each arm, under Beta(prior, prior).

    Independent posteriors, integrated numerically. A belief about one chosen task, not a test: over many tasks it names
    false ones as any unadjusted 5 % would.
    """
    for arm, (passed, trials) in (("base_", base), ("cand_", cand)):
        counts([passed], [trials], arm=arm)
    if not 0 <= drop < 1:
        raise ValueError(f"drop must lie in [0, 1), but got {drop}")
    a, b = base[0] + prior, base[1] - base[0] + prior
    c, d = cand[0] + prior, cand[1] - cand[0] + prior
    low = max(drop, float(betaincinv(a, b, 1e-13)))
    high = max(low, float(betaincinv(a, b, 1 - 1e-13)))
    nodes, weights = np.polynomial.legendre.leggauss(200)
    angle = (nodes + 1) * np.pi / 4  # rate = low + width * sin² tames the poles of a Beta(1/2, 1/2)
    rate = low + (high - low) * np.sin(angle) ** 2
    density = np.exp(xlogy(a - 1, rate) + xlog1py(b - 1, -rate) - betaln(a, b))
    step = (high - low) * np.sin(2 * angle) * np.pi / 4
    inside = float((weights * step * density * betainc(c, d, np.clip(rate - drop, 0, 1))).sum())
    return min(1.0, inside)
