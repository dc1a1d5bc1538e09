import msgspec
import pytest

from evalharness.errors import ConfigError
from evalharness.model import Transcript
from evalharness.registry import build
from evalharness.suite import load_suite
from evalharness.tasksets.reasoning_gym import UNSTEADY, load
from evalharness.workspaces.local import LocalWorkspace

pytest.importorskip("reasoning_gym", reason="reasoning-gym is not installed")
NOWHERE = LocalWorkspace(folder="unused")


@pytest.fixture(scope="module")
def suite():
    return load_suite("reasoning-gym")


def graded(task, answer):
    return build("grader", task.graders[0]).grade(task, Transcript(final=answer), NOWHERE)


def test_every_puzzle_of_the_bundled_suite_takes_its_own_answer_and_no_other(suite):
    for task in suite.tasks:
        assert graded(task, f"Hm, <answer>17</answer> or so.\n<answer> {task.fields['reference']} </answer>").passed
        assert not graded(task, "<answer>no idea</answer>").passed, task.id
        assert not graded(task, "").passed, task.id


def test_an_answer_without_marks_counts_as_it_stands(suite):
    assert graded(suite.tasks[0], suite.tasks[0].fields["reference"]).passed


def test_the_same_seed_makes_the_same_puzzles_and_another_makes_others():
    again = [row["question"] for row in load(["chain_sum"], 4, 3)]
    assert again == [row["question"] for row in load(["chain_sum"], 4, 3)]
    assert again != [row["question"] for row in load(["chain_sum"], 4, 4)]


def test_a_dataset_takes_its_options():
    (row,) = load([{"name": "chain_sum", "min_terms": 9, "max_terms": 9}], 1, 0)
    assert row["puzzle"]["options"] == {"min_terms": 9, "max_terms": 9}
    assert row["question"].count("+") + row["question"].count(" - ") >= 8


def test_an_answer_that_the_scorer_cannot_read_is_a_fail(tmp_path):
    (row,) = load(["prime_factorization"], 1, 0)
    (tmp_path / "s.yaml").write_text(
        "tasks: {use: 'evalharness.tasksets.reasoning_gym:load', options: {datasets: [prime_factorization], size: 1}}\n"
        "prompt: '{{ question }}'\n"
        "graders: [{use: function, options: {call: 'evalharness.tasksets.reasoning_gym:grade'}}]\n"
    )
    (task,) = load_suite(tmp_path / "s.yaml").tasks
    assert graded(task, row["reference"]).passed
    assert graded(task, "no idea").score == 0
    assert graded(task, "no idea").reason.startswith("answered 'no idea'; right is ")


def test_a_puzzle_that_another_version_would_make_differently_measures_nothing(suite):
    task = suite.tasks[0]
    other = msgspec.structs.replace(task, fields={**task.fields, "question": "another"})
    with pytest.raises(ConfigError, match="another version"):
        graded(other, "1")


@pytest.mark.parametrize(
    ("datasets", "said"),
    [
        ([], "name at least one"),
        (["chain_sums"], "'chain_sums' cannot be made: .*; there are "),
        ([{"name": "chain_sum", "terms": 3}], "'chain_sum' cannot be made: .*terms"),
        ([min(UNSTEADY)], "not the same in every process"),
    ],
)
def test_what_cannot_be_made_is_named(datasets, said):
    with pytest.raises(ConfigError, match=said):
        load(datasets, 2, 0)
