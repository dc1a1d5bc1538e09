import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalharness.packs.item import HASHED, Recipe, recipe_of

SUITES = Path(__file__).resolve().parents[2] / "suites"
LANGUAGES = ("ar", "de", "en", "es", "fr", "ja", "ko", "pt", "ru", "tr", "zh")
DIFFICULTIES = {"easy", "medium", "hard"}
KEYS = {*HASHED, "lang", "id", "sha256"}
# Scripts written without spaces, and Hangul, whose particles stick to the noun: no word boundaries to go by.
UNSPACED = {"ja", "ko", "zh"}
SCRIPTS = {
    "ar": r"[\u0621-\u064a]",
    "ja": r"[\u3041-\u309f]",
    "ko": r"[\uac00-\ud7a3]",
    "ru": r"[\u0410-\u044f]",
    "zh": r"[\u4e00-\u9fff]",
}

Item = dict[str, Any]
pytestmark = pytest.mark.parametrize("lang", LANGUAGES)


def pack(lang: str) -> list[Item]:
    lines = (SUITES / f"smoke-{lang}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def answers(item: Item) -> list[str]:
    return [item["label"], *item.get("accept", [])]


def gives_away(question: str, answer: str, lang: str) -> bool:
    question, answer = question.casefold(), answer.casefold()
    if lang in UNSPACED:
        return answer in question
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", question) is not None


def others(lang: str) -> list[Item]:
    return [item for other in LANGUAGES if other != lang for item in pack(other)]


def test_a_pack_has_its_promised_number_of_items(lang: str) -> None:
    assert len(pack(lang)) == 52 if lang == "en" else len(pack(lang)) >= 40


def test_every_item_has_exactly_the_keys_of_the_schema(lang: str) -> None:
    for item in pack(lang):
        assert set(item) - {"accept"} == KEYS, item["id"]
        assert set(item["tags"]) == {"category", "difficulty"}, item["id"]
        texts = [*(item[key] for key in KEYS - {"tags"}), *item["tags"].values(), *answers(item)]
        assert all(isinstance(text, str) and text == text.strip() != "" for text in texts), item["id"]


def test_ids_are_eight_hex_digits_that_no_spreadsheet_takes_for_a_number(lang: str) -> None:
    for item in pack(lang):
        assert re.fullmatch(r"[0-9a-f]{8}", item["id"]), item["id"]
        assert re.search(r"[a-df]", item["id"]), item["id"]


def test_ids_and_texts_are_unique_across_all_packs(lang: str) -> None:
    items = [*pack(lang), *others(lang)]
    for key in ("id", "text"):
        assert [value for value, n in Counter(item[key] for item in items).items() if n > 1] == []


def test_the_hash_covers_text_label_context_and_tags(lang: str) -> None:
    assert [item["id"] for item in pack(lang) if recipe_of(item) is not Recipe.CONTENT] == []


def test_the_context_is_one_line_that_contains_the_label_verbatim(lang: str) -> None:
    for item in pack(lang):
        assert item["label"] in item["context"], item["id"]
        assert "\n" not in item["context"], item["id"]


def test_difficulties_are_mixed(lang: str) -> None:
    counts = Counter(item["tags"]["difficulty"] for item in pack(lang))
    assert set(counts) == DIFFICULTIES
    assert min(counts.values()) >= 5


def test_at_least_six_categories_are_covered(lang: str) -> None:
    assert len({item["tags"]["category"] for item in pack(lang)}) >= 6


def test_no_question_gives_its_answer_away(lang: str) -> None:
    told = [item for item in pack(lang) for a in answers(item) if gives_away(item["text"], a, lang)]
    assert [item["text"] for item in told] == []


def test_accepted_variants_are_distinct_and_short(lang: str) -> None:
    for item in pack(lang):
        assert len({answer.casefold() for answer in answers(item)}) == len(answers(item)), item["id"]
        assert all(len(answer.split()) <= 6 for answer in answers(item)), item["id"]


def test_every_item_names_the_language_of_its_file(lang: str) -> None:
    assert {item["lang"] for item in pack(lang)} == {lang}


def test_questions_and_contexts_are_written_in_the_script_of_the_language(lang: str) -> None:
    script = SCRIPTS.get(lang, "[A-Za-z]")
    for item in pack(lang):
        assert len(re.findall(script, item["text"])) >= 2, item["id"]
        assert re.search(script, item["context"]), item["id"]


def test_a_pack_is_composed_utf_8_text_with_one_object_a_line(lang: str) -> None:
    text = (SUITES / f"smoke-{lang}.jsonl").read_bytes().decode("utf-8")
    assert unicodedata.is_normalized("NFC", text)
    assert text.endswith("}\n")
    assert not re.search(r"[\ufeff\u200b-\u200f\u2028\u2029\r]|\n\n", text)


def test_the_suite_file_reads_its_own_pack_and_guards(lang: str) -> None:
    suite = yaml.safe_load((SUITES / f"smoke-{lang}.yaml").read_text("utf-8"))
    assert suite["name"] == f"smoke-{lang}"
    assert suite["tasks"] == {"file": f"smoke-{lang}.jsonl"}
    assert suite["expected"] == "label"
    assert suite["gate"]["stance"] == "guard"
