"""How far a grader can be trusted, over tables of trials."""

import numpy as np
import pytest

from evalharness.auditing.audit import audit
from evalharness.auditing.labels import read_labels
from evalharness.auditing.reference import Reference, from_labels, from_run, read_reference
from evalharness.errors import ConfigError, NotComparable
from evalharness.model.audit import DoubtKind
from evalharness.outcomes import GradedLine, SeenGrade
from evalharness.stats.estimate import pass_rate
from evalharness.stats.reliability import suite_pass_hat_k
from tests.tables import made


def run_of(tasks=40, *, trials=5, passing=4, **more):
    """A run whose tasks each pass `passing` of their trials, those first."""
    return made({f"t{index}": (passing, trials - passing, 0) for index in range(tasks)}, **more)


def reference(right):
    return Reference(place="labels", right=right)


def truth(run, *, wrong_of=("t0",)):
    """Say that every grade is right but those of these tasks' passes."""
    trials = run.trials
    return {
        (task_id, trial): outcome == "pass" and task_id not in wrong_of
        for task_id, trial, outcome in zip(trials["task_id"], trials["trial"], trials["outcome"], strict=True)
    }


def audited(run, right, **options):
    return audit(run, reference(right), rng=np.random.default_rng(1), **options)


def sampled(run, right, number, seed=3):
    picks = np.random.default_rng(seed).choice(len(right), number, replace=False)
    keys = list(right)
    return {keys[pick]: right[keys[pick]] for pick in picks}


def test_a_reference_of_all_answers_counts_the_errors_and_the_true_rates():
    run = run_of()
    found = audited(run, truth(run, wrong_of=("t0", "t1", "t2", "t3")))
    tally = found.errors.tally
    assert (tally.true_pass, tally.false_pass, tally.true_fail, tally.false_fail) == (144, 16, 40, 0)
    assert found.errors.precision.value == 0.9
    assert found.errors.false_pass_rate.value == pytest.approx(16 / 56)
    right = [0] * 4 + [4] * 36
    assert found.corrected == pass_rate(right, [5] * 40)
    assert next(each for each in found.tries if each.k == 3).corrected_hat == suite_pass_hat_k(right, [5] * 40, k=3)
    assert found.corrected_by_errors is None


def test_answers_of_one_task_do_not_make_the_interval_narrow():
    run = run_of(10)
    found = audited(run, truth(run)).errors.precision
    assert found.low < 0.6  # one task of ten is wrong; 40 independent answers would say 0.76


def test_trials_without_an_answer_are_no_grades():
    run = run_of(fields=lambda _, trial, outcome: {"cause": "limit:seconds"} if trial == 5 else {})
    found = audited(run, truth(run))
    assert (found.answers, found.unjudged) == (160, 40)
    assert found.errors.tally.true_fail == 0


def test_a_perfect_grader_is_never_certain():
    run = run_of(6, trials=1, passing=1)
    found = audited(run, truth(run, wrong_of=()))
    assert (found.errors.precision.value, found.errors.precision.high) == (1.0, 1.0)
    assert found.errors.precision.low < 0.6
    assert found.agreement.kappa.value is None
    assert found.errors.false_pass_rate.value is None


def test_random_labels_correct_the_pass_rate():
    run = run_of(200)
    wrong = {f"t{index}" for index in range(60)}
    found = audited(run, sampled(run, truth(run, wrong_of=wrong), 300))
    assert not found.complete
    for estimate in (found.corrected, found.corrected_by_errors):
        assert estimate.low < 0.56 < estimate.high
        assert estimate.high < found.pass_rate.low
    assert found.corrected.method == "PPI++ by task"


def test_one_answer_per_task_uses_the_plain_method():
    run = made({f"t{index}": (1, 0, 0) if index % 3 else (0, 1, 0) for index in range(300)})
    found = audited(run, sampled(run, truth(run, wrong_of={f"t{index}" for index in range(1, 90)}), 150))
    assert found.corrected.method == "PPI++"


@pytest.mark.parametrize(("right", "note"), [(True, "passes all"), (False, "fails all")])
def test_a_reference_of_one_kind_solves_nothing(right, note):
    run = run_of()
    labels = dict.fromkeys(list(sampled(run, truth(run), 50)), right)
    found = audited(run, labels)
    assert found.corrected_by_errors.value is None
    assert found.utility[0].best is None
    assert all(each.corrected_at.value is None for each in found.tries)
    assert any(note in each for each in found.notes)
    assert found.corrected.high - found.corrected.low > 0


