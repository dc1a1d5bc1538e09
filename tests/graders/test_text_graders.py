import json
from pathlib import Path

import pytest

from evalharness.errors import ConfigError
from evalharness.graders.text import ExactMatch, Levenshtein
from evalharness.model import Task, Transcript
from tests.counting import patience

SUITES = Path(__file__).resolve().parents[2] / "suites"


@pytest.mark.parametrize(
    ("answer", "expected", "options", "passed"),
    [
        ("Rome", "Rome", {}, True),
        ("the  ROME!", "Rome", {}, True),
        ("Rome, Italy", "Rome", {}, False),
        ("", "Rome", {}, False),
        ("Roma", ["Rome", "Roma"], {}, True),
        ("42", 42, {}, True),
        ("42", 42.0, {}, True),
        ("42.0", 42.0, {}, True),
        ("1984", ["1984", 1984], {}, True),
        ("true", True, {}, True),
        ("twenty one", "twenty-one", {}, False),  # the quirk of tqb
        ("twenty one", "twenty-one", {"normalisation": "english"}, True),
        ("rome", "Rome", {"normalisation": "none"}, False),
        ("", "A", {}, False),  # both normalise to nothing
        ("a", "A", {}, True),
        ("東京 ", "東京", {"normalisation": "script"}, True),
    ],
)
def test_exact_match_compares_normalised_answers(judge, answer, expected, options, passed):
    grade = judge("exact_match", answer, expected=expected, **options)
    assert (grade.passed, grade.score) == (passed, float(passed))
    assert bool(grade.reason) is not passed


def test_variants_in_the_row_are_right_too_unless_switched_off(judge):
    row = {"accept": ["Hellenic Republic", "Hellas"], "also": "Ellada"}
    assert judge("exact_match", "hellas", expected="Greece", fields=row).passed
    assert judge("levenshtein", "hellenic republc", expected="Greece", fields=row, threshold=0.9).passed
    assert judge("exact_match", "Ellada", expected="Greece", fields=row, accept="also").passed
    assert not judge("exact_match", "hellas", expected="Greece", fields=row, accept=None).passed


@pytest.mark.parametrize("use", ["exact_match", "levenshtein", "contains", "number"])
def test_a_task_without_an_expected_answer_measures_nothing(judge, use):
    with pytest.raises(ConfigError, match="task 't1' has no expected answer"):
        judge(use, "Rome")


@pytest.mark.parametrize(
    ("answer", "expected", "score", "passed"),
    [
        ("Rome", "Rome", 1.0, True),
        ("Rom", "Rome", 0.75, False),
        ("William Shakespear", "William Shakespeare", 0.947, False),
        ("William Shakespeares", "William Shakespeare", 0.95, True),
        ("", "Rome", 0.0, False),
        ("Madrid", ["Rome", "Madrid"], 1.0, True),
        ("kitten", "sitting", 0.571, False),  # 3 edits of 7
    ],
)
def test_levenshtein_scores_the_share_left_unedited(judge, answer, expected, score, passed):
    grade = judge("levenshtein", answer, expected=expected)
    assert (grade.score, grade.passed) == (score, passed)


def test_stored_scores_of_tqb_are_reproduced_without_a_mismatch(shared):
    files = sorted((shared / "data/items/tqb/results").glob("*.json"))
    items = [item for file in files for item in json.loads(file.read_text("utf-8"))["detail"]]
    assert len(items) >= 400
    exact, near = ExactMatch(), Levenshtein()
    for item in items:
        task, transcript = Task(id=item["id"], prompt="", expected=item["gold"]), Transcript(final=item["pred"])
        assert exact.grade(task, transcript, None).score == item["em"], item
        assert near.grade(task, transcript, None).score == item["lev_ratio"], item
        assert near.grade(task, transcript, None).passed == bool(item["em"]), item  # what .95 is calibrated for


@pytest.mark.parametrize("rows", sorted(SUITES.glob("smoke-*.jsonl")), ids=lambda path: path.stem)
def test_every_answer_of_the_smoke_packs_is_right_and_no_answer_to_another_question(rows):
    items = [json.loads(line) for line in rows.read_text("utf-8").splitlines()]
    grader = ExactMatch(normalisation="tqb" if rows.stem == "smoke-en" else "script")
    for item in items:
        task = Task(id=item["id"], prompt="", expected=item["label"], fields=item)
        for right in [item["label"], f" {item['label']}. ", *item.get("accept", [])]:
            assert grader.grade(task, Transcript(final=right), None).passed, right
        assert not grader.grade(task, Transcript(final=item["context"]), None).passed


