"""Multiple choice: which option an answer chooses, however it says so."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from evalharness.errors import ConfigError
from evalharness.graders.answers import accepted, quoted, too_long, verdict
from evalharness.graders.normalise import script
from evalharness.model import Grade, Task, Transcript
from evalharness.workspaces import Workspace

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ANSWER = (
    "answer|antwort|respuesta|réponse|reponse|resposta|ответ|cevap|yanıt|إجابة|جواب|答案|答え|回答|解答|正解|정답|답"
)
_AFTER = "because|since|as|is|and|or|but|with"  # after `A`, what says that it is a letter and no article
_IS = "is|ist|es|est|é|será|lautet|は|是|为|為|은|는|هي|هو"
_NO_OTHER = r"(?!\s*(?:and|or|&|,|/))"  # `(A) and (B)` names two options


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Pass when the answer chooses the expected option: by its letter or by its text.

    The options are the field `choices` of the row, a list or letters with texts; without it, `letters`. Expected is a
    letter, the text of an option or, with `index_from`, its number. Naming several options is no choice.
    """

    letters: str = "ABCD"
    choices: str = "choices"
    index_from: int | None = None

    def __post_init__(self) -> None:
        if not self.letters or len(set(self.letters)) < len(self.letters) or not set(self.letters) <= set(_ALPHABET):
            raise ValueError(f"letters: {self.letters!r} are not different letters from A to Z")

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Find the option that the final answer chooses."""
        options = self._options(task)
        right = self._right(task, options)
        answer = transcript.final
        if reason := too_long(answer):
            return verdict("choice", False, reason)
        found = _chosen(answer, options)
        if len(found) != 1:
            said = f"names several options ({', '.join(found)})" if found else "names no option"
            return verdict("choice", False, f"answer {quoted(answer)} {said}")
        return verdict("choice", found[0] in right, f"chose {found[0]}, not {' or '.join(right)}")

    def _options(self, task: Task) -> dict[str, str]:
        """Map each letter to the text of its option, empty where only letters are known."""
        given = task.fields.get(self.choices)
        if isinstance(given, Mapping):
            options = {str(letter).upper(): str(text) for letter, text in given.items()}
            if not all(letter in _ALPHABET and len(letter) == 1 for letter in options):
                raise ConfigError(f"task '{task.id}': options {list(options)} are not named by letters from A to Z")
            return options
        if isinstance(given, list | tuple):
            return dict(zip(_ALPHABET, map(str, given), strict=False))
        return dict.fromkeys(self.letters, "")

    def _right(self, task: Task, options: dict[str, str]) -> list[str]:
        expected = task.expected
        if self.index_from is not None and isinstance(expected, int):
            expected = list(options)[expected - self.index_from : expected - self.index_from + 1]
        right = accepted(Task(id=task.id, prompt="", expected=expected), field=None)
        found = [letter for each in right if (letter := _letter(each, options))]
        if len(found) < len(right):
            raise ConfigError(f"task '{task.id}': expected answer {right!r} is none of the options {list(options)}")
        return found


def _letter(text: str, options: dict[str, str]) -> str | None:
    """Name the option that a text is: its letter, also in brackets, or its words."""
    bare = text.strip(" ().:").upper()
    if bare in options:
        return bare
    said = script(text)
    same = [letter for letter, option in options.items() if option and script(option) == said]
    return same[0] if len(same) == 1 else None


@lru_cache(maxsize=64)
def _patterns(letters: str) -> tuple[re.Pattern[str], ...]:
    """Compile the ways to name an option, the plainest first; the last way may name several."""
    plain = "".join(set(letters) - set("AI")) or "-"
    words = "".join(set(letters) & set("AI")) or "-"
    one = f"(?<![A-Za-z0-9])([{plain}]|[{words}](?! [a-z])|[{words}](?= (?:{_AFTER})\\b))(?![A-Za-z0-9'])"
    either_case = letters + letters.lower()
    return (
        re.compile(rf"\\boxed\s?{{\W{{0,8}}(?:text\W{{0,4}})?{one}"),
        re.compile(rf"(?i:{_ANSWER})\W{{0,4}}(?i:{_IS})?\W{{0,8}}(?i:option|choice)?\W{{0,4}}{one}"),
        re.compile(rf"\A\W{{0,8}}(?i:option |choice )?([{either_case}])(?:[).:\]]{_NO_OTHER}|\s*\Z|\s*\n)"),
        re.compile(rf"\({one}\)|(?<![A-Za-z0-9])([{letters}])[).](?![A-Za-z0-9])"),
        re.compile(one),
    )


def _chosen(answer: str, options: dict[str, str]) -> list[str]:
    """List the options that an answer names, by the plainest way in which it names any."""
    text = re.sub(r"[*_`$]", "", unicodedata.normalize("NFKC", answer)).strip()
    if whole := _letter(text, options):
        return [whole]
    boxed, stated, leading, marked, bare = _patterns("".join(options))
    for last_word in (boxed, stated, leading):
        if found := last_word.findall(text):
            return [found[-1].upper()]
    for anywhere in (marked, bare):
        if named := {next(filter(None, match.groups())) for match in anywhere.finditer(text)}:
            return sorted(named)
    said = f" {script(text)} "
    return [letter for letter, option in options.items() if option and f" {script(option)} " in said]
