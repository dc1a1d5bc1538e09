from fractions import Fraction

import pytest

from evalharness.errors import ConfigError
from evalharness.graders.numerals import quantities
from tests.counting import patience

READ = [
    ("42", ["42"]),
    ("The answer is 42.", ["42"]),
    ("-3 and −4", ["-3", "-4"]),
    ("x=-5", ["-5"]),
    ("3-5", ["3", "5"]),
    ("+7", ["7"]),
    (".5", ["0.5"]),
    ("1,234", ["1234"]),
    ("1,234.56", ["1234.56"]),
    ("1.234,56", ["1234.56"]),
    ("1.234.567", ["1234567"]),
    ("12,34,567", ["1234567"]),  # India
    ("1'234.5", ["1234.5"]),  # Switzerland
    ("1\u202f234,5", ["1234.5"]),  # France
    ("10_000", ["10000"]),
    ("3,14", ["3.14"]),
    ("0,500", ["0.5"]),
    ("1.234", ["1.234"]),
    ("1/2", ["1/2"]),
    ("1 1/2", ["3/2"]),
    ("1½", ["3/2"]),
    ("⅓", ["1/3"]),
    ("1.5e-3", ["0.0015"]),
    ("1.5×10^3", ["1500"]),
    ("1.5 × 10³", ["1500"]),
    ("2·10⁻²", ["0.02"]),
    (r"6.02 \times 10^{23}", ["602000000000000000000000"]),
    ("2 million", ["2000000"]),
    ("$5 and €1.000,50", ["5", "1000.5"]),
    ("-$5", ["-5"]),
    ("1,2,3", ["1", "2", "3"]),
    ("10:30", ["10", "30"]),
    ("١٢٣٫٥", ["123.5"]),
    ("約42人", ["42"]),
    ("１２", ["12"]),
    ("12345678901234567890123", ["12345678901234567890123"]),
    ("GPT-4, H2O, v1.2, 1.2.3, 1/0, 1e999, none", []),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_numbers_are_read_as_people_write_them(text, expected):
    assert [each.value for each in quantities(text)] == [Fraction(each) for each in expected]


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [("1.234", "comma", "1234"), ("1,234", "comma", "1.234"), ("1.234", "point", "1.234"), ("1,234", "point", "1234")],
)
def test_where_one_sign_could_be_either_the_option_decides(text, decimal, expected):
    assert [each.value for each in quantities(text, decimal=decimal)] == [Fraction(expected)]


@pytest.mark.parametrize(
    ("answer", "expected", "options", "passed"),
    [
        ("It is 42", 42, {}, True),
        ("6 * 7 = 42", 42, {}, True),
        ("6 * 7 = 42", 6, {"which": "first"}, True),
        ("6 * 7 = 42", 42, {"which": "only"}, False),
        ("42, yes 42.0", 42, {"which": "only"}, True),
        ("#### 42\n(of 50)", 42, {"after": "####", "which": "first"}, True),
        ("42", 42, {"after": "####"}, False),
        ("0.3", 0.1 + 0.2, {}, False),
        ("0.3", 0.3, {}, True),
        ("41.6", 42, {"tolerance": 0.5}, True),
        ("41.4", 42, {"tolerance": 0.5}, False),
        ("41.5", 42, {"tolerance": 0.5}, True),  # the edge counts
        ("101", 100, {"relative": 0.01}, True),
        ("-101", -100, {"relative": 0.01}, True),
        ("102", 100, {"relative": 0.01}, False),
        ("123456789013", 123456789012, {}, False),
        ("one third is 1/3", "1/3", {}, True),
        ("1,000", "1000", {}, True),
        ("1.000,5", "1000,5", {"decimal": "comma"}, True),
        ("1.234", 1.234, {"decimal": "comma"}, False),
        ("1.234", 1234, {"decimal": "comma"}, True),
        ("12 %", 12, {}, True),
        ("12 %", 0.12, {"percent": "fraction"}, True),
        ("0.12", "12%", {"percent": "fraction"}, True),
        ("1.5 km", 1500, {"units": {"m": 1, "km": 1000}}, True),
        ("1500", "1.5 km", {"units": {"m": 1, "km": 1000}}, True),
        ("1500", 1500, {"units": {"m": 1}, "unit_required": True}, False),
        ("1500 m in 3 ways", 1500, {"units": {"m": 1}, "unit_required": True}, True),
        ("5 kmh", 5000, {"units": {"km": 1000}}, False),
        ("$3", 300, {"units": {"$": 100}}, True),
        ("0.3 m", 30, {"units": {"m": 100, "cm": 1}}, True),
        ("7", ["6", "7"], {}, True),
        ("no idea", 42, {}, False),
        ("1e308 * 10 = 1e400", 1, {}, False),
        ("6", 6, {"accept": "accept"}, True),
    ],
)
def test_number_compares_within_tolerance_and_units(judge, answer, expected, options, passed):
    grade = judge("number", answer, expected=expected, fields={"accept": ["six"]}, **options)
    assert grade.passed is passed, grade.reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": -1}, "tolerance: -1"),
        ({"units": {"m": 0}}, "units: 'm': 0"),
        ({"unit_required": True}, "unit_required: needs units"),
        ({"which": "middle"}, "middle"),
    ],
)
def test_a_wrong_option_is_named(judge, options, message):
    with pytest.raises(ConfigError, match=message):
        judge("number", "1", expected=1, **options)


def test_an_expected_answer_without_a_number_measures_nothing(judge):
    with pytest.raises(ConfigError, match="expected answer 'many' is no number"):
        judge("number", "1", expected="many")


@pytest.mark.parametrize("piece", ["1", "1,", "1 ", "1/", ".", "-", "1e", "10^", "½", "1'", "1.0e5 x 10 "])
def test_long_answers_of_digits_and_signs_come_to_an_end(judge, piece):
    with patience():
        assert not judge("number", piece * (1_000_000 // len(piece)), expected=77).passed