@pytest.mark.parametrize(
    ("answer", "options", "passed"),
    [
        ("It is 42.", {"value": "42"}, True),
        ("It is 42.", {"value": 42}, True),
        ("It is 43.", {"value": "42"}, False),
        ("ROME", {"value": "rome"}, False),
        ("ROME", {"value": "rome", "ignore_case": True}, True),
        ("Straße", {"value": "STRASSE", "ignore_case": True}, True),
        ("Paris and Rome", {"value": ["Paris", "Oslo"]}, True),
        ("Paris and Rome", {"value": ["Paris", "Oslo"], "match": "all"}, False),
        ("Paris and Rome", {"value": ["Paris", "Rome"], "match": "all"}, True),
        ("Romeo", {"value": "Rome"}, True),
        ("Romeo", {"value": "Rome", "words": True}, False),
        ("to Rome!", {"value": "Rome", "words": True}, True),
        ("fine", {"forbidden": ["sorry"]}, True),
        ("sorry, fine", {"forbidden": ["sorry"]}, False),
        ("sorry, 42", {"value": "42", "forbidden": ["sorry"]}, False),
        ("答えは 東 京 です", {"value": "東京", "normalisation": "script"}, True),
    ],
)
def test_contains_finds_what_is_named(judge, answer, options, passed):
    assert judge("contains", answer, **options).passed is passed


def test_contains_without_a_value_looks_for_the_expected_answer(judge):
    assert judge("contains", "It is Rome, I think", expected="Rome").passed
    assert not judge("contains", "It is Oslo, I think", expected="Rome").passed


@pytest.mark.parametrize(
    ("answer", "options", "passed"),
    [
        ("order 1234", {"pattern": r"\d{4}"}, True),
        ("order 1234", {"pattern": r"\d{4}", "full": True}, False),
        ("1234", {"pattern": r"\d{4}", "full": True}, True),
        ("ORDER", {"pattern": "order"}, False),
        ("ORDER", {"pattern": "order", "ignore_case": True}, True),
        ("a\nb", {"pattern": "^b$"}, False),
        ("a\nb", {"pattern": "^b$", "multiline": True}, True),
        ("a\nb", {"pattern": "a.b"}, False),
        ("a\nb", {"pattern": "a.b", "dot_all": True}, True),
        ("\0\udc80\u202e", {"pattern": "x"}, False),
    ],
)
def test_regex_searches_or_describes_the_answer(judge, answer, options, passed):
    assert judge("regex", answer, **options).passed is passed


def test_a_pattern_that_runs_away_is_stopped_and_named(judge):
    with patience(), pytest.raises(TimeoutError, match=r"took over 0\.2 seconds"):
        judge("regex", "ab" * 40_000 + "!", pattern=r"(\w*\w*\w*)*\Z", seconds=0.2)


@pytest.mark.parametrize(
    ("use", "options", "message"),
    [
        ("exact_match", {"normalisation": "tbq"}, "tbq"),
        ("levenshtein", {"threshold": 1.5}, "threshold: 1.5 is not above 0 and at most 1"),
        ("contains", {"value": ""}, "value: '' is in every answer"),
        ("contains", {"value": "x", "match": "some"}, "some"),
        ("regex", {"pattern": "(("}, "pattern: '((' is no regular expression"),
        ("regex", {"pattern": "x", "seconds": 0}, "seconds: 0"),
        ("choice", {"letters": "AA"}, "letters: 'AA' are not different letters from A to Z"),
        ("exact_match", {"normalization": "tqb"}, "did you mean 'normalisation'"),
    ],
)
def test_a_wrong_option_is_named_with_its_value(judge, use, options, message):
    with pytest.raises(ConfigError) as caught:
        judge(use, "x", expected="x", **options)
    assert message in str(caught.value)


HOSTILE = ["", "\0" * 50, "\udc80\ud800", "\u202egnp.exe", "x" * 10_000_000, "é " * 5_000_000, "a" * 100_000 + "!"]


@pytest.mark.parametrize("answer", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize(
    ("use", "options"),
    [
        ("exact_match", {}),
        ("exact_match", {"normalisation": "script"}),
        ("levenshtein", {}),
        ("contains", {}),
        ("contains", {"normalisation": "english", "words": True}),
        ("regex", {"pattern": r"(\d+)+$"}),
        ("choice", {}),
        ("number", {}),
        ("json_schema", {"schema": {"type": "object"}}),
    ],
)
def test_hostile_answers_fail_with_a_short_reason(judge, use, options, answer):
    with patience():
        grade = judge(use, answer, expected="7" if use == "number" else "B", **options)
    assert not grade.passed
    assert grade.score < 0.5
    assert len(grade.reason) < 1000
    grade.reason.encode()
    assert grade.reason.isprintable()
