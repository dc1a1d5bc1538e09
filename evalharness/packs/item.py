"""One question of a pack: its fields, its id and its hash, which TQB++ computes in two ways."""

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Any

from msgspec import Struct

HASHED = ("text", "label", "context", "tags")
REQUIRED = (*HASHED, "lang", "id", "sha256")
KNOWN = (*REQUIRED, "accept", "license", "source")
DIFFICULTIES = ("easy", "medium", "hard")
ID = re.compile(r"[0-9a-f]{8}")
_A_NUMBER = re.compile(r"[0-9]+|[0-9]+e[0-9]+")


class Recipe(StrEnum):
    """What an item's sha256 covers."""

    CONTENT = "content"  # text, label, context and tags
    WHOLE = "whole"  # all fields but the hash itself


class Item(Struct, frozen=True, kw_only=True):
    """A question with its one right answer, and a sentence that holds it; `fields` is everything the file says."""

    id: str
    text: str
    label: str
    context: str
    tags: dict[str, Any]
    lang: str
    sha256: str
    accept: tuple[str, ...] = ()
    fields: dict[str, Any]

    @property
    def recipe(self) -> Recipe | None:
        """Say which recipe gives the item's hash; None where neither does."""
        return recipe_of(self.fields)


def provenance(fields: Mapping[str, Any], recipe: Recipe = Recipe.CONTENT) -> str:
    """Compute the sha256 of an item: of its JSON with sorted keys, not escaped, as Python's own library writes it."""
    names = HASHED if recipe is Recipe.CONTENT else [name for name in fields if name != "sha256"]
    text = json.dumps({name: fields[name] for name in names}, ensure_ascii=False, sort_keys=True)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def recipe_of(fields: Mapping[str, Any]) -> Recipe | None:
    """Say which recipe gives the hash that stands in the fields; None where neither does."""
    return next((recipe for recipe in Recipe if fields.get("sha256") == provenance(fields, recipe)), None)


def new_id(content: str, taken: set[str]) -> str:
    """Make an id of eight hex digits from what an item says, which no spreadsheet takes for a number."""
    return next(found for found in _ids(content) if found not in taken and not _A_NUMBER.fullmatch(found))


def _ids(content: str) -> Iterator[str]:
    number = 0
    while True:
        yield sha256(f"{number}\n{content}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
        number += 1
