"""What a model is asked when it writes items, and the JSON Schema of its answer."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from evalharness.packs.item import DIFFICULTIES

CATEGORIES = ("geography", "history", "science", "literature", "mathematics", "everyday life")
AVOIDED = 40
SYSTEM = """\
You write test questions that show whether a language model still works. Answer with JSON only, and with no other text:
{"items": [{"text": ..., "label": ..., "context": ..., "category": ..., "difficulty": ...}]}

Rules for every item:
- text: one short question with exactly one right answer, which stays right for ever; it must not contain the answer.
- label: that answer and nothing else, in as few words as possible: a name, a date, a number.
- context: one sentence that states the fact, and contains the label exactly as it is written in label.
- category and difficulty: exactly as they are asked for.
- text, label and context are written in the language that is asked for, as its native speakers write."""
NAMES = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "pt": "Portuguese",
    "ru": "Russian",
    "tr": "Turkish",
    "zh": "Chinese",
}


class Slot(Struct, frozen=True, order=True):
    """What an item is to be about, and how hard."""

    category: str
    difficulty: str


class Wanted(Struct, frozen=True, kw_only=True):
    """What a pack is to be; everything that must stay the same while it is written."""

    model: str
    language: str
    categories: tuple[str, ...] = CATEGORIES
    difficulties: tuple[str, ...] = DIFFICULTIES
    context: str = ""
    temperature: float = 0.7
    seed: int

    def slots(self, num: int) -> Counter[Slot]:
        """Spread items over categories and difficulties as evenly as they go."""
        names, levels = self.categories, self.difficulties
        pairs = ((at % len(names), (at % len(names) + at // len(names)) % len(levels)) for at in range(num))
        return Counter(Slot(names[name], levels[level]) for name, level in pairs)


class Example(Struct, frozen=True):
    """An item of a pack that exists, to show what is meant."""

    slot: Slot
    text: str
    label: str
    context: str


class Request(Struct, frozen=True, kw_only=True):
    """One call: the items that are wanted of it, what was asked before, and examples."""

    wanted: Wanted
    slots: tuple[Slot, ...]
    asked: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()

    def messages(self) -> list[dict[str, Any]]:
        """Write the request as a conversation."""
        language = self.wanted.language
        named = f"{NAMES[language]} ({language})" if language in NAMES else f"the one with the tag {language}"
        lines = [f"Language: {named}", "Items:"]
        for slot, count in Counter(self.slots).items():
            lines.append(f"- {count} of category {msgspec.json.encode(slot.category).decode()}, {slot.difficulty}")
        if self.wanted.context:
            lines += ["What they are about:", self.wanted.context]
        if self.asked:
            lines += ["Do not ask any of these again:", *(f"- {text}" for text in self.asked)]
        return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n".join(lines)}]

    def continued(self) -> str:
        """Write the request for a model that follows no instructions: examples, and the beginning of one more."""
        about = [f"About: {' '.join(self.wanted.context.split())}"] if self.wanted.context else []
        shown = [f"{_heading(each.slot)}\n{_written(each)}" for each in self.examples]
        return "\n\n".join([*about, *shown, f"{_heading(self.slots[0])}\n"])

    def schema(self) -> dict[str, Any]:
        """Describe a whole answer."""
        text = {"type": "string"}
        named = {
            "category": {"type": "string", "enum": sorted({slot.category for slot in self.slots})},
            "difficulty": {"type": "string", "enum": sorted({slot.difficulty for slot in self.slots})},
        }
        item = _object({"context": text, "text": text, "label": text, **named})
        return _object({"items": {"type": "array", "items": item}})


def digest(asked: str | Sequence[dict[str, Any]]) -> str:
    """Digest what a model was sent."""
    return sha256(msgspec.json.encode(asked)).hexdigest()


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


FACT = _object(  # the fact first: whoever knows it can ask for it
    {
        "context": {"type": "string", "minLength": 10, "maxLength": 200},
        "text": {"type": "string", "minLength": 10, "maxLength": 150},
        "label": {"type": "string", "minLength": 1, "maxLength": 40},
    }
)


def _heading(slot: Slot) -> str:
    return f"A fact ({' '.join(slot.category.split())}, {slot.difficulty}), and a short question about it:"


def _written(example: Example) -> str:
    said = {"context": example.context, "text": example.text, "label": example.label}
    return msgspec.json.encode(said).decode()
