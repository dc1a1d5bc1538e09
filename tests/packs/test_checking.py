"""Every violation of a pack is named with its place; what others published loads."""

import json
from collections import Counter
from hashlib import sha256

import pytest

from evalharness.errors import ConfigError
from evalharness.packs.checking import Rule, check
from evalharness.packs.item import Recipe, new_id, provenance
from evalharness.packs.pack import as_suite, bundled_packs, load_pack
from tests.packs.writing import item, write

REAL = {  # items, recipe, and contexts without their label, as the reference counts them
    "core_en.json": (52, Recipe.CONTENT, 13),
    "pack_de_40.json": (50, Recipe.CONTENT, 0),
    "pack_en_30.json": (30, Recipe.WHOLE, 0),
    "pack_fr_40.json": (40, Recipe.WHOLE, 8),
}


def found(tmp_path, items, *, strict=True):
    return check(write(tmp_path / "pack.jsonl", items), strict=strict).violations


@pytest.mark.parametrize("name", REAL)
def test_real_packs_load_and_every_hash_is_verified(shared, name):
    items, recipe, untold = REAL[name]
    path = shared / "data/items/tqb" / name
    pack = load_pack(path)
    assert len(pack.items) == items
    assert {each.recipe for each in pack.items} == {recipe}
    violations = check(path, strict=False).violations
    assert Counter(each.rule for each in violations) == ({Rule.CONTEXT: untold} if untold else {})
    assert all(each.advice for each in violations)
    assert not any(each.advice for each in check(path, strict=True).violations)


@pytest.mark.parametrize("name", REAL)
def test_a_real_pack_is_the_same_as_json_lines(shared, tmp_path, name):
    pack = load_pack(shared / "data/items/tqb" / name)
    lines = load_pack(write(tmp_path / "pack.jsonl", [each.fields for each in pack.items]))
    assert lines.digest == pack.digest


@pytest.mark.parametrize("name", REAL)
def test_a_real_pack_whose_item_changes_by_one_character_is_refused(shared, tmp_path, name):
    items = [each.fields for each in load_pack(shared / "data/items/tqb" / name).items]
    items[7] = {**items[7], "label": items[7]["label"] + "."}
    with pytest.raises(ConfigError, match=r"pack\.json: \[7\]\.sha256: is the hash of neither recipe"):
        load_pack(write(tmp_path / "pack.json", items))


@pytest.mark.parametrize("name", sorted(bundled_packs()))
def test_bundled_packs_break_no_rule(name):
    assert check(bundled_packs()[name], strict=True).violations == []


@pytest.mark.parametrize("recipe", Recipe)
def test_both_recipes_are_verified(tmp_path, recipe):
    assert found(tmp_path, [item(recipe=recipe)]) == []


def test_the_recipe_of_whole_items_covers_what_the_other_leaves_out(tmp_path):
    whole, content = item(recipe=Recipe.WHOLE), item()
    assert [each.rule for each in found(tmp_path, [{**whole, "lang": "en-GB"}])] == [Rule.SHA256]
    assert found(tmp_path, [{**content, "lang": "en-GB"}]) == []


@pytest.mark.parametrize(
    ("changes", "rule", "place", "said"),
    [
        ({"id": "xyz"}, Rule.ID, "id", "'xyz' is not eight hex digits"),
        ({"id": 12345678}, Rule.TYPE, "id", "must be text, but is a number"),
        ({"lang": "English"}, Rule.LANG, "lang", "'English' is no language tag such as 'en' or 'zh-Hant'"),
        ({"tags": {"category": "x", "difficulty": "eesy"}}, Rule.DIFFICULTY, "tags.difficulty", "did you mean 'easy'?"),
        ({"tags": {"category": "x"}}, Rule.DIFFICULTY, "tags.difficulty", "is missing"),
        ({"tags": {"difficulty": "easy"}}, Rule.CATEGORY, "tags", "names no category"),
        ({"tags": {"category": 3, "difficulty": "easy"}}, Rule.TYPE, "tags.category", "must be text, but is a number"),
        ({"tags": ["easy"]}, Rule.TYPE, "tags", "must be an object, but is a list"),
        ({"label": "lake"}, Rule.CONTEXT, "context", "does not hold the label 'lake'"),
        ({"label": None}, Rule.TYPE, "label", "must be text, but is nothing"),
        ({"label": True}, Rule.TYPE, "label", "must be text, but is true or false"),
        ({"label": " "}, Rule.EMPTY, "label", "is empty"),
        ({"text": "a\0b which?"}, Rule.CHARACTERS, "text", "holds the character U+0000, which nobody sees"),
        ({"accept": "one"}, Rule.TYPE, "accept", "must be a list of texts"),
        ({"contxt": "x"}, Rule.UNKNOWN_KEY, "", "unknown key 'contxt' (did you mean 'context'?)"),
        ({"lang": "ja"}, Rule.LANGUAGE, "text", "is hardly in 'ja'"),
        ({"lang": "de"}, Rule.LANGUAGE, "text", "is hardly in 'de': its small words look like 'en'"),
    ],
)
def test_a_violation_is_named_with_its_place(tmp_path, changes, rule, place, said):
    violations = found(tmp_path, [item(1), item(2, **changes)])
    assert len(violations) == 1, violations
    (one,) = violations
    assert one.rule == rule
    assert one.place == f"{tmp_path / 'pack.jsonl'}:2" + (f": {place}" if place else "")
    assert said in one.said


