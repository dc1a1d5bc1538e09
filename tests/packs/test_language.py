"""The check of languages accepts every item of ours in its own language, and catches gross mistakes."""

import json

import pytest

from evalharness.packs.language import implausible
from evalharness.packs.pack import bundled_packs

PACKS = {
    name.removeprefix("smoke-"): [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for name, path in bundled_packs().items()
}
NEAR = {("es", "fr"), ("es", "pt"), ("fr", "es"), ("pt", "es"), ("pt", "fr"), ("fr", "pt")}


def refused(items, lang):
    return sum(bool(implausible(f"{each['text']}\n{each['context']}", lang)) for each in items) / len(items)


@pytest.mark.parametrize("lang", PACKS)
def test_nothing_in_the_right_language_is_refused(lang):
    assert refused(PACKS[lang], lang) == 0


@pytest.mark.parametrize("lang", PACKS)
def test_most_of_what_is_in_another_language_is_refused(lang):
    """Turkish gives little away: its endings are no words of their own."""
    for other in set(PACKS) - {lang}:
        least = 0.35 if lang == "tr" or (lang, other) in NEAR else 0.75
        assert refused(PACKS[lang], other) >= least, other


@pytest.mark.parametrize(
    ("text", "lang", "said"),
    [
        ("東京は日本の首都です", "zh", "there is kana in it"),
        ("中国的首都是北京", "ja", "nothing in it is kana"),
        ("中國的首都是哪裡？臺灣", "zh-CN", "traditional"),
        ("中国的首都是哪里？台湾岛", "zh-Hant", "simplified"),
        ("Яка столиця України? Київ є містом", "ru", "'uk'"),
        ("Какой это мы язык?", "uk", "'ru'"),
        ("What is the capital of Greece?", "el", "0 of 24 letters are Greek"),
    ],
)
def test_what_gives_a_language_away(text, lang, said):
    assert said in implausible(text, lang)


@pytest.mark.parametrize("text", ["2 + 2 = ?", "", "H2O", "e^(iπ) + 1 = 0"])
def test_formulas_are_in_every_language(text):
    assert implausible(text, "de") == implausible(text, "ja") == ""


def test_an_unlisted_language_passes():
    assert implausible("Quae est urbs aeterna?", "la") == ""
