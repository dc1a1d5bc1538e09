"""The power of single tests, exactly: of one task that breaks, of its confirmation, of two rates, of a paired t."""

import math
from collections.abc import Iterator

from scipy.special import bdtrc, nctdtr, ndtri, stdtrit

from evalharness.stats.counts import fraction
from evalharness.stats.exact import TIE
from evalharness.stats.power import Figure


def paired_t_power(effect: float, *, sd: float, tasks: int, alpha: float = 0.05, sides: int = 2) -> Figure:
    """Give the power of a paired t test of task differences with standard deviation `sd`; both tails if two-sided."""
    fraction(alpha, name="alpha")
    if not sd > 0:
        raise ValueError(f"sd must be positive, but got {sd}")
    if tasks < 2:
        return Figure(value=None, note="a t test needs two tasks")
    df, shift = tasks - 1, abs(effect) / sd * math.sqrt(tasks)
    critical = float(stdtrit(df, 1 - alpha / sides))
    # A shift beyond 5 leaves less than 3e-7 on the other side, and scipy's function sometimes nothing but NaN.
    far_tail = float(nctdtr(df, shift, -critical)) if sides == 2 and shift <= 5 else 0.0
    return Figure(value=1 - float(nctdtr(df, shift, critical)) + far_tail)


def two_rates_needed(rates: tuple[float, float], *, power: float = 0.8, alpha: float = 0.05, sides: int = 2) -> Figure:
    """Give the independent units per arm at which two unpaired rates differ visibly (Fleiss 1981, no correction).

    For single trials of different tasks per arm; pairing by task needs fewer.
    """
    first, second = (fraction(rate, name="rates") for rate in rates)
    if first == second:
        return Figure(value=None, note="equal rates: nothing to see")
    middle = (first + second) / 2
    null = float(-ndtri(fraction(alpha, name="alpha") / sides)) * math.sqrt(2 * middle * (1 - middle))
    spread = math.sqrt(first * (1 - first) + second * (1 - second))
    other = float(ndtri(fraction(power, name="power"))) * spread
    return Figure(value=((null + other) / (first - second)) ** 2)


def fisher_power(trials: tuple[int, int], rates: tuple[float, float], *, alpha: float = 0.05) -> float:
    """Give the chance that one-sided Fisher calls one task worse, by summing over every possible table.

    `trials` and `rates` are those of (baseline, candidate). No trials: 0, nothing can be seen.
    """
    for name, rate in zip(("baseline", "candidate"), rates, strict=True):
        if not 0 <= rate <= 1:
            raise ValueError(f"{name} rate must lie between 0 and 1, but got {rate}")
    base, cand = trials
    before = (math.comb(base, c) * rates[0] ** c * (1 - rates[0]) ** (base - c) for c in range(base + 1))
    return sum(
        chance * (1 - float(bdtrc(limit, cand, rates[1])))
        for chance, limit in zip(before, _limits(trials, alpha), strict=True)
        if limit >= 0
    )


def two_stage_power(
    screen: tuple[int, int],
    confirm: tuple[int, int],
    rates: tuple[float, float],
    *,
    screen_alpha: float = 0.25,
    alpha: float = 0.05,
) -> float:
    """Give the chance that one task is suspected in the first trials and confirmed on fresh ones.

    At one trial per arm the screen is any pass that became a fail. `alpha` is the level after multiplicity.
    """
    any_flip = screen == (1, 1)
    suspected = rates[0] * (1 - rates[1]) if any_flip else fisher_power(screen, rates, alpha=screen_alpha)
    return suspected * fisher_power(confirm, rates, alpha=alpha)


def trials_to_confirm(
    rates: tuple[float, float], *, power: float = 0.9, alpha: float = 0.05, most: int = 100
) -> Figure:
    """Give the fresh trials per arm at which one task's drop is confirmed with this power, and stays so."""
    fraction(power, name="power")
    enough: int | None = None
    for trials in range(most, 0, -1):
        if fisher_power((trials, trials), rates, alpha=alpha) < power - TIE:
            break
        enough = trials
    if enough is None:
        return Figure(value=None, note=f"more than {most} trials")
    return Figure(value=float(enough))


def _limits(trials: tuple[int, int], alpha: float) -> Iterator[int]:
    """For each number of baseline passes: the most candidate passes that still count as worse, or -1."""
    limit = -1
    for passed in range(trials[0] + 1):
        while limit < trials[1] and _fisher(passed, limit + 1, trials) <= alpha + TIE:
            limit += 1
        yield limit


def _fisher(passed: int, candidate: int, trials: tuple[int, int]) -> float:
    """One-sided p: the candidate passes at most this often, given the total; exact integers until the last step."""
    base, cand = trials
    total = passed + candidate
    ways = sum(math.comb(cand, c) * math.comb(base, total - c) for c in range(candidate + 1) if total - c <= base)
    return ways / math.comb(base + cand, total)
