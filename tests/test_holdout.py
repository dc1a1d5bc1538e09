import pytest

from evalharness.comparing import compare_several
from evalharness.comparison.holdout import read_holdout
from evalharness.errors import ConfigError
from tests.tables import made, policy

SUITE = {f"t{n}": (3, 0, 0) for n in range(4)}
ONCE = policy("no_worse", "holdout")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    return lambda name: made(SUITE, name=name)


def test_a_reading_is_recorded_and_a_second_one_is_refused(run):
    first = read_holdout(run("a"), run("b"), ONCE)
    assert (first.reading, first.budget) == (1, 1)
    with pytest.raises(ConfigError, match="have been read 1 of 1 times, last for run-b at 20"):
        read_holdout(run("a"), run("c"), ONCE)


def test_the_same_comparison_again_is_the_same_reading(run):
    assert [read_holdout(run("a"), run("b"), ONCE).reading for _ in range(3)] == [1, 1, 1]


def test_a_budget_of_two_allows_two_candidates(run):
    twice = policy({"use": "holdout", "options": {"budget": 2}})
    assert [read_holdout(run("a"), run(name), twice).reading for name in "bcb"] == [1, 2, 1]
    with pytest.raises(ConfigError, match="read 2 of 2 times"):
        read_holdout(run("a"), run("d"), twice)


def test_a_policy_without_held_out_tasks_reads_and_records_nothing(run, tmp_path):
    assert read_holdout(run("a"), run("b"), policy("no_worse")) is None
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_damaged_record_is_refused_by_name(run, tmp_path):
    read_holdout(run_a := run("a"), made(SUITE, name="b"), ONCE)
    record = tmp_path / "runs" / "holdout.jsonl"
    record.write_text(record.read_text() + "{torn")
    with pytest.raises(ConfigError, match=r"holdout\.jsonl is damaged"):
        read_holdout(run_a, made(SUITE, name="b"), ONCE)


def test_several_candidates_never_read_held_out_tasks_at_once(tmp_path):
    with pytest.raises(ConfigError, match=r"does not exist|one candidate at a time"):
        compare_several(tmp_path / "a", [tmp_path / "b", tmp_path / "c"], policy=ONCE)
