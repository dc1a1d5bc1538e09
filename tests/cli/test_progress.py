import pytest

from evalharness.cli import progress
from evalharness.running.budget import Tally

WHY = "status:503 (the upstream is not there)"


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [1000.0]
    monkeypatch.setattr("evalharness.cli.progress.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def listener(clock):
    with progress.progress(9) as found:
        yield found


def told(listener, clock, capsys, *, outage, seconds):
    """Play seconds of progress, four times each, and return what was said at which of them."""
    said = []
    for quarter in range(seconds * 4):
        clock[0] += 0.25
        listener(Tally(owed=9, passed=3, outage=outage, started=1000.0))
        said += [((quarter + 1) / 4, line) for line in capsys.readouterr().err.splitlines()]
    return said


def test_an_outage_is_told_at_once_then_ever_more_rarely_and_once_when_it_is_over(listener, clock, capsys):
    """Used to: a line every few seconds, for hours."""
    said = told(listener, clock, capsys, outage=WHY, seconds=3600)
    assert [round(second) for second, _ in said] == [0, 10, 30, 70, 150, 310, 630, 1230, 1830, 2430, 3030]
    assert all(f"waiting for an outage to pass: {WHY}" in line for _, line in said)
    after = told(listener, clock, capsys, outage="", seconds=12)
    assert [round(second) for second, _ in after] == [0, 10]
    assert after[0][1].endswith("the outage is over after 60:00")
    assert "outage" not in after[1][1]


def test_without_an_outage_there_is_a_line_every_ten_seconds(listener, clock, capsys):
    assert len(told(listener, clock, capsys, outage="", seconds=60)) == 6


def test_two_arms_in_one_outage_tell_of_it_once(listener, clock, capsys):
    both = progress.together(listener)
    arms = [Tally(owed=9, outage=""), Tally(owed=9, outage=WHY)]
    for _ in range(40):
        clock[0] += 0.1
        for arm in arms:
            both(arm)
    assert len(capsys.readouterr().err.splitlines()) == 1