def test_labels_picked_by_grade_correct_nothing():
    run = run_of()
    right = truth(run)
    passes = {key: right[key] for key in right if key[1] <= 4}
    found = audited(run, dict(list(passes.items())[:100]))
    assert found.corrected.value is None
    assert found.corrected_by_errors.value is None
    assert found.utility[0].best is None
    assert "no random draw" in found.notes[0]
    assert found.errors.precision.value is not None


def test_a_grader_no_better_than_chance_is_refused_with_the_reason():
    rng = np.random.default_rng(2)
    run = run_of(trials=10, passing=5)
    right = {key: bool(rng.random() < 0.5) for key in truth(run)}
    flipped = {key: not value if value == (key[1] <= 5) else value for key, value in right.items()}
    found = audited(run, sampled(run, flipped, 150))
    assert found.corrected_by_errors.value is None
    assert "no better than chance" in found.corrected_by_errors.note


def test_more_tries_pay_until_wrong_answers_cost_too_much():
    run = made({f"t{index}": (1, 4, 0) for index in range(60)})
    right = truth(run, wrong_of={f"t{index}" for index in range(20)})
    cheap, dear = audited(run, right, cost_ratios=(1, 4)).utility
    assert (cheap.best, dear.best) == (5, 0)
    assert cheap.rewards[0] == pytest.approx(0.2 * (40 - 20) / 60)
    assert "more may pay" in cheap.note


def test_tries_beyond_the_trials_are_undefined():
    run = run_of()
    found = audited(run, sampled(run, truth(run), 120), ks=[9]).tries[0]
    assert (found.corrected_at.value, found.graded_hat.value) == (None, None)


def test_the_list_names_false_passes_first_and_each_trial_once():
    digests = {"t1": "same"}
    run = run_of(6, fields=lambda task_id, *_: {"output_digest": digests.get(task_id)})
    right = truth(run) | {("t2", 5): True}
    found = audited(run, right, empty=[("t0", 1), ("t3", 2), ("t3", 5)]).doubts
    kinds = [each.kind for each in found]
    assert kinds == sorted(kinds, key=list(DoubtKind).index)
    assert [(each.task_id, each.trial) for each in found][:5] == [("t0", 1), ("t0", 2), ("t0", 3), ("t0", 4), ("t3", 2)]
    assert {each.trial for each in found if each.kind is DoubtKind.GRADER_FLAKE} == {1, 2, 3, 4, 5}
    assert found[-1].kind is DoubtKind.FALSE_FAIL
    assert len({(each.task_id, each.trial) for each in found}) == len(found)


def test_tasks_with_errors_are_counted():
    run = run_of(6)
    found = audited(run, truth(run) | {("t2", 5): True}).tasks_with_errors
    assert [(each.task_id, each.false_pass, each.false_fail) for each in found] == [("t0", 4, 0), ("t2", 0, 1)]


def test_models_are_told_apart():
    run = run_of(fields=lambda _, trial, __: {"model": f"m{trial % 2}"})
    found = audited(run, truth(run))
    assert set(found.by_model) == {"m0", "m1"}
    assert sum(each.tally.false_pass for each in found.by_model.values()) == 4


def test_a_single_grader_is_audited_by_its_own_grades():
    grades = [
        GradedLine(task_id=f"t{index}", trial=trial, outcome="fail", grades=(SeenGrade(grader="g", passed=trial < 3),))
        for index in range(10)
        for trial in range(1, 6)
    ]
    run = run_of(10, grades=grades)
    found = audited(run, truth(run, wrong_of=()), grader="g")
    assert (found.errors.tally.false_fail, found.errors.tally.true_pass) == (20, 20)
    with pytest.raises(ConfigError, match=r"no grader 'gg' \(did you mean 'g'\?\)"):
        audited(run, truth(run), grader="gg")


def test_a_reference_that_shares_nothing_is_not_comparable():
    run = run_of(4)
    with pytest.raises(NotComparable, match="share no answer"):
        audited(run, {("other", 1): True})
    with pytest.raises(NotComparable, match="share no trial"):
        from_run(made({"u": (1, 0, 0)}, name="b"), run)
    with pytest.raises(NotComparable, match="is the run itself"):
        from_run(run, run)


