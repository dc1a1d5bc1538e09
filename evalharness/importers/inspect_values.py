"""Values of inspect's scores as numbers, and its errors and limits as words."""

from typing import Any

import msgspec

from evalharness.importers.inspect_log import Score


def sample_value(value: Any) -> float | str | None:
    """Read a value as inspect does: C and yes are 1, P is half, I, N and no are 0; other words stay words."""
    if isinstance(value, str):
        word = value.strip()
        known = _LETTERS.get(word, _WORDS.get(word.casefold()))
        if known is not None:
            return known
        try:
            return float(word)
        except ValueError:
            return word or None
    return float(value) if isinstance(value, bool | int | float) else None


_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}


def flat(scores: dict[str, Score | None]) -> dict[str, float | str | None]:
    """Return a value by scorer; a scorer with several values has one by each of their names."""
    found: dict[str, float | str | None] = {}
    for name, score in scores.items():
        value = score.value if score else None
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        if parts is None:
            found[name] = sample_value(value)
        else:
            found.update({f"{name}/{key}": sample_value(each) for key, each in parts})
    return found


def plain(data: Any) -> Any:
    """Return the message of an error, or the type of a limit, wherever a log puts it."""
    if isinstance(data, dict):
        return data.get("message") or data.get("type")
    return data if isinstance(data, str) or data is None else msgspec.json.encode(data).decode()
