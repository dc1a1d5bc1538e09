"""Questions that were asked before: the same once spelling is folded, or nearly so with the same answer."""

from collections import defaultdict

from msgspec import Struct
from rapidfuzz import fuzz

from evalharness.graders.normalise import script

NEAR = 85.0  # percent; two questions with other answers ("2 + 2?", "2 + 3?") may be as alike as they like
_QUOTED = 60


class _Asked(Struct, frozen=True):
    key: str
    text: str
    where: str


class Asked:
    """The questions that are known, each with where it stands."""

    def __init__(self) -> None:
        self._texts: dict[str, _Asked] = {}
        self._by_answer: defaultdict[str, list[_Asked]] = defaultdict(list)

    def add(self, text: str, label: str, where: str) -> None:
        """Know a question from now on."""
        asked = _Asked(_key(text), text, where)
        self._texts.setdefault(asked.key, asked)
        self._by_answer[_key(label)].append(asked)

    def repeated(self, text: str, label: str) -> str:
        """Say which known question this one repeats; empty when it is new."""
        key = _key(text)
        if same := self._texts.get(key):
            return f"asks what {same.where} asks already: {same.text[:_QUOTED]!r}"
        for known in self._by_answer.get(_key(label), ()):
            if max(fuzz.ratio(key, known.key), fuzz.token_sort_ratio(key, known.key)) >= NEAR:
                return f"is nearly what {known.where} asks already: {known.text[:_QUOTED]!r}"
        return ""


def _key(text: str) -> str:
    return script(text) or text.strip()
