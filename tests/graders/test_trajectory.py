import pytest

from evalharness.errors import ConfigError
from evalharness.model import ToolCall
from tests.counting import patience

SEARCH = {"tool": "search"}
ROME = {"tool": "search", "arguments": {"q": "Rome"}}
BOOK = {"tool": "book"}


def made(text):
    """Read `search:Rome book` as calls; what follows the colon is the argument q."""
    calls = [each.partition(":") for each in text.split()]
    return [ToolCall(name=name, arguments={"q": q, "limit": 5} if q else {}) for name, _, q in calls]


@pytest.mark.parametrize(
    ("calls", "options", "score", "passed"),
    [
        ("search book", {"calls": [SEARCH, BOOK]}, 1, True),
        ("book search", {"calls": [SEARCH, BOOK]}, 1, True),
        ("book look search", {"calls": [SEARCH, BOOK]}, 1, True),
        ("book", {"calls": [SEARCH, BOOK]}, 0.5, False),
        ("search", {"calls": [SEARCH, SEARCH]}, 0.5, False),
        ("search:Rome search:Oslo", {"calls": [SEARCH, ROME]}, 1, True),  # whoever is first served
        ("search:Oslo search:Rome", {"calls": [SEARCH, ROME]}, 1, True),
        ("search:Oslo search:Oslo", {"calls": [SEARCH, ROME]}, 0.5, False),
        ("search:Rome", {"calls": [{**ROME, "match": "equal"}]}, 0, False),
        ("search:Rome", {"calls": [{**ROME, "arguments": {"q": "Rome", "limit": 5.0}, "match": "equal"}]}, 1, True),
        ("search look book", {"calls": [SEARCH, BOOK], "order": "in_order"}, 1, True),
        ("book search", {"calls": [SEARCH, BOOK], "order": "in_order"}, 0.5, False),
        ("book search book", {"calls": [SEARCH, BOOK], "order": "in_order"}, 1, True),
        ("search book", {"calls": [SEARCH, BOOK], "order": "exact"}, 1, True),
        ("search look book", {"calls": [SEARCH, BOOK], "order": "exact"}, 1 / 3, False),
        ("search book look", {"calls": [SEARCH, BOOK], "order": "exact"}, 2 / 3, False),
        ("search", {"calls": [SEARCH, BOOK], "order": "exact"}, 0.5, False),
        ("", {"order": "exact"}, 1, True),
        ("search", {"order": "exact"}, 0, False),
        ("search delete", {"forbidden": ["delete"]}, 0, False),
        ("search", {"forbidden": ["delete"]}, 1, True),
        ("search delete", {"calls": [SEARCH], "forbidden": ["delete"]}, 0, False),
        ("search search", {"max_calls": 2}, 1, True),
        ("search search search", {"max_calls": 2}, 0, False),
        ("search", {"max_steps": 0}, 0, False),
        ("search", {"max_steps": 1}, 1, True),
    ],
)
def test_the_way_is_judged_by_its_calls(judge, calls, options, score, passed):
    grade = judge("trajectory", "done", made=made(calls), **options)
    assert (grade.score, grade.passed) == (pytest.approx(score), passed)
    assert bool(grade.reason) is not passed


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [('{"q": "Rome"}', True), ("{broken", False), ("[" * 100_000, False), (None, False), (7, False), (["q"], False)],
)
def test_arguments_may_be_text_or_nonsense(judge, arguments, passed):
    calls = [ToolCall(name="search", arguments=arguments)]
    assert judge("trajectory", "done", made=calls, calls=[ROME]).passed is passed


def test_an_agent_that_reports_no_messages_fails(judge):
    grade = judge("trajectory", "done", forbidden=["delete"])
    assert not grade.passed
    assert "reports no messages" in grade.reason


def test_what_is_missing_is_named_among_what_was_made(judge):
    grade = judge("trajectory", "done", made=made("book \u202edelete"), calls=[ROME])
    assert grade.reason == """call search({"q": "Rome"}) is missing among book, \\u202edelete"""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "calls: is missing"),
        ({"calls": [BOOK], "forbidden": ["book"]}, "forbidden: 'book' is among the calls too"),
        ({"max_calls": -1}, "max_calls: -1"),
        ({"calls": [{"tol": "book"}]}, "tol"),
        ({"forbidden": ["x"], "order": "any_order"}, "any_order"),
    ],
)
def test_a_wrong_option_is_named(judge, options, message):
    with pytest.raises(ConfigError, match=message):
        judge("trajectory", "done", made=[], **options)


def test_thousands_of_calls_are_judged(judge):
    calls = made("search " * 20_000)
    with patience():
        assert not judge("trajectory", "done", made=calls, calls=[SEARCH, BOOK] * 3, order="in_order").passed
