"""Confirm one regression trial by trial: evidence that may be looked at, and stopped, after every pair of trials."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from evalharness.stats.counts import FloatArray, counts, whole_numbers


def pair_evidence(base_passed: int, cand_passed: int, *, base_guess: float, cand_guess: float) -> float:
    """The e-value of one fresh trial in each arm (0 or 1) against "the candidate is not worse".

    The guesses must be made before the trials are seen. Its mean is at most 1 whenever the candidate is not worse, for
    any guesses with the baseline's above the candidate's (Turner, Ly, Grünwald 2024); otherwise it bets nothing and
    is 1.
    """
    if base_guess <= cand_guess:
        return 1.0
    middle = (base_guess + cand_guess) / 2
    odds = 1.0
    for passed, guess in ((base_passed, base_guess), (cand_passed, cand_guess)):
        odds *= guess / middle if passed else (1 - guess) / (1 - middle)
    return odds


def regression_evidence(
    base_outcomes: ArrayLike,
    cand_outcomes: ArrayLike,
    *,
    base_seen: tuple[int, int] = (0, 0),
    cand_seen: tuple[int, int] = (0, 0),
) -> FloatArray:
    """The e-process of one task after each pair of fresh trials, starting from what the screen has seen.

    `*_outcomes` are 0/1 in order of trials; `*_seen` are (passed, trials) of the screen, used for the guesses only.
    Stop whenever it helps: an unchanged or better agent ever reaches 1/q with probability at most q. Over several
    suspects reject where it reaches suspects/q, or apply `e_bh`. For total breaks a third fewer trials than ten fresh
    pairs; weaker for half drops.
    """
    base = _outcomes(base_outcomes, name="base_outcomes")
    cand = _outcomes(cand_outcomes, name="cand_outcomes")
    if base.size != cand.size:
        raise ValueError(f"base_outcomes and cand_outcomes must be equally long, but got {base.size} and {cand.size}")
    base_guess, cand_guess = _guesses(base, base_seen), _guesses(cand, cand_seen)
    steps = [
        pair_evidence(a, b, base_guess=guess_a, cand_guess=guess_b)
        for a, b, guess_a, guess_b in zip(base.tolist(), cand.tolist(), base_guess, cand_guess, strict=True)
    ]
    return np.asarray(np.cumprod(np.array(steps, dtype=np.float64)), dtype=np.float64)


def _outcomes(values: ArrayLike, *, name: str) -> np.ndarray:
    outcomes = whole_numbers(values, name=name)
    if (outcomes > 1).any():
        raise ValueError(f"{name} must hold 0 and 1, but holds {outcomes.max()}")
    return outcomes


def _guesses(outcomes: np.ndarray, seen: tuple[int, int]) -> Sequence[float]:
    """Jeffreys mean before each trial, from the screen and the trials before it."""
    counts([seen[0]], [seen[1]])
    before = np.concatenate(([0], np.cumsum(outcomes)[:-1])) if outcomes.size else outcomes
    guesses: list[float] = ((seen[0] + before + 0.5) / (seen[1] + np.arange(outcomes.size) + 1)).tolist()
    return guesses
