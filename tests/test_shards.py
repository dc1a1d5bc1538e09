import pytest

from evalharness.errors import ConfigError
from evalharness.model import Planned, TaskEntry
from evalharness.running.planning import planned_trials
from evalharness.running.shards import Shard, part

ENTRIES = {f"t{n}": TaskEntry(task=f"digest {n}", graders="g", limits="l") for n in range(200)}
WHOLE = (Planned(task_ids=tuple(ENTRIES), first=1, last=3),)


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "01/3", "1 / 3"])
def test_a_shard_that_is_none_is_refused_with_the_way_out(text):
    with pytest.raises(ConfigError, match="I-th of N"):
        Shard.parse(text)


def test_a_shard_reads_as_it_is_written():
    assert str(Shard.parse("2/3")) == "2/3"


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_shards_hold_every_task_once(of):
    parts = [part(WHOLE, ENTRIES, Shard(of=of, number=number)) for number in range(1, of + 1)]
    held = [task_id for lines in parts for line in lines for task_id in line.task_ids]
    assert sorted(held) == sorted(ENTRIES)
    assert max(map(len, (lines[0].task_ids for lines in parts))) < 2 * 200 / of


def test_a_new_task_moves_no_other():
    more = {**ENTRIES, "new": TaskEntry(task="another", graders="g", limits="l")}
    shard = Shard(of=4, number=2)
    before = part(WHOLE, ENTRIES, shard)[0].task_ids
    after = part([Planned(task_ids=("new", *ENTRIES), first=1, last=3)], more, shard)[0].task_ids
    assert tuple(each for each in after if each != "new") == before


def test_a_shard_without_tasks_asks_for_nothing():
    [alone] = [Planned(task_ids=("t0",), first=1, last=2)]
    parts = [part([alone], ENTRIES, Shard(of=8, number=number)) for number in range(1, 9)]
    assert sum(sum(planned_trials(lines).values()) for lines in parts) == 2
    assert all(lines for lines in parts)
