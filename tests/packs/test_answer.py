"""Answers of models are read with patience, and in time that grows with their length."""

import json

import pytest

from evalharness.packs.answer import LONGEST, Malformed, candidates
from tests.counting import patience

ONE, TWO = {"text": "a", "label": "b {x}"}, {"text": "c", "label": '"}'}
BOTH = json.dumps([ONE, TWO])


@pytest.mark.parametrize(
    "answer",
    [
        BOTH,
        json.dumps({"items": [ONE, TWO]}),
        json.dumps({"questions": [ONE, TWO]}),
        json.dumps({"data": [ONE, TWO], "note": "x"}),
        json.dumps({"items": {"items": [ONE, TWO]}})[9:-1],
        f"```json\n{BOTH}\n```",
        f"Here you are:\n```\n{BOTH}\n```\nI hope that {{helps}}!",
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n",
        json.dumps({"items": [ONE, TWO, {"text": "cut off here"}]})[:-8],
    ],
)
def test_items_are_found_in_every_shape(answer):
    assert candidates(answer) == [ONE, TWO]


@pytest.mark.parametrize(
    "answer", ["", "  ", "I cannot do that.", "null", "[]", "[1, 2]", '{"a": 1}', "{" * 5000, "[" * 100_000]
)
def test_an_answer_without_items_is_malformed(answer):
    with pytest.raises(Malformed):
        candidates(answer)


def test_an_answer_that_is_far_too_long_is_not_even_read():
    with pytest.raises(Malformed, match="200,001 characters"):
        candidates("[" + " " * LONGEST)


@pytest.mark.parametrize("piece", ['{"text": "', "{", '{"a":[', '{"text": {'])
def test_no_answer_is_read_for_ever(piece):
    with patience(), pytest.raises(Malformed):
        candidates((piece * LONGEST)[:LONGEST])
