import pytest

from evalharness.errors import ConfigError

CHOICES = ["Paris", "Rome", "New York", "10"]
CHOSEN = [
    ("B", "B"),
    ("b", "B"),
    (" (B) ", "B"),
    ("B. Rome", "B"),
    ("b) Rome", "B"),
    ("**B**", "B"),
    ("Ｂ", "B"),
    ("B\nbecause it is", "B"),
    ("The answer is B.", "B"),
    ("The correct answer is:\n\n**B. Rome**", "B"),
    ("Answer: (C) New York", "C"),
    ("I think A is wrong, so the answer is B because option A is bad", "B"),
    ("First I thought the answer is A. No: the answer is D", "D"),
    (r"so $\boxed{\text{B}}$", "B"),
    ("the answer is a city: Rome", "B"),
    ("A man walked. Rome it is", "B"),
    ("A good choice is (D)", "D"),
    ("option C", "C"),
    ("答えはBです", "B"),
    ("答案是：B", "B"),
    ("选B", "B"),
    ("정답은 B입니다", "B"),
    ("Antwort: B", "B"),
    ("La respuesta es C.", "C"),
    ("new york", "C"),
    ("I would go to Rome", "B"),
    ("10", "D"),
    ("The answer is A because I say so", "A"),
]


@pytest.mark.parametrize(("answer", "letter"), CHOSEN)
def test_the_chosen_option_is_found_however_it_is_said(judge, answer, letter):
    for other in "ABCD":
        grade = judge("choice", answer, expected=other, fields={"choices": CHOICES})
        assert grade.passed is (other == letter), grade.reason


@pytest.mark.parametrize(
    "answer", ["", "I do not know", "It could be A or B", "(A) and (B)", "Rome, not Paris", "A day out", "ABCD"]
)
def test_no_option_or_several_are_no_choice(judge, answer):
    for other in "ABCD":
        grade = judge("choice", answer, expected=other, fields={"choices": CHOICES})
        assert not grade.passed
        assert "option" in grade.reason


@pytest.mark.parametrize(
    ("expected", "options"),
    [("B", {}), ("(b)", {}), ("Rome", {}), ("rome.", {}), (1, {"index_from": 0}), (2, {"index_from": 1})],
)
def test_the_expected_option_is_a_letter_a_text_or_a_number(judge, expected, options):
    assert judge("choice", "B", expected=expected, fields={"choices": CHOICES}, **options).passed
    assert not judge("choice", "C", expected=expected, fields={"choices": CHOICES}, **options).passed


def test_options_may_be_letters_with_texts_in_another_field(judge):
    row = {"options": {"a": "yes", "b": "no"}}
    assert judge("choice", "No.", expected="b", fields=row, choices="options").passed


@pytest.mark.parametrize(
    ("expected", "fields"), [("Oslo", {"choices": CHOICES}), ("E", {}), ("x", {"choices": {"[": "x"}})]
)
def test_an_expected_answer_that_is_no_option_measures_nothing(judge, expected, fields):
    with pytest.raises(ConfigError, match="t1"):
        judge("choice", "B", expected=expected, fields=fields)
