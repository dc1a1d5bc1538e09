"""What a pack must be, rule by rule; every violation is named with its place, not only the first."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from evalharness.loading.shape import unknown
from evalharness.packs.item import DIFFICULTIES, HASHED, ID, KNOWN, REQUIRED, recipe_of
from evalharness.packs.language import implausible
from evalharness.packs.reading import Found, rows
from evalharness.registry import suggestion

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")
_SHOWN = 60


class Rule(StrEnum):
    """What can be wrong with a pack."""

    JSON = "json"
    MISSING = "missing"
    UNKNOWN_KEY = "unknown_key"
    TYPE = "type"
    EMPTY = "empty"
    CHARACTERS = "characters"
    ID = "id"
    DUPLICATE_ID = "duplicate_id"
    DUPLICATE_TEXT = "duplicate_text"
    LANG = "lang"
    LANGUAGE = "language"
    DIFFICULTY = "difficulty"
    CATEGORY = "category"
    CONTEXT = "context"
    SHA256 = "sha256"


BREAKING = frozenset({Rule.JSON, Rule.MISSING, Rule.TYPE, Rule.EMPTY, Rule.DUPLICATE_ID, Rule.SHA256})
ADVICE = frozenset({Rule.CONTEXT, Rule.LANGUAGE})


class Violation(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, where, and in which item; `id` is empty where the item has none."""

    rule: Rule
    place: str
    id: str = ""
    said: str
    advice: bool = False


class Checked(Struct, frozen=True):
    """The rows of a file and everything that is wrong with them."""

    rows: list[Found]
    violations: list[Violation]

    @property
    def recipes(self) -> dict[str, int]:
        """Count the items whose hash is verified, by the recipe that gives it."""
        sound = (row.value for row in self.rows if isinstance(row.value, dict) and set(REQUIRED) <= set(row.value))
        return dict(Counter(str(recipe) for recipe in map(recipe_of, sound) if recipe))


def check(path: Path, *, strict: bool) -> Checked:
    """Find every violation in a pack.

    That a context holds its label, and that a text is in the language it names, is demanded where `strict`, and only
    advised elsewhere: packs that others published break both.
    """
    found = rows(path)
    return Checked(found, list(_violations(path, found, strict=strict)))


def _violations(path: Path, found: list[Found], *, strict: bool) -> Iterator[Violation]:
    if not found:
        yield Violation(rule=Rule.EMPTY, place=str(path), said="holds no items")
    seen: dict[tuple[Rule, str], str] = {}
    for row in found:
        own = _id(row.value)
        for rule, key, said in (*_row_faults(row), *_repeated(row, seen)):
            place = row.place.at(key)
            named = f"{place.file}: {place.path}" if place.path else place.file
            yield Violation(rule=rule, place=named, id=own, said=said, advice=rule in ADVICE and not strict)


Fault = tuple[Rule, str, str]


def _row_faults(row: Found) -> Iterator[Fault]:
    if row.fault:
        yield Rule.JSON, "", row.fault
    elif not isinstance(row.value, dict):
        yield Rule.TYPE, "", f"must be an object, but is {_kind(row.value)}"
    else:
        yield from _faults(row.value)


def _faults(fields: dict[str, Any]) -> Iterator[Fault]:
    """Check one item: its shape first, and what it says where the shape holds."""
    shape = [*_keys(fields), *_types(fields)]
    yield from shape
    yield from _texts(fields)
    yield from _words(fields)
    broken = {key.partition(".")[0].partition("[")[0] for rule, key, _ in shape if rule is not Rule.UNKNOWN_KEY}
    if not broken & {"text", "label", "context"} and set(REQUIRED[:3]) <= set(fields):
        yield from _told(fields)
    if {*HASHED, "sha256"} <= fields.keys() and "sha256" not in broken and recipe_of(fields) is None:
        yield Rule.SHA256, "sha256", "is the hash of neither recipe: the item was changed after it was hashed"


def _keys(fields: dict[str, Any]) -> Iterator[Fault]:
    for name in REQUIRED:
        if name not in fields:
            yield Rule.MISSING, "", f"key '{name}' is missing"
    for name in fields:
        if name not in KNOWN:
            yield Rule.UNKNOWN_KEY, "", unknown("key", name[:_SHOWN], KNOWN)


