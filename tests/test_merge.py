import json
import os
import shutil
import signal
import time

import pytest

from evalharness.errors import ConfigError, NotComparable
from evalharness.journal import locked
from evalharness.merge import merge
from evalharness.outcomes import read
from evalharness.store import RunStore
from tests.running import PATIENCE, environment, evalh, lines, start, write_agent, write_suite

ANSWER = """
import random

def answer(task, workspace, seed):
    workspace.write("note.txt", task.id.encode())
    return random.Random(seed).choice(["yes", "no"])
"""
TASKS, TRIALS, SEED = 20, 3, 11


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_suite(tmp_path, TASKS, more='artifacts: ["*.txt"]\n')
    write_agent(tmp_path, ANSWER, isolation="none")
    return tmp_path


def ran(here, out, *more, seed=SEED):
    words = ("run", "suite.yaml", "-a", "agent.yaml", "-k", TRIALS, "--seed", seed, "-o", out, *more)
    done = evalh(*words, cwd=here)
    assert done.returncode == 0, done.stderr
    return here / out


@pytest.fixture
def shards(here):
    return [ran(here, f"shard-{number}", "--shard", f"{number}/3") for number in (1, 2, 3)]


def standing(run):
    return {
        (each["task_id"], each["trial"], each["outcome"], each["seed"], each["output_digest"])
        for each in map(json.loads, lines(run))
    }


def test_merged_shards_are_the_run_that_was_never_cut(here, shards):
    merged = merge(shards, here / "merged")
    whole = ran(here, "whole")
    assert standing(merged.store.path) == standing(whole)
    assert merged.store.planned() == RunStore(whole).planned()
    assert merged.owed == 0
    assert read(here / "merged").tasks.sort_index().equals(read(whole).tasks.sort_index())


def test_every_trial_keeps_its_transcript_and_its_files(here, shards):
    store = merge(shards, here / "merged").store
    for record in store.records():
        assert store.transcript(record).final in ("yes", "no")
        assert store.kept(record.key) == {"note.txt": record.task_id.encode()}


def test_the_parts_stay_as_they_are_and_are_remembered(here, shards):
    before = [(run / "trials.jsonl").read_bytes() for run in shards]
    merged = merge(shards, here / "merged").store.header.options["merged"]
    assert [(run / "trials.jsonl").read_bytes() for run in shards] == before
    assert [each["run_id"] for each in merged["parts"]] == [RunStore(run).header.run_id for run in shards]
    assert merged["missing"] == []


def test_a_missing_shard_is_named_and_refused(here, shards):
    with pytest.raises(ConfigError, match=r"2/3.*--allow-missing"):
        merge([shards[0], shards[2]], here / "merged")
    assert not (here / "merged").exists()


def test_a_missing_shard_that_is_allowed_is_owed_and_can_be_run(here, shards):
    merged = merge([shards[0], shards[2]], here / "merged", allow_missing=True)
    assert merged.missing == ("2/3",)
    assert merged.owed == len(lines(shards[1]))
    assert read(here / "merged").causes == {"not run": merged.owed}
    assert evalh("run", "merged", cwd=here).returncode == 0
    assert standing(here / "merged") == standing(ran(here, "whole"))


def test_the_same_shard_twice_is_an_overlap(here, shards):
    shutil.copytree(shards[0], here / "copy")
    with pytest.raises(ConfigError, match=r"copy and .*shard-1 overlap: both hold trials of t\d+"):
        merge([*shards, here / "copy"], here / "merged")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 12}, r"seed \(12, not 11\)"),
        ({"trials": 5}, r"trials \(5, not 3\)"),
        ({"agent": {"fingerprint": "other"}}, "agent fingerprint"),
        ({"suite": {"digest": "other"}}, "suite digest"),
        ({"origin": {"harness": "0.0.1"}}, "harness version"),
        ({"options": {"importer": "auto"}}, "option importer"),
        ({"options": {"cache": "elsewhere"}}, "answers from a cache"),
        ({"resources": {"cpus": 2.0}}, "resource limits"),
        ({"prices": {"m": {"input": 1.0}}}, "prices"),
        ({"role": "confirm"}, "role"),
    ],
)
def test_another_plan_is_refused_and_what_differs_is_named(here, shards, change, named):
    file = shards[1] / "run.json"
    header = json.loads(file.read_bytes())
    for name, value in change.items():
        header[name] = (header.get(name) or {}) | value if isinstance(value, dict) else value
    file.write_text(json.dumps(header))
    with pytest.raises(NotComparable, match=f"shard-2 is of another plan than .*shard-1: .*{named}"):
        merge(shards, here / "merged")


def test_tasks_that_changed_between_shards_are_named(here, shards):
    (here / "tasks.jsonl").write_text((here / "tasks.jsonl").read_text().replace("question 4", "another question"))
    shutil.rmtree(shards[2])
    with pytest.raises(NotComparable, match=r"\(tasks t4\)"):
        merge([*shards[:2], ran(here, "again", "--shard", "3/3")], here / "merged")


def test_whole_runs_and_other_cuts_are_no_shards_of_this_run(here, shards):
    with pytest.raises(NotComparable, match="plan"):
        merge([*shards, ran(here, "whole")], here / "merged")
    with pytest.raises(NotComparable, match="cut in different ways"):
        merge([shards[0], ran(here, "half", "--shard", "2/2")], here / "merged")


