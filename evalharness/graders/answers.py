"""What graders share: the accepted answers of a task, comparing plain values, and reasons that can be read aloud."""

from collections.abc import Iterator
from typing import Any

from evalharness.errors import ConfigError
from evalharness.model import Grade, Task

LONGEST_QUOTE = 200
LONGEST_ANSWER = 200_000  # characters; longer ones are no answer, and normalising them takes seconds


def accepted(task: Task, *, field: str | None = "accept") -> tuple[str, ...]:
    """List the right answers of a task as text: what it expects, and the variants in a field of its row."""
    more = task.fields.get(field) if field else None
    found = tuple(dict.fromkeys([*_spelled(task.expected), *_spelled(more)]))
    if not found:
        raise ConfigError(f"task '{task.id}' has no expected answer")
    return found


def _spelled(value: Any) -> Iterator[str]:
    """Yield the texts of a value: a list holds alternatives, a whole float is also a whole number."""
    if value is None:
        return
    if isinstance(value, list | tuple):
        for each in value:
            yield from _spelled(each)
        return
    yield str(value)
    if isinstance(value, float) and value.is_integer():
        yield str(int(value))


def quoted(text: str) -> str:
    """Quote text for a reason: cut to 200 characters, with whatever cannot be seen written out."""
    if len(text) <= LONGEST_QUOTE:
        return repr(text)
    return f"{text[:LONGEST_QUOTE]!r}... ({len(text):,} characters)"


def shortened(text: str) -> str:
    """Give text for a reason without quotes: cut to 200 characters, with whatever cannot be seen written out."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= LONGEST_QUOTE else f"{shown[:LONGEST_QUOTE]}..."


def either(texts: tuple[str, ...]) -> str:
    """Quote alternatives for a reason."""
    shown = " or ".join(quoted(text) for text in texts[:3])
    return f"{shown} or {len(texts) - 3} more" if len(texts) > 3 else shown


def too_long(answer: str, *, longest: int = LONGEST_ANSWER) -> str:
    """Give the reason why an answer is too long to be judged; empty when it is not."""
    if len(answer) <= longest:
        return ""
    return f"answer is {len(answer):,} characters long, and at most {longest:,} are judged"


def verdict(grader: str, passed: bool, reason: str) -> Grade:
    """Make the grade of an all-or-nothing grader; a pass needs no reason."""
    return Grade(grader=grader, score=float(passed), passed=passed, reason="" if passed else reason)


def covers(value: Any, wanted: Any) -> bool:
    """Say whether a value has everything wanted: objects may have more keys, lists must match item by item."""
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(key in value and covers(value[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(wanted)
            and all(covers(one, other) for one, other in zip(value, wanted, strict=True))
        )
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def equal(value: Any, wanted: Any) -> bool:
    """Say whether two JSON values are equal; 1 and 1.0 are, 1 and true are not."""
    return covers(value, wanted) and covers(wanted, value)
