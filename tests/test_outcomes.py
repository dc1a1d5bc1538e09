import pytest

from evalharness.comparison.pairing import pair
from evalharness.errors import ConfigError, NotComparable
from evalharness.model import TaskEntry
from evalharness.outcomes import LineUsage, TrialLine, table
from evalharness.running.planning import planned_trials
from tests.running import header, planned, tasks


def line(task_id, trial, outcome="pass", **more):
    return TrialLine(task_id=task_id, trial=trial, outcome=outcome, **more)


def outcomes(lines, *, number=3, trials=2, of=None):
    those = tasks(number) if of is None else of
    plan = planned_trials([planned(those, trials=trials)])
    return table("run", header(those, trials=trials), lines, plan)


def standing(found):
    return dict(
        zip(zip(found.trials["task_id"], found.trials["trial"], strict=True), found.trials["outcome"], strict=True)
    )


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        (["error", "pass"], "pass"),
        (["error", "error"], "error"),
        (["pass", "fail"], "fail"),
        (["fail", "pass"], "pass"),
        (["pass", "error"], "pass"),
        (["error", "fail", "error"], "fail"),
    ],
)
def test_the_last_measured_line_of_a_trial_stands(attempts, expected):
    found = outcomes([line("t0", 1, outcome, attempt=index + 1) for index, outcome in enumerate(attempts)])
    assert standing(found) == {("t0", 1): expected}
    assert found.trials["attempts"].tolist() == [len(attempts)]


def test_every_planned_task_has_a_row_measured_or_not():
    found = outcomes([line("t0", 1), line("t0", 2, "fail"), line("t1", 1, "error", cause="dns")])
    assert found.tasks.index.tolist() == ["t0", "t1", "t2"]
    assert found.tasks["passed"].tolist() == [1, 0, 0]
    assert found.tasks["measured"].tolist() == [2, 0, 0]
    assert found.tasks["planned"].tolist() == [2, 2, 2]


def test_what_is_missing_is_counted_by_cause():
    found = outcomes([line("t0", 1), line("t1", 1, "error", cause="dns"), line("t2", 1, "error")])
    assert found.causes == {"dns": 1, "unknown": 1, "not run": 3}


def test_a_run_without_records_is_a_table_without_trials():
    found = outcomes([])
    assert found.trials.empty
    assert found.tasks["planned"].tolist() == [2, 2, 2]


def test_extended_plans_add_up():
    plan = planned_trials([planned(tasks(2), trials=2), planned(tasks(1), first=3, trials=5)])
    assert plan == {"t0": 5, "t1": 2}


def test_what_a_trial_used_is_in_its_row():
    usage = LineUsage(input_tokens=3, output_tokens=4, cost_usd=0.5, seconds=1.5, model_calls=2)
    [row] = outcomes([line("t0", 1, usage=usage)]).trials.to_dict("records")
    assert (row["tokens"], row["cost_usd"], row["seconds"], row["model_calls"]) == (7, 0.5, 1.5, 2)


def test_what_nobody_said_is_unknown_and_not_zero():
    [row] = outcomes([line("t0", 1)]).trials.to_dict("records")
    assert row["tokens"] != row["tokens"]
    assert row["cost_usd"] != row["cost_usd"]


def test_runs_are_paired_by_task_in_the_order_of_the_baseline():
    ours, theirs = tasks(11), tasks(12)[1:]
    pairing = pair(outcomes([], of=ours), outcomes([], of=theirs))
    assert pairing.task_ids == [f"t{index}" for index in range(1, 11)]
    assert (pairing.left_out.removed, pairing.left_out.new) == (("t0",), ("t11",))


@pytest.mark.parametrize("digest", ["task", "graders", "limits"])
def test_a_task_that_changed_is_left_out(digest):
    of = tasks(10)
    before, after = outcomes([], of=of), outcomes([], of=of)
    after.header.tasks["t3"] = TaskEntry(**{"task": "t", "graders": "g", "limits": "l", digest: "other"})
    assert pair(before, after).left_out.changed == ("t3",)


def test_too_few_tasks_in_common_are_not_comparable():
    with pytest.raises(NotComparable, match="only 8 of 10 tasks"):
        pair(outcomes([], of=tasks(10)), outcomes([], of=tasks(10)[:8]))
    with pytest.raises(NotComparable, match="share no task"):
        pair(outcomes([], of=tasks(2)), outcomes([], of=tasks(4)[2:]))


def test_a_baseline_without_tasks_is_refused():
    with pytest.raises(ConfigError, match="has no tasks"):
        pair(outcomes([], of=()), outcomes([]))