def test_all_violations_are_named_not_only_the_first(tmp_path):
    items = [item(1), {**item(2), "id": item(1)["id"]}, {**item(3), "text": item(1)["text"]}, "text", {"id": "b"}]
    path = write(tmp_path / "pack.jsonl", items)
    path.write_text(path.read_text() + '{"text": "cut o\n\n[1]\n')
    rules = Counter(each.rule for each in check(path, strict=True).violations)
    assert rules == {
        Rule.DUPLICATE_ID: 1,
        Rule.DUPLICATE_TEXT: 1,
        Rule.SHA256: 1,
        Rule.TYPE: 2,
        Rule.MISSING: 6,
        Rule.ID: 1,
        Rule.JSON: 1,
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no items"),
        (b"[]", "holds no items"),
        (b"[1, 2", "malformed JSON"),
        (b"[" * 100_000, "malformed JSON"),
        (b"null", "must be an object, but is nothing"),
        (b"\xff\xfe[", "not UTF-8"),
    ],
)
def test_garbage_is_one_line_that_names_the_file(tmp_path, content, said):
    path = tmp_path / "pack.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"pack\.json.*{said}") as caught:
        load_pack(path)
    assert "\n" not in str(caught.value)


def test_a_wrong_hash_is_named_whatever_else_is_wrong_with_the_item(tmp_path):
    broken = item(id="zz") | {"sha256": "0" * 64}
    del broken["lang"]
    assert {each.rule for each in found(tmp_path, [broken])} == {Rule.MISSING, Rule.ID, Rule.SHA256}


def test_a_byte_order_mark_and_dos_line_ends_are_read(tmp_path):
    path = tmp_path / "pack.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(item()).encode() + b"\r\n")
    assert len(load_pack(path).items) == 1


def test_more_tags_and_other_languages_of_the_family_load(tmp_path):
    tags = {"category": "law", "difficulty": "hard", "region": "EU"}
    others = [item(1, tags=tags), item(2, lang="zh-Hant", text="河流?", label="長江", context="長江。")]
    assert found(tmp_path, others) == []


def test_a_key_for_graders_in_foreign_data_runs_nothing(tmp_path):
    hostile = {**item(), "graders": [{"use": "os:system"}], "files": {"x": "/etc/passwd"}}
    path = write(tmp_path / "pack.jsonl", [hostile])
    (task,) = as_suite(load_pack(path)).tasks
    assert [use.use for use in task.graders] == ["exact_match"]
    assert task.files == {}


def test_a_pack_becomes_a_suite(tmp_path):
    suite = as_suite(load_pack(write(tmp_path / "rivers.jsonl", [item(1), item(2)])))
    assert suite.name == "rivers"
    assert [task.expected for task in suite.tasks] == ["river 1x", "river 2x"]
    assert suite.tasks[0].tags == ("category:geography", "difficulty:easy")


def test_a_new_id_is_nothing_that_a_spreadsheet_takes_for_a_number():
    ids: set[str] = set()
    for number in range(5000):
        ids.add(new_id(str(number % 50), ids))
    assert len(ids) == 5000
    assert not any(each.isdigit() for each in ids)
    assert new_id("7", set()) == new_id("7", set())


def test_a_hash_covers_text_as_it_is_and_no_order_of_keys():
    fields = {"text": "é", "label": "x", "context": "x", "tags": {"b": "1", "a": "ü"}}
    written = '{"context": "x", "label": "x", "tags": {"a": "ü", "b": "1"}, "text": "é"}'
    assert provenance(fields) == sha256(written.encode()).hexdigest()
