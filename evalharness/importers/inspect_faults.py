"""Where an inspect log contradicts itself: its status, its counts, its metrics and reductions against its samples."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from math import comb
from statistics import fmean, median, mode

from evalharness.importers.endings import short
from evalharness.importers.inspect_log import Headline, Log, Reduction, Score, Summary
from evalharness.importers.inspect_values import flat, plain, sample_value

TOLERANCE = 1e-6
COUNTED = re.compile(r"(at_least|pass_at|pass_k)_(\d+)")
REDUCERS: dict[str, Callable[[Sequence[float]], float]] = {"mean": fmean, "median": median, "mode": mode, "max": max}
Values = dict[str, dict[str, list[float]]]


def faults_of(log: Log, summaries: list[Summary]) -> tuple[list[str], list[Summary]]:
    """Say what is wrong; where a log of one epoch holds no samples, its reductions stand in for them."""
    reductions = log.reductions or (log.results.sample_reductions if log.results else None) or []
    stood_in = [] if summaries else _from_reductions(log, reductions)
    faults = [*_status(log), *_counts(log, summaries)]
    if stood_in:
        faults.append("it holds no samples: their values are taken from its reductions")
    values = _values(summaries)
    for each in log.results.scores if log.results and summaries else ():
        faults.extend(_headline(each, values))
    for reduction in reductions if summaries else ():
        faults.extend(_reduction(reduction, values))
    return faults, stood_in


def reduced(values: Sequence[float], reducer: str | None) -> float | None:
    """Reduce the epochs of a sample as inspect does; None for a reducer that is not known here."""
    if not values:
        return None
    if (named := REDUCERS.get(reducer or "mean")) is not None:
        return named(values)
    counted = COUNTED.fullmatch(reducer or "")
    if counted is None:
        return None
    n, passed, k = len(values), sum(each == 1 for each in values), int(counted[2])
    if k > n:
        return None
    return {
        "at_least": float(passed >= k),
        "pass_at": 1 - comb(n - passed, k) / comb(n, k),
        "pass_k": comb(passed, k) / comb(n, k),
    }[counted[1]]


def _status(log: Log) -> list[str]:
    faults = []
    if log.status != "success":
        why = plain(log.error)
        faults.append(f"its status is {short(log.status)}" + (f": {short(why)}" if why else ""))
    if log.invalidated:
        faults.append("it was invalidated")
    return faults


def _counts(log: Log, summaries: list[Summary]) -> list[str]:
    told = log.results.total_samples if log.results else None
    if told is None or told == len(summaries):
        return []
    return [f"it counts {told} samples over all epochs, and holds {len(summaries)}"]


def _values(summaries: list[Summary]) -> Values:
    """Collect the numbers of each scorer by sample, in the order of the epochs."""
    found: Values = defaultdict(lambda: defaultdict(list))
    for each in sorted(summaries, key=lambda summary: summary.epoch):
        for scorer, value in flat({} if each.error else each.scores or {}).items():
            if isinstance(value, float):
                found[scorer][str(each.id)].append(value)
    return found


def _headline(headline: Headline, values: Values) -> list[str]:
    names = (headline.name, f"{headline.scorer}/{headline.name}", headline.scorer)
    by_sample = next((values[name] for name in names if name in values), None)
    metric = next((headline.metrics[name] for name in ("accuracy", "mean") if name in headline.metrics), None)
    if not by_sample or metric is None or not isinstance(metric.value, int | float):
        return []
    found = [reduced(each, headline.reducer) for each in by_sample.values()]
    known = [each for each in found if each is not None]
    if len(known) < len(found) or abs(fmean(known) - metric.value) <= TOLERANCE:
        return []
    return [f"its {short(headline.name)} is {metric.value:g}, but its samples give {fmean(known):g}"]


def _reduction(reduction: Reduction, values: Values) -> list[str]:
    """Compare the tool's value of each sample with its epochs: a mismatch may be a permutation."""
    by_sample = values.get(reduction.scorer)
    if not by_sample:
        return []
    off = []
    for each in reduction.samples:
        told, found = sample_value(each.value), reduced(by_sample.get(str(each.sample_id), []), reduction.reducer)
        if isinstance(told, float) and found is not None and abs(told - found) > TOLERANCE:
            off.append(each.sample_id)
    if not off:
        return []
    return [f"its reductions contradict its samples in {len(off)} places (first: {short(off[0])})"]


def _from_reductions(log: Log, reductions: list[Reduction]) -> list[Summary]:
    if (log.eval.config.epochs or 1) != 1:
        return []
    scores: defaultdict[int | str, dict[str, Score | None]] = defaultdict(dict)
    for reduction in reductions:
        for each in reduction.samples:
            if each.sample_id is not None:
                scores[each.sample_id][reduction.scorer] = Score(value=each.value)
    return [Summary(id=sample_id, scores=found) for sample_id, found in scores.items()]