def _types(fields: dict[str, Any]) -> Iterator[Fault]:
    for name in (*REQUIRED, "license", "source"):
        if name in fields and name != "tags" and not isinstance(fields[name], str):
            yield Rule.TYPE, name, f"must be text, but is {_kind(fields[name])}"
    tags = fields.get("tags", {})
    if not isinstance(tags, dict):
        yield Rule.TYPE, "tags", f"must be an object, but is {_kind(tags)}"
        return
    for name in ("category", "difficulty"):
        if name in tags and not isinstance(tags[name], str):
            yield Rule.TYPE, f"tags.{name}", f"must be text, but is {_kind(tags[name])}"
    accept = fields.get("accept", [])
    if not isinstance(accept, list) or not all(isinstance(each, str) for each in accept):
        yield Rule.TYPE, "accept", "must be a list of texts"


def _texts(fields: dict[str, Any]) -> Iterator[Fault]:
    for name in KNOWN:
        value = fields.get(name)
        if isinstance(value, str) and not value.strip():
            yield Rule.EMPTY, name, "is empty"
        elif isinstance(value, str) and (sign := _INVISIBLE.search(value)):
            yield Rule.CHARACTERS, name, f"holds the character U+{ord(sign[0]):04X}, which nobody sees"


def _words(fields: dict[str, Any]) -> Iterator[Fault]:
    """Check the values that only some words may have."""
    own, lang, tags = fields.get("id"), fields.get("lang"), fields.get("tags")
    if isinstance(own, str) and own and not ID.fullmatch(own):
        yield Rule.ID, "id", f"'{own[:_SHOWN]}' is not eight hex digits"
    if isinstance(lang, str) and lang and not LANGUAGE.fullmatch(lang):
        yield Rule.LANG, "lang", f"'{lang[:_SHOWN]}' is no language tag such as 'en' or 'zh-Hant'"
    if isinstance(tags, dict):
        yield from _tagged(tags)


def _tagged(tags: dict[str, Any]) -> Iterator[Fault]:
    category, difficulty = tags.get("category", ""), tags.get("difficulty", "")
    if isinstance(category, str) and not category.strip():
        yield Rule.CATEGORY, "tags", "names no category"
    if isinstance(difficulty, str) and difficulty not in DIFFICULTIES:
        near = suggestion(difficulty, list(DIFFICULTIES))
        said = f"'{difficulty[:_SHOWN]}' is none of {', '.join(DIFFICULTIES)}{near}" if difficulty else "is missing"
        yield Rule.DIFFICULTY, "tags.difficulty", said


def _told(fields: dict[str, Any]) -> Iterator[Fault]:
    text, label, context = fields["text"], fields["label"], fields["context"]
    if label not in context:
        yield Rule.CONTEXT, "context", f"does not hold the label {label[:_SHOWN]!r}"
    lang = fields.get("lang")
    if isinstance(lang, str) and (said := implausible(f"{text}\n{context}", lang)):
        yield Rule.LANGUAGE, "text", said


def _repeated(row: Found, seen: dict[tuple[Rule, str], str]) -> Iterator[Fault]:
    fields = row.value if isinstance(row.value, dict) else {}
    for rule, name in ((Rule.DUPLICATE_ID, "id"), (Rule.DUPLICATE_TEXT, "text")):
        value = fields.get(name)
        if not isinstance(value, str):
            continue
        here = " ".join(filter(None, (row.place.file, row.place.path)))
        if (rule, value) in seen:
            yield rule, name, f"{value[:_SHOWN]!r} stands already at {seen[rule, value]}"
        seen.setdefault((rule, value), here)


def _id(value: Any) -> str:
    own = value.get("id") if isinstance(value, dict) else None
    return own[:_SHOWN] if isinstance(own, str) else ""


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")


def breaking(violations: Iterable[Violation]) -> Violation | None:
    """Return the first violation with which a pack cannot be used."""
    return next((each for each in violations if each.rule in BREAKING), None)
