import msgspec
import pytest

from evalharness.compare import compare
from evalharness.errors import NotComparable
from evalharness.gate import PRESETS
from evalharness.model import Flip
from tests.factories import arms, outcomes

PR = PRESETS["pr"]
STEADY = {f"t{n}": (5, 0, 0) for n in range(40)}


def test_delta_is_candidate_minus_baseline_for_both_estimands():
    comparison = compare(*arms(STEADY, STEADY | {"t0": (0, 5, 0)}), PR)
    assert comparison.delta["suite"].value == pytest.approx(-1 / 40)
    assert comparison.delta["population"].value == pytest.approx(-1 / 40)
    assert comparison.delta["suite"].low < -1 / 40 < comparison.delta["suite"].high


def test_a_task_whose_majority_changed_sides_is_a_flip_beside_its_noise_floor():
    comparison = compare(*arms(STEADY | {"t1": (0, 5, 0)}, STEADY | {"t0": (0, 5, 0)}), PR)
    flips = {task.task_id: task.flip for task in comparison.tasks if task.flip}
    assert flips == {"t0": Flip.BROKEN, "t1": Flip.FIXED}
    assert (comparison.flips.broken, comparison.flips.fixed) == (1, 1)
    assert comparison.flips.expected_broken == pytest.approx(1.0)  # 5 of 10 each: the noise of a coin


def test_only_the_task_that_dropped_is_suspected():
    comparison = compare(*arms(STEADY, STEADY | {"t7": (0, 5, 0)}), PR)
    assert [task.task_id for task in comparison.suspected] == ["t7"]


def test_tasks_on_one_side_only_are_listed_and_left_out():
    before, after = arms(STEADY, {key: count for key, count in STEADY.items() if key != "t3"} | {"new": (5, 0, 0)})
    comparison = compare(before, after, PR)
    assert comparison.left_out.removed == ("t3",)
    assert comparison.left_out.new == ("new",)
    assert len(comparison.tasks) == 39


def test_a_task_that_asks_something_else_is_left_out():
    before, after = arms(STEADY, STEADY)
    changed = msgspec.structs.replace(after.header.tasks["t5"], graders="other")
    header = msgspec.structs.replace(after.header, tasks=after.header.tasks | {"t5": changed})
    after = type(after)(place=after.place, header=header, trials=after.trials, tasks=after.tasks)
    assert compare(before, after, PR).left_out.changed == ("t5",)


@pytest.mark.parametrize(("kept", "said"), [(35, "only 35 of 40 tasks can be compared"), (0, "share no task")])
def test_too_few_common_tasks_are_not_comparable(kept, said):
    candidate = dict(list(STEADY.items())[:kept]) or {"other": (5, 0, 0)}
    with pytest.raises(NotComparable, match=said):
        compare(*arms(STEADY, candidate), PR)


def test_a_few_missing_trials_stand_beside_the_result_and_do_not_decide():
    comparison = compare(*arms(STEADY, STEADY | {"t0": (4, 0, 1)}), PR)
    assert comparison.missing.decides == ""
    assert comparison.missing.candidate == pytest.approx(1 / 200)
    assert comparison.missing.worst_case.value < comparison.delta["suite"].value


def test_many_missing_trials_make_the_worst_case_decide():
    comparison = compare(*arms(STEADY, dict.fromkeys(STEADY, (4, 0, 1))), PR)
    assert "20.0% of the candidate's trials are missing" in comparison.missing.decides
    assert comparison.missing.worst_case.value == pytest.approx(-0.2)


def test_an_agent_that_errors_where_it_would_fail_gains_nothing():
    """Missing that goes with failing decides, although it is far below five percent."""
    hard = {f"h{n}": (0, 5, 0) for n in range(3)}
    comparison = compare(*arms(STEADY | hard, STEADY | dict.fromkeys(hard, (0, 4, 1))), PR)
    assert "missing goes with failing in the candidate" in comparison.missing.decides


def test_a_task_with_nothing_measured_counts_as_its_worst_case_but_is_no_suspect():
    comparison = compare(*arms(STEADY, STEADY | {"t0": (0, 0, 5)}), PR)
    assert comparison.delta["suite"].value == pytest.approx(-1 / 40)
    assert comparison.suspected == ()


def test_equal_fingerprints_and_seeds_are_warned_about():
    before = outcomes(STEADY, run_id="r1", place="runs/a")
    after = outcomes(STEADY, run_id="r2", place="runs/b")
    warnings = " ".join(compare(before, after, PR).warnings)
    assert "same agent fingerprint" in warnings
    assert "share the seed 1" in warnings


def test_comparing_a_run_with_itself_is_a_fault_of_the_data():
    run = outcomes(STEADY)
    assert "both arms are the same run (r)" in compare(run, run, PR).faults


def test_two_runs_with_nothing_measured_give_no_number_that_looks_like_one():
    nothing = dict.fromkeys(STEADY, (0, 0, 5))
    comparison = compare(*arms(nothing, nothing), PR)
    assert comparison.baseline.pass_rate.value is None
    assert comparison.missing.decides
