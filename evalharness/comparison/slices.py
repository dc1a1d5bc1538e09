"""Slices of the suite by tag: the change of each, tested with multiplicity controlled, and shrunken to the whole."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from evalharness.comparison.missing import ArmCounts
from evalharness.model import Slice, TaskEntry
from evalharness.stats.multiple import holm
from evalharness.stats.paired import cmh_test, paired_delta
from evalharness.stats.results import Estimate

FEWEST_TASKS = 5
MOST_SLICES = 200
LEVEL = 0.90
Places = NDArray[np.int64]


def slices(
    task_ids: Sequence[str],
    entries: Mapping[str, TaskEntry],
    arms: tuple[ArmCounts, ArmCounts],
    *,
    estimand: str,
    tags: Sequence[str] = (),
) -> tuple[Slice, ...]:
    """Measure the slices of these tags; without any, of every tag that some but not all of at least five tasks have.

    Each is tested on its own tasks for being worse (CMH), and the p-values are adjusted for all of them (Holm).
    """
    found = _places(task_ids, entries, tags)
    counted = [_at(arms, places) for places in found.values()]
    pvalues = [cmh_test(*counts).pvalue for counts in counted]
    deltas = [paired_delta(*counts, estimand=estimand, level=LEVEL) for counts in counted]
    return tuple(
        Slice(
            tag=tag,
            tasks=len(places),
            trials=int(counts[1].sum() + counts[3].sum()),
            delta=delta,
            shrunken=shrunken,
            pvalue=pvalue,
            adjusted=adjusted,
        )
        for (tag, places), counts, delta, shrunken, pvalue, adjusted in zip(
            found.items(), counted, deltas, shrink(deltas), pvalues, holm(pvalues).tolist(), strict=True
        )
    )


def _places(task_ids: Sequence[str], entries: Mapping[str, TaskEntry], tags: Sequence[str]) -> dict[str, Places]:
    by_tag: dict[str, list[int]] = {tag: [] for tag in tags}
    for place, task_id in enumerate(task_ids):
        for tag in dict.fromkeys(entries[task_id].tags) if task_id in entries else ():
            if not tags or tag in by_tag:
                by_tag.setdefault(tag, []).append(place)
    if not tags:
        telling = {tag: places for tag, places in by_tag.items() if FEWEST_TASKS <= len(places) < len(task_ids)}
        largest = sorted(telling, key=lambda tag: -len(telling[tag]))[:MOST_SLICES]
        by_tag = {tag: telling[tag] for tag in telling if tag in set(largest)}
    return {tag: np.array(places, dtype=np.int64) for tag, places in by_tag.items() if places}


def _at(arms: tuple[ArmCounts, ArmCounts], places: Places) -> tuple[Places, Places, Places, Places]:
    base, cand = arms
    return base.passed[places], base.trials[places], cand.passed[places], cand.trials[places]


def shrink(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Pull each estimate towards their common mean, the more the noisier it is (empirical Bayes, normal).

    The spread between slices is what is left of theirs after noise (DerSimonian and Laird 1986). Fewer than two
    estimates with an interval stay as they are.
    """
    usable = [each for each in estimates if each.value is not None and each.low is not None and each.high is not None]
    if len(usable) < 2:
        return list(estimates)
    quantile = float(ndtri(0.5 + LEVEL / 2))
    values = np.array([each.value for each in usable], dtype=np.float64)
    errors = np.array([_width(each) for each in usable]) / (2 * quantile)
    weights = 1 / errors**2
    pooled = float((weights * values).sum() / weights.sum())
    excess = float((weights * (values - pooled) ** 2).sum()) - (values.size - 1)
    between = max(0.0, excess / float(weights.sum() - (weights**2).sum() / weights.sum()))
    total = 1 / (errors**2 + between)
    mean = float((total * values).sum() / total.sum())
    kept = between / (between + errors**2)
    spread = np.sqrt(kept * errors**2 + (1 - kept) ** 2 / total.sum())
    pulled = iter(zip((kept * values + (1 - kept) * mean).tolist(), (quantile * spread).tolist(), strict=True))
    return [_shrunken(each, *next(pulled)) if any(each is one for one in usable) else each for each in estimates]


def _width(estimate: Estimate) -> float:
    return max((estimate.high or 0.0) - (estimate.low or 0.0), 1e-9)


def _shrunken(estimate: Estimate, value: float, half: float) -> Estimate:
    return Estimate(
        value=value,
        low=max(-1.0, value - half),
        high=min(1.0, value + half),
        level=LEVEL,
        n=estimate.n,
        method="shrunken towards all slices",
    )
