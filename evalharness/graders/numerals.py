"""Numbers as people and models write them: separators of any country, fractions, powers of ten, percent, units."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from evalharness.graders.normalise import folded

Decimal = Literal["auto", "point", "comma"]

_LONGEST = 400  # digits, and the largest power of ten: what is longer is noise, and slow
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_POWER = re.compile("(?<=10)[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_VULGAR = re.compile("[¼-¾⅐-⅞↉]")


class Quantity(Struct, frozen=True, kw_only=True):
    """One number found in a text: exact, with scale words applied; percent and unit as they were written."""

    value: Fraction
    percent: bool = False
    unit: str | None = None


def quantities(text: str, *, units: Sequence[str] = (), decimal: Decimal = "auto") -> Iterator[Quantity]:
    """Yield the numbers in a text from left to right; digits inside words, versions and dates with dots are none.

    `decimal` says which sign starts the decimals; `auto` takes the last of two kinds, takes a sign that is repeated
    for a thousands separator, and so too a single comma before exactly three digits.
    """
    for match in _pattern(tuple(units)).finditer(_plain(text)):
        unit = match["unit"] or match["before"]
        percent, scale = match["percent"] is not None, _SCALES.get((match["scale"] or "").lower(), 1)
        for value in _values(match, decimal):
            yield Quantity(value=value * scale, percent=percent, unit=unit)


def _plain(text: str) -> str:
    """Spell powers and vulgar fractions out before width folding makes 103 of a 10 with an exponent."""
    text = _POWER.sub(lambda power: "^" + unicodedata.normalize("NFKC", power[0]), text)
    text = _VULGAR.sub(lambda sign: " " + unicodedata.normalize("NFKC", sign[0]), text)
    return folded(text).replace("\u2044", "/")


@lru_cache(maxsize=64)
def _pattern(units: tuple[str, ...]) -> re.Pattern[str]:
    """Compile what a number looks like, with the units it may carry before or behind it."""
    names = "|".join(re.escape(folded(unit)) for unit in sorted(units, key=len, reverse=True)) or r"(?!)"
    return re.compile(
        rf"""(?<![A-Za-z0-9_.,])(?<![A-Za-z]-)
        (?P<minus>-?)\+?
        (?:(?P<before>{names})\s?|[$€£¥]\s?)?
        (?:
            (?:(?P<whole>\d{{1,400}})[ ])?(?P<top>\d{{1,400}})\s?/\s?(?P<bottom>\d{{1,400}})(?![\d/])
          | (?P<body>\d[\d.,'_]*|\.\d+)
            (?:[eE](?P<e>[-+]?\d{{1,4}})(?![A-Za-z0-9])
             | \s?(?:[x×*·]|\\times|\\cdot)\s?10\s?(?:\^|\*\*)\s?[({{]?(?P<power>[-+]?\d{{1,4}})[)}}]?)?
        )
        (?:\s?(?P<scale>(?i:thousand|million|billion|trillion))\b)?
        (?:\s?\\?(?P<percent>%|(?i:percent|per\ cent)\b))?
        (?:\s?(?P<unit>{names})(?![A-Za-z]))?""".replace("{names}", names),
        re.VERBOSE,
    )


def _values(match: re.Match[str], decimal: Decimal) -> list[Fraction]:
    sign = -1 if match["minus"] else 1
    if match["top"]:
        if not int(match["bottom"]):
            return []
        return [sign * (int(match["whole"] or 0) + Fraction(int(match["top"]), int(match["bottom"])))]
    power = int(match["e"] or match["power"] or 0)
    if abs(power) > _LONGEST:
        return []
    body = match["body"].rstrip(".,'_").replace("'", "").replace("_", "")
    value = _value(body, decimal)
    if value is not None:
        return [sign * value * Fraction(10) ** power]
    listed = [_value(each, decimal) for each in body.split(",")] if "," in body else []
    return [each for each in listed if each is not None]


def _value(body: str, decimal: Decimal) -> Fraction | None:
    """Read digits with separators; None where they do not make one number."""
    if len(body) > _LONGEST:
        return None
    point = _decimal_sign(body, decimal)
    whole, sign, rest = body.rpartition(point) if point and body.count(point) == 1 else (body, "", "")
    thousands = "," if point == "." else "."
    groups = re.split("[.,]", whole) if not point else whole.split(thousands)
    grouped = len(groups) == 1 or (
        1 <= len(groups[0]) <= 3 and len(groups[-1]) == 3 and all(len(each) in (2, 3) for each in groups[1:])
    )
    digits = "".join(groups) + rest
    if not grouped or not digits.isdecimal() or (sign and not rest):
        return None
    return Fraction(int(digits), 10 ** len(rest))


def _decimal_sign(body: str, decimal: Decimal) -> str:
    """Name the sign that starts the decimals; empty where every sign in the number separates thousands."""
    if decimal != "auto":
        return "." if decimal == "point" else ","
    point, comma = body.count("."), body.count(",")
    if point and comma:
        return max(".,", key=body.rfind)
    if point + comma != 1:
        return "" if point + comma else "."
    before, after = re.split("[.,]", body)
    if comma and len(after) == 3 and 1 <= len(before) <= 3 and before != "0":
        return "."
    return "." if point else ","
