"""What formats for datasets share: the questions of a suite, their right answers, and what else is known of them."""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.model import Suite, Task
from evalharness.text import as_json, well_formed

PACK = ("text", "label", "context", "lang", "sha256")
_ASIDE = ("prompt", "expected", "accept")


class Question(Struct, frozen=True, kw_only=True):
    """A task as a question: its prompt and the texts that are right answers to it, the expected one first."""

    id: str
    prompt: str
    answers: tuple[str, ...]
    tags: tuple[str, ...]
    fields: dict[str, Any]

    @property
    def ideal(self) -> str | list[str]:
        """Return the one right answer, or the list of several."""
        return self.answers[0] if len(self.answers) == 1 else list(self.answers)

    @property
    def metadata(self) -> dict[str, Any]:
        """Return whatever else the row says, and the tags."""
        rest = {name: value for name, value in self.fields.items() if name not in _ASIDE}
        return {**rest, **({"tags": list(self.tags)} if self.tags else {})}


def questions(suite: Suite, *, format: str) -> list[Question]:  # noqa: A002 - the word that fits
    """List the questions of a suite; a task without a right answer, or with files, is refused."""
    return [_question(task, suite, format) for task in suite.tasks]


def _question(task: Task, suite: Suite, wanted: str) -> Question:
    answers = tuple(dict.fromkeys([*_texts(task.expected), *_texts(task.fields.get("accept"))]))
    if not answers:
        raise ConfigError(f"{suite.place}: task '{task.id}' expects no answer, and {wanted} needs one for every task")
    if task.files:
        raise ConfigError(f"{suite.place}: task '{task.id}' needs files, which {wanted} cannot hold")
    cleaned: dict[str, Any] = well_formed(task.fields)
    return Question(
        id=task.id,
        prompt=well_formed(task.prompt),
        answers=tuple(well_formed(each) for each in answers),
        tags=task.tags,
        fields=cleaned,
    )


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of an expected value: a list holds alternatives, an object is written as JSON."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value
    elif value is not None:
        yield as_json(value).decode()


def table(suite: Suite, *, format: str) -> list[dict[str, Any]]:  # noqa: A002 - the word that fits
    """Write a suite as rows of equal columns, each a text or a list of texts; packs keep their own column names."""
    found = questions(suite, format=format)
    if all(isinstance(each.fields.get(name), str) for each in found for name in PACK):
        return [_item(each) for each in found]
    return [
        {
            "id": each.id,
            "prompt": each.prompt,
            "expected": each.answers[0],
            "accept": list(each.answers[1:]),
            "tags": list(each.tags),
            "fields": as_json(each.fields).decode(),
        }
        for each in found
    ]


def _item(question: Question) -> dict[str, Any]:
    fields = question.fields
    tagged = dict(tag.split(":", 1) for tag in question.tags if ":" in tag)
    return {
        "id": question.id,
        "text": fields["text"],
        "label": fields["label"],
        "accept": list(question.answers[1:]),
        "context": fields["context"],
        "category": tagged.get("category", ""),
        "difficulty": tagged.get("difficulty", ""),
        "tags": list(question.tags),
        "lang": fields["lang"],
        "sha256": fields["sha256"],
    }


def file_name(name: str) -> str:
    """Make a name that any file system, URL and shell takes as it is."""
    return re.sub(r"[^\w-]+", "-", name, flags=re.ASCII).strip("-")[:100] or "suite"
