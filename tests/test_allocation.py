import json

import numpy as np
import pytest

from evalharness.compare import compare
from evalharness.errors import ConfigError
from evalharness.evidence import facts
from evalharness.gate import PRESETS, judge
from evalharness.outcomes import read
from evalharness.pages import run_page
from evalharness.report import console, markdown
from evalharness.running.allocation import by_history
from evalharness.running.planning import planned_trials
from evalharness.store import RunStore
from tests.factories import arms
from tests.running import evalh, write_agent, write_suite

FLAKY = """
import random

def answer(task, workspace, seed):
    flaky = int(task.id[1:]) % 4 == 0
    return "yes" if not flaky or random.Random(seed).random() < 0.5 else "no"
"""
TASKS, TRIALS = 16, 6


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_suite(tmp_path, TASKS)
    write_agent(tmp_path, FLAKY, isolation="none")
    ran(tmp_path, "before", "--seed", 1)
    return tmp_path


def ran(here, out, *more, code=0):
    done = evalh("run", "suite.yaml", "-a", "agent.yaml", "-k", TRIALS, "-o", out, *more, cwd=here)
    assert done.returncode == code, done.stderr
    return done


def test_trials_go_where_tasks_varied_and_every_task_keeps_two(here):
    ran(here, "after", "--allocate", "history=before")
    store = RunStore(here / "after")
    trials = planned_trials(store.planned())
    assert sum(trials.values()) == TASKS * TRIALS
    assert min(trials.values()) >= 2
    flaky = [task_id for task_id in trials if int(task_id[1:]) % 4 == 0]
    assert min(trials[each] for each in flaky) > max(n for each, n in trials.items() if each not in flaky)
    assert all(line.reason.startswith("history of 2") for line in store.planned())


def test_the_latest_run_of_the_suite_is_the_history_by_default(here):
    assert "name one with history=RUN" in ran(here, "none", "--allocate", "history", code=2).stderr
    (here / "before").rename(here / "runs-before")
    (here / "runs").mkdir()
    (here / "runs-before").rename(here / "runs" / "20260101T000000-aaaaaa")
    done = ran(here, "after", "--allocate", "history")
    assert "trials are allotted by the history of runs/20260101T000000-aaaaaa (" in done.stderr
    allocate = RunStore(here / "after").header.options["allocate"]
    assert allocate["history"] == "runs/20260101T000000-aaaaaa"
    said = facts(RunStore(here / "after").header)["trials per task"]
    assert "on average, by the history of runs/20260101T000000-aaaaaa (2" in said
    assert allocate["with_history"] == TASKS


def test_a_task_that_changed_has_no_history_and_counts_as_unknown(here):
    rows = [json.loads(line) for line in (here / "tasks.jsonl").read_text().splitlines()]
    rows[1]["text"] = "something else"  # it always passed, as what it was
    (here / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran(here, "after", "--allocate", "history=before")
    trials = planned_trials(RunStore(here / "after").planned())
    assert trials["t1"] > trials["t2"]


@pytest.mark.parametrize("asked", ["uniform", "history=nowhere", "history=line:none", "histories"])
def test_what_is_no_history_is_named(here, asked):
    assert asked.removeprefix("history=").removeprefix("line:") in ran(here, "x", "--allocate", asked, code=2).stderr


def test_a_budget_below_the_floor_and_a_history_of_other_tasks_are_refused(here):
    history = read(here / "before")
    entries = history.header.tasks
    with pytest.raises(ConfigError, match="--trials 2 or more"):
        by_history(list(entries), entries, history, trials=1)
    with pytest.raises(ConfigError, match="no trial of these tasks"):
        by_history(["new"], {"new": entries["t0"]}, history, trials=3)


def test_more_trials_of_an_uneven_run_bring_every_task_to_that_number(here):
    ran(here, "after", "--allocate", "history=before")
    before = planned_trials(RunStore(here / "after").planned())
    assert evalh("run", "after", "--trials", TRIALS, cwd=here).returncode == 0
    after = planned_trials(RunStore(here / "after").planned())
    assert after == {task_id: max(number, TRIALS) for task_id, number in before.items()}
    assert evalh("run", "after", "--trials", 1, cwd=here).returncode == 2


def test_a_dry_run_counts_the_same_trials(here):
    done = ran(here, "x", "--allocate", "history=before", "--dry-run", "--json")
    assert json.loads(done.stdout)["trials"] == TASKS * TRIALS


def test_shards_of_an_uneven_run_are_parts_of_one_plan(here):
    for number in (1, 2):
        ran(here, f"part-{number}", "--allocate", "history=before", "--seed", 5, "--shard", f"{number}/2")
    ran(here, "whole", "--allocate", "history=before", "--seed", 5)
    assert evalh("merge", "part-1", "part-2", "-o", "merged", cwd=here).returncode == 0
    assert RunStore(here / "merged").planned() == RunStore(here / "whole").planned()
    assert read(here / "merged").tasks.sort_index().equals(read(here / "whole").tasks.sort_index())


def test_every_report_says_that_trials_are_uneven(here):
    ran(here, "after", "--allocate", "history=before")
    before, after = read(here / "before"), read(here / "after")
    comparison = compare(before, after, PRESETS["pr"])
    verdict = judge(comparison, PRESETS["pr"])
    said = comparison.candidate.plan[0]
    assert "trials per task" in said
    assert f"{TASKS * TRIALS} in all" in said
    texts = [
        console.render(comparison, verdict, width=500),
        markdown.render(comparison, verdict),
        run_page(after),
        evalh("show", "after", cwd=here).stdout,
    ]
    assert all("every task counts the same" in " ".join(text.split()) for text in texts)


def test_every_task_weighs_the_same_however_many_trials_it_had():
    """By hand: changes of the four tasks are 0, -1, +0.2, -0.25; pooled over trials it would be another number."""
    before = {"a": (2, 0, 0), "b": (20, 0, 0), "c": (5, 5, 0), "d": (1, 3, 0)}
    after = {"a": (30, 0, 0), "b": (0, 2, 0), "c": (7, 3, 0), "d": (0, 2, 0)}
    comparison = compare(*arms(before, after), PRESETS["pr"])
    for delta in comparison.delta.values():
        assert delta.value == pytest.approx((0 - 1 + 0.2 - 0.25) / 4)
    assert comparison.candidate.pass_rate.value == pytest.approx((1 + 0 + 0.7 + 0) / 4)
    assert comparison.baseline.pass_rate.value == pytest.approx((1 + 1 + 0.5 + 0.25) / 4)


def test_uneven_trials_leave_the_change_unbiased_and_its_interval_honest():
    """The plan of the candidate follows what the baseline showed; nothing changed between them."""
    rng = np.random.default_rng(4)
    chances = rng.choice([1.0, 0.95, 0.6, 0.2], size=40)
    found = []
    for _ in range(60):
        passed = rng.binomial(5, chances)
        spread = np.sqrt((passed + 0.5) * (5.5 - passed))
        trials = 2 + np.floor(120 * spread / spread.sum()).astype(int)
        again = rng.binomial(trials, chances)
        before = {f"t{i}": (int(n), 5 - int(n), 0) for i, n in enumerate(passed)}
        after = {f"t{i}": (int(n), int(m - n), 0) for i, (n, m) in enumerate(zip(again, trials, strict=True))}
        found.append(compare(*arms(before, after), PRESETS["pr"]).delta["suite"])
    values = np.array([each.value for each in found])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values))
    assert np.mean([each.low <= 0 <= each.high for each in found]) > 0.8
