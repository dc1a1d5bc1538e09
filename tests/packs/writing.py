"""Packs for tests: sound items, and files of them."""

import json

from evalharness.packs.item import Recipe, provenance


def item(number=1, *, recipe=Recipe.CONTENT, **changes):
    """Make an item that breaks no rule, but for the changes, and hash it last."""
    fields = {
        "text": f"Which river is number {number} in the world?",
        "label": f"river {number}x",
        "context": f"The number is that of river {number}x in the list.",
        "tags": {"category": "geography", "difficulty": "easy"},
        "lang": "en",
        "id": f"{0xA0000000 + number:08x}",
        **changes,
    }
    return {**fields, "sha256": provenance(fields, recipe)}


def write(path, items):
    """Write a pack as JSON lines, or as a list where the name says .json."""
    if path.suffix == ".json":
        path.write_text(json.dumps(items, ensure_ascii=False, indent=1), "utf-8")
    else:
        path.write_text("".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in items), "utf-8")
    return path