def test_a_run_of_other_answers_is_no_reference():
    run = run_of(4, fields=lambda task_id, trial, _: {"output_digest": f"{task_id}{trial}"})
    other = run_of(4, name="b", fields=lambda task_id, trial, _: {"output_digest": f"{task_id}{trial}x"})
    with pytest.raises(NotComparable, match="judges other answers"):
        from_run(other, run)


def test_a_second_run_of_the_same_answers_is_paired_by_task_and_trial():
    run, other = run_of(4), run_of(6, passing=3, name="b")
    found = from_run(other, run)
    assert len(found.right) == 20
    assert found.right["t0", 4] is False
    assert "taken on trust" in found.notes[0]


def test_the_majority_of_raters_decides_and_a_tie_is_no_label(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text(
        "task_id,trial,passed_ann,passed_bob,passed_eve,why\nt0,1,yes,no,1,x\nt0,2,true,false,,\nt1,1,,FAIL,,\n"
    )
    run = run_of(4)
    found = from_labels(str(file), read_labels(file, single=False), run)
    assert found.right == {("t0", 1): True, ("t1", 1): False}
    assert len(found.ratings) == 3
    assert "split" in found.notes[0]
    assert audit(run, found, rng=np.random.default_rng(1)).agreement.raters == 3


def test_odd_ids_are_just_ids(tmp_path):
    odd = 'a,"b"\n\u202e=1+1'
    run = made({odd: (1, 0, 0), "7": (1, 0, 0)})
    file = tmp_path / "labels.csv"
    file.write_text('task_id,trial,passed\n"a,""b""\n\u202e=1+1",1,true\n7,1.0,0\n', newline="")
    assert read_reference(str(file), run).right == {(odd, 1): True, ("7", 1): False}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("task_id,trial,passed\nt00,1,true\n", "no such trial in runs/a: task 't00' trial 1 (did you mean 't0'?)"),
        ("task_id,trial,passed\nt0,9,true\n", "no such trial in runs/a: task 't0' trial 9"),
        ("task_id,trial,passed\nt0,1,true\nt0,1,false\n", "is labelled already in"),
        ("task,trial,passed\nt0,1,true\n", "column 'task_id' is missing (the id of the task) (is it 'task')"),
        ("task_id,trial,pased\nt0,1,true\n", "(is it 'pased')"),
        ("task_id,trail,passed\nt0,1,true\n", "(is it 'trail')"),
        ("task_id,passed\nt0,true\n", "column 'trial' is missing"),
        ("task_id,trial,passed\nt0,1,maybe\n", "passed must be true or false (or empty, for no label), but is 'maybe'"),
        ("task_id,trial,passed\nt0,0,true\n", "trial must be a whole number from 1, but is '0'"),
        ("task_id,trial,passed\nt0,1,\n", "holds no label"),
        ("task_id,trial,passed\n", "holds no label"),
        ("task_id,trial,passed\nt0,1\n", "malformed CSV"),
        ("", "holds no label"),
    ],
)
def test_bad_labels_are_refused_with_their_place(tmp_path, content, says):
    file = tmp_path / "labels.csv"
    file.write_text(content)
    with pytest.raises(ConfigError) as refused:
        read_reference(str(file), run_of(4))
    assert says in str(refused.value)
    assert "labels.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "right"),
    [('{"task_id": "t0", "trial": 1, "passed": true}', True), ('{"task_id": "t0", "trial": "1", "passed": 0}', False)],
)
def test_json_lines_are_labels_too(tmp_path, line, right):
    file = tmp_path / "labels.jsonl"
    file.write_text(line + "\n")
    assert read_reference(str(file), run_of(4)).right == {("t0", 1): right}


def test_no_trial_column_is_needed_for_a_run_of_single_trials(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("task_id,passed\nt1,true\n")
    assert read_reference(str(file), made({"t1": (1, 0, 0), "t2": (0, 1, 0)})).right == {("t1", 1): True}


def test_one_label_shows_no_number_without_an_interval():
    run = run_of()
    found = audited(run, {("t1", 1): True})
    assert found.ceiling.value is None
    assert found.errors.precision.low < 0.05
