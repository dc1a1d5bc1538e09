import pytest

from evalharness.compare import compare
from evalharness.comparison import faults
from evalharness.gate import PRESETS, judge
from evalharness.model import Allowance, Decision
from tests.tables import made

PR = PRESETS["pr"]
STEADY = {f"t{n}": (5, 0, 0) for n in range(20)}


def timed(copied: int = 0, of: int = 0, shift: float = 0.0):
    """Every trial takes its own time, but trial `copied` takes that of trial `of`."""

    def fields(task_id, trial, outcome):
        number = of if trial == copied else trial
        return {"seconds": hash_of(task_id) + number / 10 + shift}

    return fields


def hash_of(task_id: str) -> float:
    return sum(map(ord, task_id)) / 7


def test_a_trial_that_copies_another_to_the_byte_is_left_out_and_named():
    run = made(STEADY, fields=timed(copied=5, of=2))
    (found,) = faults.find(run)
    assert (found.kind, found.trials) == ("copies", (5,))
    assert "trial 5 of runs/a is a copy of trial 2" in found.said
    kept = faults.without(run, [found])
    assert kept.tasks["planned"].tolist() == kept.tasks["passed"].tolist() == [4] * 20
    assert len(kept.trials) == 80


def test_equal_outcomes_alone_are_no_copy():
    assert faults.find(made(STEADY)) == []
    assert faults.find(made(STEADY, fields=lambda *_: {"seconds": 1.0, "output_digest": "same"})) == []
    assert faults.find(made(STEADY, fields=timed())) == []


def test_a_trial_that_crashed_throughout_is_left_out_and_named():
    def crashed(task_id, trial, outcome):
        return {"cause": "exit:1"} if trial == 5 and outcome == "fail" else {}

    run = made(dict.fromkeys(STEADY, (4, 1, 0)), fields=crashed)
    (found,) = faults.find(run)
    assert "trial 5 of runs/a crashed: 20 of 20 ended with exit:1, 0 of 80 in the other trials" in found.said
    assert faults.without(run, [found]).tasks["passed"].sum() == 80


def test_an_agent_that_fails_for_one_cause_in_every_trial_is_no_crash():
    run = made(dict.fromkeys(STEADY, (0, 5, 0)), fields=lambda *_: {"cause": "exit:1"})
    assert faults.find(run) == []


def test_a_copied_arm_is_a_fault_that_keeps_a_promotion_back_until_it_is_accepted():
    before, after = made(STEADY, fields=timed()), made(STEADY, name="b", fields=timed())
    comparison = compare(before, after, PR)
    assert "runs/b looks like a copy of runs/a" in comparison.faults[0]
    verdict = judge(comparison, PR)
    assert (verdict.decision, verdict.checks[-1].rule) == (Decision.INCONCLUSIVE, "data")
    allowed = compare(before, after, PR, allowances=[Allowance(kind="copies", reason="a rehearsal")])
    assert judge(allowed, PR).decision is Decision.PROMOTE
    assert any("copy" in said for said in allowed.warnings)


@pytest.mark.parametrize("other", [timed(shift=0.001), timed(copied=1, of=2)])
def test_arms_that_differ_anywhere_are_no_copies(other):
    assert faults.between(made(STEADY, fields=timed()), made(STEADY, name="b", fields=other)) == []


def test_copies_without_times_are_seen_where_outputs_vary():
    def written(task_id, trial, outcome):
        return {"output_digest": f"{task_id} {trial}"}

    assert faults.between(made(STEADY, fields=written), made(STEADY, name="b", fields=written))
