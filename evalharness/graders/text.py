"""Graders that compare text: the whole answer, how near it is, what it contains, and the option it chooses."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

import regex
from rapidfuzz.distance import Levenshtein as Edits

from evalharness.graders.answers import accepted, either, quoted, too_long, verdict
from evalharness.graders.normalise import Normalisation, normalised
from evalharness.model import Grade, Task, Transcript
from evalharness.workspaces import Workspace

Scalar: TypeAlias = str | int | float


def _check_normalisation(name: str) -> None:
    if name not in (known := get_args(Normalisation)):
        raise ValueError(f"normalisation: {name!r} is none of {', '.join(known)}")


@dataclass(frozen=True, kw_only=True)
class ExactMatch:
    """Pass when the answer is one of the right ones, after normalisation.

    Right are the task's expected answer (a list holds alternatives) and the variants in the field `accept` of its row.
    """

    normalisation: Normalisation = "tqb"
    accept: str | None = "accept"

    def __post_init__(self) -> None:
        _check_normalisation(self.normalisation)

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Compare the final answer."""
        answer, right = transcript.final, accepted(task, field=self.accept)
        if reason := too_long(answer):
            return verdict("exact_match", False, reason)
        said = normalised(answer, self.normalisation)
        passed = any(said == normalised(each, self.normalisation) for each in right)
        return verdict("exact_match", passed, f"answered {quoted(answer)}, not {either(right)}")


@dataclass(frozen=True, kw_only=True)
class Levenshtein:
    """Pass when the answer is within a few edits of a right one.

    The score is 1 - edits / length of the longer, after normalisation, rounded to 3 digits (0 where either is empty);
    the best of the right answers counts, and unrounded it must reach `threshold`.
    """

    threshold: float = 0.95
    normalisation: Normalisation = "tqb"
    accept: str | None = "accept"

    def __post_init__(self) -> None:
        _check_normalisation(self.normalisation)
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold: {self.threshold} is not above 0 and at most 1")

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Compare the final answer with every right one."""
        answer, right = transcript.final, accepted(task, field=self.accept)
        if reason := too_long(answer):
            return verdict("levenshtein", False, reason)
        said = normalised(answer, self.normalisation)
        best = max(_similarity(said, normalised(each, self.normalisation)) for each in right)
        passed = best >= self.threshold
        reason = "" if passed else f"answered {quoted(answer)}, {best:.0%} like {either(right)}"
        return Grade(grader="levenshtein", score=round(best, 3), passed=passed, reason=reason)


def _similarity(said: str, right: str) -> float:
    if not said or not right:
        return 0.0
    return 1 - Edits.distance(said, right) / max(len(said), len(right))


@dataclass(frozen=True, kw_only=True)
class Contains:
    """Pass when the answer contains `value`: any of several, or all of them; without `value`, a right answer.

    `words` wants whole words; nothing of `forbidden` may be in the answer.
    """

    value: Scalar | tuple[Scalar, ...] | None = None
    match: Literal["any", "all"] = "any"
    forbidden: tuple[str, ...] = ()
    words: bool = False
    ignore_case: bool = False
    normalisation: Normalisation = "none"
    accept: str | None = "accept"

    def __post_init__(self) -> None:
        _check_normalisation(self.normalisation)
        if self.match not in ("any", "all"):
            raise ValueError(f"match: {self.match!r} is neither any nor all")
        for each in (*self._values(), *self.forbidden):
            if not self._spelled(each).strip():
                raise ValueError(f"value: {each!r} is in every answer")

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Search the final answer."""
        answer = transcript.final
        if self.normalisation != "none" and (reason := too_long(answer)):
            return verdict("contains", False, reason)
        text = self._spelled(answer)
        wanted = self._values() or (() if self.forbidden else accepted(task, field=self.accept))
        missing = tuple(each for each in wanted if not self._holds(text, each))
        unwanted = tuple(each for each in self.forbidden if self._holds(text, each))
        if unwanted:
            return verdict("contains", False, f"{quoted(unwanted[0])} is in the answer and must not be")
        enough = not missing or (self.match == "any" and len(missing) < len(wanted))
        return verdict("contains", enough, f"{either(missing)} not in the answer {quoted(answer)}")

    def _values(self) -> tuple[str, ...]:
        if self.value is None:
            return ()
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return tuple(str(each) for each in values)

    def _spelled(self, text: str) -> str:
        text = normalised(text, self.normalisation)
        return text.casefold() if self.ignore_case else text

    def _holds(self, text: str, value: str) -> bool:
        value = self._spelled(value)
        if not self.words:
            return value in text
        return regex.search(rf"(?<!\w){regex.escape(value)}(?!\w)", text) is not None


@dataclass(frozen=True, kw_only=True)
class Regex:
    """Pass when `pattern` is found in the answer, or with `full` describes all of it.

    The pattern is in the syntax of Python's `re`. A search that takes longer than `seconds` is the pattern's fault, and
    raises: nothing was measured.
    """

    pattern: str
    full: bool = False
    ignore_case: bool = False
    multiline: bool = False
    dot_all: bool = False
    seconds: float = 2.0

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise ValueError(f"seconds: {self.seconds} is not above 0")
        try:
            self._compiled()
        except regex.error as exc:
            raise ValueError(f"pattern: {self.pattern!r} is no regular expression: {exc}") from exc

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Search the final answer."""
        compiled = self._compiled()
        search = compiled.fullmatch if self.full else compiled.search
        try:
            found = search(transcript.final, timeout=self.seconds, concurrent=True) is not None
        except TimeoutError:
            text = quoted(transcript.final)
            raise TimeoutError(f"pattern {self.pattern!r} took over {self.seconds:g} seconds on {text}") from None
        kind = "does not match" if self.full else "does not contain a match for"
        return verdict("regex", found, f"answer {quoted(transcript.final)} {kind} {quoted(self.pattern)}")

    def _compiled(self) -> "regex.Pattern[str]":
        flags = ((self.ignore_case, regex.I), (self.multiline, regex.M), (self.dot_all, regex.S))
        return _compile(self.pattern, sum(flag for wanted, flag in flags if wanted))


@lru_cache(maxsize=256)
def _compile(pattern: str, flags: int) -> "regex.Pattern[str]":
    return regex.compile(pattern, flags | regex.VERSION0)
