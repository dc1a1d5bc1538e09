"""Grader for numeric answers."""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from evalharness.errors import ConfigError
from evalharness.graders.answers import accepted, quoted, verdict
from evalharness.graders.numerals import Decimal, Quantity, quantities
from evalharness.model import Grade, Task, Transcript
from evalharness.workspaces import Workspace

_READ = 100_000  # characters at the end (or the start) of an answer in which its number is looked for


@dataclass(frozen=True, kw_only=True)
class Number:
    """Pass when the answer's number is the expected one, within `tolerance` or `relative` (whichever is wider).

    `which` number of the answer counts: the last, the first, or the only one; with `after`, of what follows its last
    occurrence. `units` maps names to factors, so that 1.5 km can equal 1500 m; a number without a unit counts with
    factor 1 unless `unit_required`. `percent: fraction` reads 12 % as 0.12. `decimal` is for countries whose decimals
    start with a comma, where `auto` cannot tell (1.234).
    """

    tolerance: float = 0.0
    relative: float = 0.0
    which: Literal["last", "first", "only"] = "last"
    after: str | None = None
    decimal: Decimal = "auto"
    percent: Literal["value", "fraction"] = "value"
    units: dict[str, float] = field(default_factory=dict)
    unit_required: bool = False
    accept: str | None = "accept"

    def __post_init__(self) -> None:
        for name in ("tolerance", "relative"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}: {value} is not a number of at least 0")
        for unit, factor in self.units.items():
            if not unit.strip() or not (math.isfinite(factor) and factor > 0):
                raise ValueError(f"units: {unit!r}: {factor} is not a factor above 0")
        if self.unit_required and not self.units:
            raise ValueError("unit_required: needs units")

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Compare the answer's number with every right one."""
        right = self._expected(task)
        found = self._answered(transcript.final)
        if isinstance(found, str):
            return verdict("number", False, f"{found} in answer {quoted(transcript.final)}")
        value = self._value(found)
        passed = any(abs(value - each) <= self._slack(each) for each in right)
        wanted = " or ".join(_shown(each) for each in right[:3])
        return verdict("number", passed, f"answered {_shown(value)}, not {wanted}{self._allowed()}")

    def _answered(self, answer: str) -> Quantity | str:
        """Find the number that counts, or say why there is none."""
        if self.after is not None:
            _, marker, answer = answer.rpartition(self.after)
            if not marker:
                return f"{quoted(self.after)} is not"
        text = answer[-_READ:] if self.which == "last" else answer[:_READ]
        read = quantities(text, units=tuple(self.units), decimal=self.decimal)
        found = [each for each in read if each.unit or not self.unit_required]
        if not found:
            return "no number with a unit" if self.unit_required else "no number"
        if self.which == "only" and len({self._value(each) for each in found}) > 1:
            return "several numbers"
        return found[-1 if self.which == "last" else 0]

    def _value(self, quantity: Quantity) -> Fraction:
        value = quantity.value / 100 if quantity.percent and self.percent == "fraction" else quantity.value
        return value * _exact(self.units.get(quantity.unit or "", 1))

    def _expected(self, task: Task) -> list[Fraction]:
        """Read the right answers; variants that are words are left to other graders."""
        given = task.expected if isinstance(task.expected, list | tuple) else [task.expected]
        decimal: Decimal = self.decimal if any(isinstance(each, str) for each in given) else "auto"
        texts = accepted(task, field=self.accept)
        read = (next(quantities(text, units=tuple(self.units), decimal=decimal), None) for text in texts)
        found = [self._value(each) for each in read if each is not None]
        if not found:
            raise ConfigError(f"task '{task.id}': expected answer {texts[0]!r} is no number")
        return found

    def _slack(self, expected: Fraction) -> Fraction:
        return max(_exact(self.tolerance), abs(expected) * _exact(self.relative))

    def _allowed(self) -> str:
        if self.relative:
            return f" within {self.relative:.4g} of it"
        return f" within {self.tolerance:g}" if self.tolerance else ""


def _exact(number: float) -> Fraction:
    """Take a number for the decimal that people read, not for the nearest binary one."""
    return Fraction(str(number))


def _shown(value: Fraction) -> str:
    if value.denominator == 1 and abs(value) < 10**15:
        return str(value.numerator)
    try:
        return f"{float(value):.10g}"
    except OverflowError:
        return "a number beyond 1e308"
