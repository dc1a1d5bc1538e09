import pytest

from evalharness.compare import compare
from evalharness.comparison.classes import task_class, with_confirmation
from evalharness.gate import PRESETS, judge
from evalharness.model import Counts, TaskClass
from evalharness.report.console import render
from tests.factories import arms

PR = PRESETS["pr"]


@pytest.mark.parametrize(
    ("base", "cand", "expected"),
    [
        ((5, 5), (5, 5), TaskClass.STABLE_PASS),  # ten of ten, where nothing suggests a change
        ((0, 5), (0, 5), TaskClass.STABLE_FAIL),
        ((4, 5), (4, 5), TaskClass.FLAKY),
        ((1, 1), (1, 1), TaskClass.UNDETERMINED),
        ((5, 5), (4, 5), TaskClass.FLAKE_ONSET),
        ((1, 1), (1, 2), TaskClass.FLAKY),  # once is not always
        ((5, 5), (0, 0), TaskClass.UNMEASURED),
        ((0, 0), (5, 5), TaskClass.UNMEASURED),
    ],
)
def test_an_unsuspected_task_is_classed_by_the_trials_of_both_arms(base, cand, expected):
    assert task_class(base, cand) is expected


def test_the_screen_names_tasks_in_both_directions():
    comparison = compare(*arms({"a": (5, 0, 0), "b": (0, 5, 0)}, {"a": (0, 5, 0), "b": (5, 0, 0)}), PR)
    states = {task.task_id: task.state for task in comparison.tasks}
    assert states == {"a": TaskClass.SUSPECTED_BROKEN, "b": TaskClass.SUSPECTED_FIXED}


def test_fresh_trials_settle_suspicions_and_change_no_other_number():
    before = {f"t{n}": (5, 0, 0) for n in range(20)}
    comparison = compare(*arms(before, before | {"t0": (0, 5, 0), "t1": (1, 4, 0), "t2": (2, 3, 0)}), PR)
    fresh = {
        "t0": (Counts(passed=10, measured=10, planned=10), Counts(passed=0, measured=10, planned=10)),
        "t1": (Counts(passed=10, measured=10, planned=10), Counts(passed=10, measured=10, planned=10)),
    }
    settled = with_confirmation(comparison, fresh, confirmed=["t0"], cleared=["t1"])
    states = {task.task_id: task.state for task in settled.tasks}
    assert (states["t0"], states["t1"]) == (TaskClass.CONFIRMED_BROKEN, TaskClass.CLEARED)
    assert [task.task_id for task in settled.suspected] == ["t2"]
    assert settled.tasks[0].fresh_candidate == fresh["t0"][1]
    assert settled.tasks[0].candidate == comparison.tasks[0].candidate
    assert (settled.delta, settled.flips) == (comparison.delta, comparison.flips)
    assert settled.rerun
    assert not comparison.rerun


def test_a_task_that_an_arm_never_measured_is_no_flip():
    """Used to: a task of which a budget left the baseline no trial was listed as fixed."""
    comparison = compare(*arms({"a": (5, 0, 0), "b": (0, 0, 5)}, {"a": (0, 0, 5), "b": (5, 0, 0)}), PR)
    assert [task.flip for task in comparison.tasks] == [None, None]


def test_every_task_that_a_class_calls_changed_is_named_on_a_terminal():
    base, cand = {"a": (5, 0, 0), "b": (0, 5, 0)}, {"a": (4, 1, 0), "b": (2, 3, 0)}
    comparison = compare(*arms(base, cand), PR)
    assert comparison.classes == {TaskClass.FLAKE_ONSET: 1, TaskClass.SUSPECTED_FIXED: 1}
    listed = render(comparison, judge(comparison, PR)).partition("tasks that changed")[2]
    assert "flake onset" in listed
    assert "suspected fixed" in listed


def test_every_task_of_both_arms_has_a_class():
    comparison = compare(*arms({f"t{n}": (5, 0, 0) for n in range(20)}, {f"t{n}": (5, 0, 0) for n in range(1, 21)}), PR)
    assert comparison.classes == {TaskClass.STABLE_PASS: 19, TaskClass.MISSING: 2}