def test_shards_that_were_all_extended_merge_and_others_are_refused(here, shards):
    assert evalh("run", "shard-1", "--trials", 5, cwd=here).returncode == 0
    with pytest.raises(NotComparable, match="extended to different numbers"):
        merge(shards, here / "merged")
    for name in ("shard-2", "shard-3"):
        assert evalh("run", name, "--trials", 5, cwd=here).returncode == 0
    assert merge(shards, here / "merged").trials == TASKS * 5


def test_runs_of_different_tasks_merge_without_being_shards(here):
    parts = [ran(here, f"part-{name}", "--task", name) for name in ("t3", "t1")]
    merged = merge(parts, here / "merged")
    assert (merged.trials, merged.owed) == (2 * TRIALS, 0)


def test_an_empty_shard_says_so_and_merges(here):
    runs = [f"one-{number}" for number in range(1, 6)]
    done = [
        evalh(
            *("run", "suite.yaml", "-a", "agent.yaml", "--seed", 1, "--limit", 1, "-o", out),
            *("--shard", f"{number}/5"),
            cwd=here,
        )
        for number, out in enumerate(runs, 1)
    ]
    assert [each.returncode for each in done] == [0] * 5
    assert sum("holds none of these tasks" in each.stderr for each in done) == 4
    assert merge([here / run for run in runs], here / "merged").trials == 1


def test_a_run_that_is_being_written_is_not_merged(here, shards):
    with RunStore(shards[0]).writer(), pytest.raises(ConfigError, match="shard-1 is being written"):
        merge(shards, here / "merged")


def test_a_target_that_holds_something_is_refused(here, shards):
    with pytest.raises(ConfigError, match="not empty"):
        merge(shards, shards[0])


def test_a_lost_transcript_is_named_and_leaves_nothing(here, shards):
    [segment] = (shards[1] / "transcripts").iterdir()
    segment.write_bytes(segment.read_bytes()[:-5])
    with pytest.raises(ConfigError, match=r"shard-2: task .* lost the end of its transcript"):
        merge(shards, here / "merged")
    segment.unlink()
    with pytest.raises(ConfigError, match="lost its transcript"):
        merge(shards, here / "merged")
    assert not [each for each in here.iterdir() if "merg" in each.name]


def test_a_trial_that_was_never_planned_is_damage(here, shards):
    with (shards[0] / "trials.jsonl").open("a") as file:
        file.write('{"task_id": "t0", "trial": 99, "outcome": "pass"}\n')
    with pytest.raises(ConfigError, match="never planned"):
        merge(shards, here / "merged")


def test_a_link_among_artifacts_brings_nothing_of_this_machine(here, shards):
    (here / "private").write_text("private")
    folder = next((shards[0] / "artifacts").iterdir())
    (folder / "link.txt").symlink_to(here / "private")
    merged = merge(shards, here / "merged").store.path
    assert not [file for file in merged.rglob("*") if file.is_file() and file.read_bytes() == b"private"]


def test_a_killed_merge_leaves_no_run_and_the_next_one_succeeds(here, shards):
    for run in shards:  # enough to be killed in the middle
        content = (run / "trials.jsonl").read_bytes()
        (run / "trials.jsonl").write_bytes(content * 150)
    process = start("merge", *shards, "--out", "merged", cwd=here, env=environment())
    until = time.monotonic() + PATIENCE
    while not (here / ".merged.merging" / "trials.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (here / "merged").exists()
    assert merge(shards, here / "merged").owed == 0
    assert not (here / ".merged.merging").exists()


def test_the_command_says_what_it_did_and_what_is_owed(here, shards):
    done = evalh("merge", *shards, "-o", "all", cwd=here)
    assert done.stdout == "all: 3 parts, 60 trials planned\n"
    partly = evalh("merge", shards[1], "-o", "part", "--allow-missing", "--json", cwd=here)
    found = json.loads(partly.stdout)
    assert found["missing"] == ["1/3", "3/3"]
    assert found["owed"] == 60 - len(lines(shards[1]))
    assert evalh("merge", shards[1], "-o", "other", cwd=here).returncode == 2
    shown = evalh("show", "part", cwd=here).stdout
    assert "not complete" in shown
    assert "without shard 1/3, 3/3" in " ".join(shown.split())


def test_a_shard_without_a_seed_is_refused(here):
    done = evalh("run", "suite.yaml", "-a", "agent.yaml", "--shard", "1/3", cwd=here)
    assert (done.returncode, "--seed" in done.stderr) == (2, True)
    assert evalh("run", "suite.yaml", "-a", "agent.yaml", "--shard", "4/3", "--seed", 1, cwd=here).returncode == 2


def test_a_task_named_to_fool_a_terminal_stays_text_in_a_refusal(here):
    row = {"id": "t\x1b]0;owned\x07\x1b[2K", "text": "question", "label": "yes"}
    (here / "tasks.jsonl").write_text(json.dumps(row) + "\n")
    ran(here, "one", "--shard", "1/1")
    done = evalh("merge", "one", "one", "-o", "merged", cwd=here)
    assert done.returncode == 2
    assert "overlap" in done.stderr
    assert "\x1b" not in done.stderr
    assert merge([here / "one"], here / "merged").owed == 0


def test_two_merges_to_one_target_do_not_meet(here, shards):
    lock = locked(here / ".merged.merging.lock")
    with pytest.raises(ConfigError, match="being merged by another"):
        merge(shards, here / "merged")
    os.close(lock)
    assert merge(shards, here / "merged").owed == 0
    assert not [each for each in here.iterdir() if "merging" in each.name]
