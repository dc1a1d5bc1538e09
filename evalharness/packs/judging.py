"""Is what a model wrote an item worth keeping? Every rule of a pack, and why a candidate breaks one."""

import re
import unicodedata
from collections import Counter
from typing import Any

from msgspec import Struct

from evalharness.packs.duplicates import Asked
from evalharness.packs.language import implausible
from evalharness.packs.request import Slot

LONGEST = {"text": 300, "label": 80, "context": 600}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_UNSPACED = ("ja", "ko", "th", "zh")


class Refused(Exception):
    """A candidate breaks a rule; `rule` is short and is counted by."""

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(f"{rule}: {detail}" if detail else rule)
        self.rule = rule


class Accepted(Struct, frozen=True):
    """What a model wrote, cleaned of what means nothing."""

    text: str
    label: str
    context: str
    slot: Slot


def judged(candidate: dict[str, Any], *, language: str, owed: Counter[Slot], asked: Asked) -> Accepted:
    """Return the item that a candidate is; Refused where it breaks a rule."""
    tags = candidate.get("tags")
    said = {**(tags if isinstance(tags, dict) else {}), **candidate}
    text, label, context = (_plain(said, name) for name in LONGEST)
    slot = Slot(_word(said, "category"), _word(said, "difficulty"))
    _check(text, label, context, language)
    if not owed[slot]:
        raise Refused("category or difficulty", f"{slot.category}, {slot.difficulty} is not wanted")
    if repeated := asked.repeated(text, label):
        raise Refused("duplicate", repeated)
    return Accepted(text, label, context, slot)


def _check(text: str, label: str, context: str, language: str) -> None:
    if label not in context:
        raise Refused("label not in context", repr(label))
    if _gives_away(text, label, language):
        raise Refused("answer in the question", repr(label))
    if said := implausible(f"{text}\n{context}", language):
        raise Refused("language", said)


def _plain(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise Refused("schema", f"'{name}' is {'missing' if value is None else 'not a text'}")
    found = unicodedata.normalize("NFC", " ".join(value.split()))
    if len(found) > LONGEST[name]:
        raise Refused("schema", f"'{name}' is {len(found):,} characters long")
    if sign := _CONTROL.search(found):
        raise Refused("schema", f"'{name}' holds the character U+{ord(sign[0]):04X}")
    return found


def _word(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str):
        raise Refused("schema", f"'{name}' is missing")
    return value.strip()


def _gives_away(text: str, label: str, language: str) -> bool:
    question, answer = text.casefold(), label.casefold()
    if language.partition("-")[0] in _UNSPACED:
        return answer in question
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", question) is not None
