"""Ways to make two spellings of one answer equal before they are compared.

`tqb` is what TQB++ does, quirks included, so that its published scores can be reproduced. `script` is for any
language: width, case, digits, kana, vowel marks and spaces between characters that need none no longer matter, while
letters and their accents do. `english` is `script` without leading articles. `none` leaves a text as it is.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Literal

Normalisation = Literal["tqb", "script", "english", "none"]

_TQB_ARTICLE = re.compile(r"\b(a|an|the)\b")
_TQB_SIGN = re.compile(r"""[.,?!"'(){}\[\]:;\\-_+=<>@#$%^&*~`|/]""")  # `\\-_` is a range, so hyphens stay: the quirk


def tqb(text: str) -> str:
    """Normalise as TQB++ does: NFKC, lower case, no English articles, signs as spaces but for the hyphen."""
    lowered = unicodedata.normalize("NFKC", text).lower()
    return _squeezed(_TQB_SIGN.sub(" ", _TQB_ARTICLE.sub("", lowered)))


def folded(text: str) -> str:
    """Write digits, dashes and widths in their plain forms; drop invisible signs, vowel marks and grouping spaces."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _GROUPING_SPACE.sub("", text)).translate(_folds())


def script(text: str) -> str:
    """Normalise text of any language and writing: folded, without case, signs and spaces that mean nothing."""
    text = unicodedata.normalize("NFC", folded(text).casefold())
    if not text.isascii():
        text = text.translate(_letters())
    text = _GROUPING.sub("", _APOSTROPHE.sub("", text))
    text = _DECIMAL.sub(".", _CHAIN.sub(_spaced, text))
    text = _squeezed(_MEANINGLESS.sub(_unless_mark, text.replace("_", " ")))
    return text if text.isascii() else _UNSPACED.sub("", text)


def english(text: str) -> str:
    """Normalise as `script` does, and drop a, an and the where a word follows."""
    return _ARTICLE.sub("", script(text))


def normalised(text: str, how: Normalisation) -> str:
    """Normalise; text of which nothing would remain (an answer `+`, or `A` without articles) keeps what it says."""
    if how == "none":
        return text
    return _WAYS[how](text) or script(text) or text.strip()


_WAYS: dict[str, Callable[[str], str]] = {"tqb": tqb, "script": script, "english": english}


def _spaced(chain: re.Match[str]) -> str:
    return chain[0].replace(".", " ").replace(",", " ")


def _unless_mark(sign: re.Match[str]) -> str:
    """Keep what belongs to a letter, such as the vowels of Devanagari and Thai, which Python counts as no letters."""
    return sign[0] if unicodedata.category(sign[0]) in ("Mn", "Mc") and sign[0] not in _VARIANTS else " "


def _squeezed(text: str) -> str:
    return " ".join(text.split())


_ARTICLE = re.compile(r"\b(?:a|an|the) (?=\w)")
# A thousands separator that is a narrow or unbreakable space, an apostrophe or, in groups of three, a sign.
_GROUPING_SPACE = re.compile("(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_GROUPING = re.compile(r"(?<=[0-9])[.,](?=[0-9]{3}(?![0-9]))")
_CHAIN = re.compile(r"(?<![0-9])[0-9]+(?:[.,][0-9]+){2,}")  # a date, a version, a list without spaces
_DECIMAL = re.compile(r"(?<=[0-9]),(?=[0-9])")
_VARIANTS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))  # how a sign is drawn
_APOSTROPHE = re.compile("(?<=\\w)['\u02bc\u2019\u2018\u00b4`](?=\\w)")
# Kept between signs: a point or comma inside a number, its minus, and what tells C, C++ and C# apart.
_MEANINGLESS = re.compile(r"(?<![0-9])[.,]|[.,](?![0-9])|(?<![\w+])\+|-(?![0-9])|(?<=\w)-|(?<!\w)#|[^\w\s.,+#-]")
# No spaces between words: Han, kana, Thai, Lao, Myanmar, Khmer; and Korean, where compounds are spaced either way.
_CLOSED = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CLOSED += "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\uac00-\ud7af"
_UNSPACED = re.compile(f"(?<=[{_CLOSED}]) | (?=[{_CLOSED}])")


@cache
def _folds() -> dict[int, str | None]:
    """Map what means the same before letters lose their case: digits, dashes, invisible signs and vowel marks."""
    folds: dict[int, str | None] = {}
    for code in range(0x110000):
        kind = unicodedata.category(chr(code))
        if kind == "Nd":
            folds[code] = str(unicodedata.decimal(chr(code)))
        elif kind == "Cf":  # directions, joiners, byte order mark
            folds[code] = None
        elif kind == "Pd" or code == 0x2212:
            folds[code] = "-"
    for code in (0x640, 0x670, *range(0x64B, 0x660), *range(0x591, 0x5C8)):  # Arabic vowel marks, Hebrew points
        folds[code] = None
    return folds | {0x66B: ".", 0x66C: ",", 0x5BE: " "}  # Arabic decimal and thousands signs, Hebrew hyphen


@cache
def _letters() -> dict[int, str | None]:
    """Map letters that people exchange freely; katakana becomes hiragana."""
    letters: dict[int, str | None] = {code: chr(code - 0x60) for code in range(0x30A1, 0x30F7)}
    letters |= {0x131: "i", 0x307: None}  # Turkish: capital I and dotted capital I fall together with i
    letters |= dict.fromkeys((0x622, 0x623, 0x625, 0x671), "\u0627")  # Arabic: alef in all its forms
    letters |= {0x649: "\u064a", 0x6CC: "\u064a", 0x6A9: "\u0643", 0x629: "\u0647"}  # yeh, kaf, teh marbuta
    return letters | {0x451: "\u0435"}  # Russian: io is mostly written ie
