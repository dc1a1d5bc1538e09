import re

import pytest

from evalharness.report import inert
from tests.report.hostile import HOSTILE

DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_or_direction_character_survives(text):
    assert not DANGEROUS.search(inert.line(text))
    assert not DANGEROUS.search(inert.lines(text))
    assert "\n" not in inert.line(text)


def test_ordinary_text_of_any_script_stays_as_it_is():
    assert inert.line("Größe 你好 שלום naïve 🙂") == "Größe 你好 שלום naïve 🙂"
    assert inert.lines("a\n\tb") == "a\n\tb"


def test_a_lone_surrogate_can_be_written():
    assert inert.line("a\ud800b").encode() == "a\ufffdb".encode()


def test_a_long_line_is_cut_without_being_read_whole():
    assert inert.line("x" * 10_000_000, longest=10) == "xxxxxxxxx…"


@pytest.mark.parametrize("name", ["task_one", "suite/task-1.a", "0/5 (p = 0.004)"])
def test_ordinary_names_stay_readable_in_markdown(name):
    assert inert.markdown(name) == name
