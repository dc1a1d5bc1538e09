"""A question is asked once, however it is spelled; other questions may be as alike as they like."""

import pytest

from evalharness.packs.duplicates import Asked
from evalharness.packs.pack import bundled_packs, load_pack


@pytest.mark.parametrize(
    ("text", "label", "repeated"),
    [
        ("In which year did World War II end?", "1945", True),
        ("IN WHICH YEAR did World War II end", "1945", True),
        ("in which year did World War II end ?", "1939", True),
        ("Which year did World War II end in?", "1945", True),
        ("In which year did World War I end?", "1918", False),
        ("In which year was the United Nations founded?", "1945", False),
    ],
)
def test_the_same_question_is_recognised(text, label, repeated):
    asked = Asked()
    asked.add("In which year did World War II end?", "1945", "core")
    assert bool(asked.repeated(text, label)) == repeated


@pytest.mark.parametrize("name", sorted(bundled_packs()))
def test_no_two_questions_of_a_bundled_pack_are_taken_for_one(name):
    asked = Asked()
    for item in load_pack(bundled_packs()[name]).items:
        assert asked.repeated(item.text, item.label) == ""
        asked.add(item.text, item.label, item.id)
