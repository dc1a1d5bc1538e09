"""How far can a grader be trusted: its errors against a reference, and a pass rate corrected for them.

The reference is a stronger grader or people; audited answers must be a random draw from those graded. Errors differ by
agent: audit the answers of both versions before comparing them with a corrected rate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from evalharness.stats.counts import counts, fraction, one_of
from evalharness.stats.estimate import proportion
from evalharness.stats.results import Estimate

ENOUGH_LABELS, ENOUGH_RARE = 100, 10  # below them the corrected mean under-covers where failures are few


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Answers by grade and truth: `false_pass` were passed and wrong, `false_fail` failed and right."""

    true_pass: int
    false_pass: int
    true_fail: int
    false_fail: int

    def __post_init__(self) -> None:
        for name in ("true_pass", "false_pass", "true_fail", "false_fail"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, but got {getattr(self, name)}")

    @property
    def right(self) -> int:
        """How many answers are right by the reference."""
        return self.true_pass + self.false_fail

    @property
    def wrong(self) -> int:
        """How many answers are wrong by the reference."""
        return self.true_fail + self.false_pass


@dataclass(frozen=True, kw_only=True)
class Audit:
    """A grader's errors: passed among wrong answers, failed among right ones, right among passed, agreement."""

    false_pass_rate: Estimate
    false_fail_rate: Estimate
    precision: Estimate
    agreement: Estimate


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """A corrected pass rate; `variance` is that of the unclipped value, None where it is undefined."""

    rate: Estimate
    variance: float | None
    clipped: bool = False


def confusion(graded: Sequence[bool], reference: Sequence[bool]) -> Confusion:
    """Count answers by grade and truth."""
    if len(graded) != len(reference):
        raise ValueError(f"graded and reference must be equally long, but got {len(graded)} and {len(reference)}")
    pairs = [(bool(g), bool(r)) for g, r in zip(graded, reference, strict=True)]
    return Confusion(
        true_pass=pairs.count((True, True)),
        false_pass=pairs.count((True, False)),
        true_fail=pairs.count((False, False)),
        false_fail=pairs.count((False, True)),
    )


def audit(table: Confusion, *, level: float = 0.95) -> Audit:
    """Estimate a grader's errors with Clopper-Pearson intervals; undefined where no such answer was audited.

    `precision`, P(right | passed), is the ceiling that choosing among answers by this grader can reach; it depends on
    the agent. Audit one answer per task, or the intervals are too narrow.
    """

    def rate(part: int, whole: int) -> Estimate:
        return proportion(part, whole, level=level, method="clopper_pearson")

    return Audit(
        false_pass_rate=rate(table.false_pass, table.wrong),
        false_fail_rate=rate(table.false_fail, table.right),
        precision=rate(table.true_pass, table.true_pass + table.false_pass),
        agreement=rate(table.true_pass + table.true_fail, table.right + table.wrong),
    )


def true_rate(apparent: float, *, sensitivity: float, specificity: float) -> float | None:
    """Solve for the true rate behind an apparent one, unclipped; None where the grader knows nothing."""
    gain = sensitivity + specificity - 1
    return (apparent + specificity - 1) / gain if gain > 0 else None


def corrected_rate(
    passed: int,
    total: int,
    *,
    table: Confusion,
    level: float = 0.95,
    method: str = "lang_reiczigel",
    design_effect: float = 1.0,
) -> Corrected:
    """Correct a pass rate for grader errors measured on other answers (Rogan & Gladen 1978).

    The value and variance are Rogan and Gladen's; the default interval adds pseudo-counts (Lang & Reiczigel 2014), as
    theirs, `rogan_gladen`, misses too often near 0 and 1. `design_effect` divides `total` where trials share tasks.
    Undefined where the grader passes wrong answers no less often than right ones.
    """
    fraction(level, name="level")
    one_of(method, ("lang_reiczigel", "rogan_gladen"), name="method")
    counts([passed], [total])
    if not design_effect >= 1:
        raise ValueError(f"design_effect must be at least 1, but got {design_effect}")
    if min(total, table.right, table.wrong) == 0:
        return _uncorrected("needs graded answers, and audited ones of both kinds", level, total)
    z, n = float(ndtri(0.5 + level / 2)), total / design_effect
    plain = _rogan_gladen(passed / total, n, table, 0.0)
    if plain is None:
        return _uncorrected("the grader tells right from wrong no better than chance", level, total)
    value = min(1.0, max(0.0, plain.value))
    bounds, used = _clipped(plain, z, value) if method == "rogan_gladen" else None, method
    if bounds is None:  # the normal interval may have no width at all
        bounds, used = _clipped(_rogan_gladen(passed / total, n, table, z), z, value), "lang_reiczigel"
    if bounds is None:
        return _uncorrected("the audit is too small, or contradicts the pass rate", level, total)
    low, high = bounds
    clipped = value != plain.value
    note = f"clipped from {plain.value:.4f}" if clipped else ""
    rate = Estimate(value=value, low=low, high=high, level=level, n=total, method=used, note=note)
    return Corrected(rate=rate, variance=plain.variance, clipped=clipped)


@dataclass(frozen=True)
class _Solved:
    value: float
    variance: float
    shift: float


def _rogan_gladen(apparent: float, n: float, table: Confusion, z: float) -> _Solved | None:
    """The true rate with its variance; z > 0 adds Lang and Reiczigel's pseudo-counts and shift."""
    extra = 1 if z else 0
    m1, m0, n_all = table.right + 2 * extra, table.wrong + 2 * extra, n + z**2
    q = (n * apparent + z**2 / 2) / n_all
    se, sp = (table.true_pass + extra) / m1, (table.true_fail + extra) / m0
    value = true_rate(q, sensitivity=se, specificity=sp)
    if value is None:
        return None
    hit, miss = se * (1 - se) / m1, sp * (1 - sp) / m0
    variance = (q * (1 - q) / n_all + value**2 * hit + (1 - value) ** 2 * miss) / (se + sp - 1) ** 2
    return _Solved(value, variance, 2 * z**2 * (value * hit - (1 - value) * miss))


def _clipped(solved: _Solved | None, z: float, value: float) -> tuple[float, float] | None:
    """The interval within [0, 1] around the value; None where nothing is left of it."""
    if solved is None:
        return None
    half = z * math.sqrt(solved.variance)
    low = min(max(0.0, solved.value + solved.shift - half), value)
    high = max(min(1.0, solved.value + solved.shift + half), value)
    return (low, high) if low < high else None


def _uncorrected(why: str, level: float, total: int) -> Corrected:
    rate = Estimate(value=None, low=0.0, high=1.0, level=level, n=total, method="rogan_gladen", note=why)
    return Corrected(rate=rate, variance=None)


@dataclass(frozen=True, kw_only=True)
class Powered:
    """A mean of human labels sharpened by grades: `weight` 0 ignores the grader, 1 trusts its shape fully."""

    value: float
    variance: float
    weight: float


def prediction_powered(labels: ArrayLike, grades: ArrayLike, others: ArrayLike) -> Powered:
    """Sharpen the mean of human labels by the grades of unlabelled answers (PPI++, Angelopoulos et al. 2023).

    `grades` are the grader's of the labelled answers, `others` its of the rest. Unbiased however bad the grader is, if
    labelled answers were chosen at random.
    """
    y, f, rest = (_numbers(x, name) for x, name in ((labels, "labels"), (grades, "grades"), (others, "others")))
    if y.size != f.size:
        raise ValueError(f"labels and grades must be equally long, but got {y.size} and {f.size}")
    if y.size < 2 or rest.size < 2:
        raise ValueError(f"labels and others must hold at least 2 values, but got {y.size} and {rest.size}")
    spread = float(np.var(np.concatenate([f, rest]), ddof=1)) * (1 + y.size / rest.size)
    covered = float(np.cov(f, y, ddof=1)[0, 1])
    weight = min(1.0, max(0.0, covered / spread)) if spread > 0 else 0.0
    value = weight * float(rest.mean()) + float((y - weight * f).mean())
    variance = weight**2 * float(rest.var(ddof=1)) / rest.size + float((y - weight * f).var(ddof=1)) / y.size
    return Powered(value=value, variance=variance, weight=weight)


def human_rate(
    labels: Sequence[bool], grades: Sequence[bool], others: Sequence[bool], *, level: float = 0.95
) -> Estimate:
    """Estimate the pass rate that people would give, from a few labels and many grades.

    PPI++ from 100 labels with ten of the rarer kind on; below, where it covers as little as 87 %, Wilson's interval of
    the labels alone.
    """
    fraction(level, name="level")
    passed = sum(map(bool, labels))
    if len(labels) < ENOUGH_LABELS or min(passed, len(labels) - passed) < ENOUGH_RARE or len(others) < 2:
        alone = proportion(passed, len(labels), level=level)
        note = f"labels alone: PPI++ needs {ENOUGH_LABELS} of them, {ENOUGH_RARE} of the rarer kind"
        return Estimate(**{**vars(alone), "note": note})
    fit = prediction_powered(labels, grades, others)
    half = float(ndtri(0.5 + level / 2)) * math.sqrt(fit.variance)
    return Estimate(
        value=min(1.0, max(0.0, fit.value)),
        low=max(0.0, fit.value - half),
        high=min(1.0, fit.value + half),
        level=level,
        n=len(labels),
        method="PPI++",
        note=f"weight of the grades {fit.weight:.2f}",
    )


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be a list of finite numbers, but got {values!r}")
    return array
