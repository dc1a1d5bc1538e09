"""Tests as a team has them; each is a task, and a parameter makes a task of its own."""

import pytest

from agent import answer


@pytest.mark.parametrize(
    ("message", "team"),
    [
        pytest.param("I was charged twice.", "billing", id="double charge"),
        pytest.param("My password, please.", "account", id="password"),
        pytest.param("The app crashes.", "technical", id="crash"),
    ],
)
def test_a_message_reaches_its_team(message, team):
    assert answer(message) == team


class TestMixed:
    def test_a_crash_with_an_invoice_is_technical(self):
        assert answer("The app crashes when I open my invoice.") in ("technical", "billing")
