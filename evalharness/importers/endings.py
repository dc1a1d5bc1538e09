"""Foreign verdicts: words, flags and scores to pass, fail or error; what nobody knows is an error with its own word."""

import math
from typing import TypedDict

from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.model import Outcome

PASSED = frozenset({"1", "1.0", "true", "yes", "pass", "passed", "success", "succeeded", "resolved", "correct"})
FAILED = frozenset({"0", "0.0", "false", "no", "fail", "failed", "failure", "unresolved", "incorrect", "wrong"})
CAUSE = 80


class Recorded(TypedDict):
    """What a record holds of how its trial ended."""

    outcome: Outcome
    score: float | None
    cause: str | None


class Ending(Struct, frozen=True):
    """How a trial ended, as a foreign value says; `cause` is the original word where nothing was measured."""

    outcome: Outcome
    score: float | None = None
    cause: str | None = None

    @property
    def recorded(self) -> Recorded:
        """Return what goes into its record."""
        return Recorded(outcome=self.outcome, score=self.score, cause=self.cause)


def unmeasured(word: str) -> Ending:
    """Say that nothing was measured, in the source's own word."""
    return Ending(Outcome.ERROR, None, short(word) or "no verdict")


def short(word: object) -> str:
    """Make a cause of a foreign word: one line, bounded."""
    return " ".join(str(word).split())[:CAUSE]


def of_word(word: str, *, pass_at: float | None, place: str) -> Ending:
    """Read a verdict written as text: a word for pass or fail, or a number; anything else was not measured."""
    folded = word.strip().casefold()
    if folded in PASSED:
        return Ending(Outcome.PASS, 1.0)
    if folded in FAILED:
        return Ending(Outcome.FAIL, 0.0)
    try:
        return of_score(float(folded), pass_at=pass_at, place=place)
    except ValueError:
        return unmeasured(word)


def of_score(score: float | None, *, pass_at: float | None, place: str) -> Ending:
    """Read a score: 1 passes, 0 fails, and anything else needs to know from which score on a trial passes."""
    if score is None or not math.isfinite(score):
        return unmeasured("no score" if score is None else str(score))
    if pass_at is None and score not in (0, 1):
        raise ConfigError(
            f"{place}: the score {score:g} is neither 0 nor 1: say from which score on a trial passes, with "
            "`evalh import KIND PATH --out DIR --pass-at X`"
        )
    passed = score == 1 if pass_at is None else score >= pass_at
    within = float(score) if 0 <= score <= 1 else None
    return Ending(Outcome.PASS if passed else Outcome.FAIL, within)


def of_value(value: bool | float | str | None, *, pass_at: float | None, place: str) -> Ending:
    """Read a flag, a score or a word."""
    if isinstance(value, str):
        return of_word(value, pass_at=pass_at, place=place)
    return of_score(None if value is None else float(value), pass_at=pass_at, place=place)
