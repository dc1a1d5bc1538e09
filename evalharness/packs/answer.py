"""What a model answered, read with patience: fences, prose around it, other shapes, and an end that was cut off."""

import json
from collections.abc import Iterator
from typing import Any

LONGEST = 200_000  # characters; no honest answer to a handful of questions is longer
_TRIES = 200
_LISTS = ("items", "questions", "data", "examples")


class Malformed(Exception):
    """Nothing in an answer can be read as an item."""


def candidates(text: str) -> list[dict[str, Any]]:
    """Find the objects in an answer that look like items; Malformed where there is none."""
    if len(text) > LONGEST:
        raise Malformed(f"the answer is {len(text):,} characters long")
    try:
        found = list(_items(json.loads(text)))
    except (ValueError, RecursionError):
        found = list(_salvaged(text))
    if not found:
        raise Malformed("the answer is empty" if not text.strip() else "no item can be read in the answer")
    return found


def _items(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the items of a list, of an object that holds one, or the one item that an object is."""
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))
    elif isinstance(value, dict) and "text" in value:
        yield value
    elif isinstance(value, dict):
        held = next((value[name] for name in _LISTS if isinstance(value.get(name), list)), None)
        yield from _items(held if held is not None else [])


def _salvaged(text: str) -> Iterator[dict[str, Any]]:
    """Yield every object with a text that stands whole somewhere in the answer."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(_TRIES):
        at = text.find("{", at)
        if at < 0:
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        yield from _items(value)
