import numpy as np
import pytest

from evalharness.errors import ConfigError
from evalharness.graders import Untrusted
from evalharness.model import Grade

HERE = __name__


def long_enough(task, transcript, workspace, *, least=1):
    return len(transcript.final) >= least


def share(answer, expected):
    return answer.count("x") / expected


def own_grade(task, transcript, workspace):
    return Grade(grader="own", score=0.25, passed=True, reason=task.id)


def broken(task, transcript, workspace):
    raise KeyError("oops")


def returns(answer, expected):
    return expected


@pytest.mark.parametrize(
    ("options", "answer", "expected", "score", "passed"),
    [
        ({"call": "long_enough"}, "yes", None, 1.0, True),
        ({"call": "long_enough"}, "", None, 0.0, False),
        ({"call": "long_enough", "options": {"least": 5}}, "yes", None, 0.0, False),
        ({"call": "share", "takes": "answer"}, "xx", 4, 0.5, True),
        ({"call": "share", "takes": "answer"}, "x", 4, 0.25, False),
        ({"call": "share", "takes": "answer", "threshold": 0.2}, "x", 4, 0.25, True),
        ({"call": "own_grade"}, "", None, 0.25, True),
        ({"call": "returns", "takes": "answer"}, "", np.True_, 1.0, True),
        ({"call": "returns", "takes": "answer"}, "", np.float64(0.75), 0.75, True),
        ({"call": "returns", "takes": "answer"}, "", 1, 1.0, True),
    ],
)
def test_a_function_judges_by_truth_score_or_grade(judge, options, answer, expected, score, passed):
    grade = judge("function", answer, expected=expected, **{**options, "call": f"{HERE}:{options['call']}"})
    assert (grade.score, grade.passed) == (score, passed)


def runs(task, transcript, workspace):
    return workspace.run(["true"], timeout=20).exit_code == 0


def test_a_function_runs_nothing_on_this_machine_unless_told_by_name(judge, workspace):
    workspace.write("seen.txt", b"x")
    with pytest.raises(Untrusted, match="trust: local"):
        judge("function", "", call=f"{HERE}:runs")
    assert judge("function", "", call=f"{HERE}:runs", trust="local").passed


@pytest.mark.parametrize("value", [None, "yes", [], float("nan"), 1.5, -0.1, Grade(grader="x", score=2, passed=True)])
def test_anything_else_that_it_returns_measures_nothing(judge, value):
    with pytest.raises((TypeError, ValueError)):
        judge("function", "", expected=value, takes="answer", call=f"{HERE}:returns")


def test_an_exception_in_it_measures_nothing(judge):
    with pytest.raises(KeyError, match="oops"):
        judge("function", "", call=f"{HERE}:broken")


@pytest.mark.parametrize("call", ["nowhere:fn", f"{HERE}:nothing", HERE, f"{HERE}:HERE", ":", ""])
def test_a_name_that_leads_nowhere_is_refused_before_the_first_trial(judge, call):
    with pytest.raises(ConfigError, match="call: "):
        judge("function", "", call=call)


def test_the_module_may_lie_beside_the_suite(judge, tmp_path):
    (tmp_path / "own_checks_7.py").write_text(
        "def fine(answer, expected):\n    import own_words_7\n    return own_words_7.YES\n"
    )
    (tmp_path / "own_words_7.py").write_text("YES = 0.9\n")
    grade = judge("function", "", call="own_checks_7:fine", takes="answer", folder=str(tmp_path))
    assert grade.score == 0.9
