"""Is a text in the language it is said to be in? A check of scripts and small words, against gross mistakes only.

Short texts say little, so a text passes unless something speaks clearly against it: letters of another script, or
the small words of another language and none (or far fewer) of its own. Languages that are not listed always pass.
"""

import re
from collections import Counter, defaultdict
from functools import cache

import regex

_SCRIPTS = {
    "Arabic": "ar fa ur ps",
    "Armenian": "hy",
    "Bengali": "bn",
    "Cyrillic": "ru uk bg mk be kk",
    "Devanagari": "hi mr ne",
    "Georgian": "ka",
    "Greek": "el",
    "Han": "zh",
    "Hangul": "ko",
    "Hebrew": "he",
    "Hiragana": "ja",
    "Latin": "cs da de en es fi fr hu id it nl no pl pt ro sv tr vi",
    "Tamil": "ta",
    "Telugu": "te",
    "Thai": "th",
}
_SCRIPT = {lang: script for script, langs in _SCRIPTS.items() for lang in langs.split()}
_ALSO = {"Hiragana": ("Katakana", "Han"), "Hangul": ("Han",)}  # what a language writes beside its own script
_FEWEST_LETTERS = 4
_LEAST_SHARE = 0.4

_WORDS = {
    "cs": "je v na který která které kdo co jak kde kolik ve se jsou byl byla a z",
    "da": "er og i det en hvad hvem hvilken hvilket hvor af til den på blev ikke med som",
    "de": "der die das ist und in welche welcher welches wer wie was wo von ein eine wurde im den auf mit wird liegt",
    "en": "the is of what which who in and how many was a an to by it are for where when with that",
    "es": "el la los las de es qué cuál quién en y un una del cuántos dónde por se fue con para",
    "fi": "on ja mikä kuka missä kuinka ei oli joka mitä monta",
    "fr": "le la les de est quel quelle qui en et un une du des dans combien où par se au l d qu a été",
    "hu": "a az és mi ki melyik hol hány van volt egy nem hogy",
    "id": "yang adalah di dan apa siapa berapa dari ini itu oleh dengan untuk ke",
    "it": "il lo la gli di è che quale chi in e un una del della quanti dove qual si è stato per con",
    "nl": "de het een is van wat welke wie in en hoe waar wordt zijn er op met voor",
    "no": "er og i det en hva hvem hvilken hvilket hvor av til den på ble ikke med som",
    "pl": "jest w i na kto co jaki jaka jakie który która ile gdzie z to się do nie jak",
    "pt": "o a os as de é qual quem em e um uma do da no na quantos onde por se foi com para que",
    "ro": "este în și care cine ce un o de la din cât câte unde a fost cu pe",
    "sv": "är och i det en ett vad vem vilken vilket var av till den på blev inte med som",
    "tr": "ve bir hangi nedir kim kaç nerede hangisidir ne kaçtır mı mi için en ile olan olarak bu kimdir neresidir",
    "vi": "là của và ở ai gì nào có trong được bao nhiêu một những các",
}
_LETTERS = {
    "de": "ßäöü",
    "es": "ñ¿¡",
    "fr": "çœèêëîû",
    "pl": "ąęłńśźż",
    "pt": "ãõ",
    "ro": "ășț",
    "tr": "ışğİ",
    "cs": "ěřů",
    "hu": "őű",
}
_CYRILLIC = {"ru": "ыэёъ", "uk": "іїєґ", "be": "ў"}
_WORD = re.compile(r"[^\W\d_]+")
_LEAD = 3


def implausible(text: str, lang: str) -> str:
    """Say why a text cannot be in a language; empty where nothing speaks clearly against it."""
    own, _, variant = lang.partition("-")
    expected = _SCRIPT.get(own)
    if expected is None:
        return ""
    scripts = Counter(_script_of(letter) for letter in text if letter.isalpha())
    letters = scripts.total()
    if letters < _FEWEST_LETTERS:
        return ""
    fitting = sum(scripts[script] for script in (expected, *_ALSO.get(expected, ())))
    if fitting < _LEAST_SHARE * letters:
        return f"is hardly in '{lang}': {fitting} of {letters} letters are {expected}"
    return _within(text, own, variant, scripts)


def _within(text: str, own: str, variant: str, scripts: Counter[str]) -> str:
    """Tell apart the languages that share a script."""
    kana = scripts["Hiragana"] + scripts["Katakana"]
    if own == "ja" and not kana:
        return "is hardly in 'ja': nothing in it is kana"
    if own == "ko" and not scripts["Hangul"]:
        return "is hardly in 'ko': nothing in it is Hangul"
    if own == "zh":
        return "is hardly in 'zh': there is kana in it" if kana else _chinese(text, variant)
    if own in _CYRILLIC:
        return _cyrillic(text, own)
    return _latin(text, own) if own in _WORDS else ""


def _latin(text: str, own: str) -> str:
    scores = _scores(text)
    other = max(_WORDS, key=lambda lang: (scores[lang], lang))
    lead = scores[other] - scores[own]
    if (scores[own] == 0 and lead >= _LEAD) or lead > max(_LEAD, scores[own]):
        return f"is hardly in '{own}': its small words look like '{other}'"
    return ""


def _scores(text: str) -> Counter[str]:
    """Count the small words of every language, and once each of its own letters."""
    speaking = _speaking()
    evidence = [word.casefold() for word in _WORD.findall(text)] + list({letter for letter in text if letter > "\x7f"})
    return Counter(lang for each in evidence for lang in speaking.get(each, ()))


@cache
def _speaking() -> dict[str, tuple[str, ...]]:
    """Say of every small word, and every letter, which languages it speaks for."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for lang, words in _WORDS.items():
        for word in dict.fromkeys([*words.split(), *_LETTERS.get(lang, "")]):
            found[word].append(lang)
    return {word: tuple(langs) for word, langs in found.items()}


def _cyrillic(text: str, own: str) -> str:
    lowered = text.lower()
    counts = {lang: sum(lowered.count(letter) for letter in letters) for lang, letters in _CYRILLIC.items()}
    other = max(counts, key=lambda lang: counts[lang])
    if counts[other] >= 2 and counts[own] == 0:
        return f"is hardly in '{own}': its letters are those of '{other}'"
    return ""


def _chinese(text: str, variant: str) -> str:
    """Tell the two scripts of Chinese apart: what only one of two old character sets holds belongs to one of them."""
    simplified = sum(_in(letter, "gb2312") and not _in(letter, "big5") for letter in text)
    traditional = sum(_in(letter, "big5") and not _in(letter, "gb2312") for letter in text)
    if variant in ("CN", "Hans", "SG") and traditional > simplified + 1:
        return f"is hardly in 'zh-{variant}': its characters are traditional"
    if variant in ("TW", "Hant", "HK") and simplified > traditional + 1:
        return f"is hardly in 'zh-{variant}': its characters are simplified"
    return ""


def _in(letter: str, charset: str) -> bool:
    try:
        letter.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


@cache
def _patterns() -> dict[str, "regex.Pattern[str]"]:
    names = {*_SCRIPTS, *(other for others in _ALSO.values() for other in others)}
    return {name: regex.compile(rf"\p{{Script={name}}}") for name in sorted(names)}


@cache
def _script_of(letter: str) -> str:
    return next((name for name, pattern in _patterns().items() if pattern.match(letter)), "other")
