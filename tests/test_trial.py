import time

import msgspec
import pytest

from evalharness.errors import AgentFault, Unmeasured
from evalharness.model import Grade, GraderUse, Limits, Message, Outcome, ToolCall, Transcript, Usage
from evalharness.text import as_json
from tests.running import Run, tasks


def only(tmp_path, act, **task):
    """Carry out one trial of one task, and return its record."""
    [one] = tasks(1)
    run = Run(tmp_path / "run", act, of=(msgspec.structs.replace(one, **task),))
    run.carry_out(attempts=1)
    [record] = run.records()
    return record


def raising(exc):
    def act(_task, _number):
        raise exc

    return act


def answering(**fields):
    return lambda _task, _number: Transcript(**{"final": "yes", **fields})


class Unreadable(Exception):
    def __str__(self):
        raise RuntimeError("no message")


@pytest.mark.parametrize(
    ("exc", "outcome", "cause"),
    [
        (ValueError("x"), "fail", "exception:ValueError"),
        (SystemExit(1), "fail", "exception:SystemExit"),
        (MemoryError(), "fail", "exception:MemoryError"),
        (RecursionError(), "fail", "exception:RecursionError"),
        (Unreadable(), "fail", "exception:Unreadable"),
        (AgentFault("exit:1", "x"), "fail", "exit:1"),
        (Unmeasured("status:429"), "error", "status:429"),
        (Unmeasured(429), "error", "429"),
        (KeyboardInterrupt(), "error", "interrupted"),
        (ConnectionResetError(), "error", "connection"),
    ],
)
def test_whatever_an_agent_raises_is_one_record(tmp_path, exc, outcome, cause):
    record = only(tmp_path, raising(exc))
    assert (record.outcome, record.cause) == (outcome, cause)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        42,
        b"yes",
        {"final": "yes"},
        Transcript(final=None),
        Transcript(final="yes", messages=("hello",)),
        Transcript(final="yes", usage=Usage(cost_usd="free")),
    ],
)
def test_an_answer_that_is_no_transcript_is_the_agents_fail(tmp_path, answer):
    """Used to: it ended the run with a traceback, or in a host ran for ever."""
    record = only(tmp_path, lambda *_: answer)
    if isinstance(answer, dict):  # what a file would hold of it is a transcript
        assert record.outcome is Outcome.PASS
    else:
        assert (record.outcome, record.cause) == (Outcome.FAIL, "answer:type")


def test_arguments_of_any_type_are_kept_as_text(tmp_path):
    call = ToolCall(name="f", arguments={"when": object, "deep": [{1, 2}]})
    record = only(tmp_path, answering(messages=(Message(role="assistant", tool_calls=(call,)),)))
    assert record.outcome is Outcome.PASS


def test_arguments_without_end_are_the_agents_fail(tmp_path):
    endless: list[object] = []
    endless.append(endless)
    call = ToolCall(name="f", arguments=endless)
    record = only(tmp_path, answering(messages=(Message(role="assistant", tool_calls=(call,)),)))
    assert (record.outcome, record.cause) == (Outcome.FAIL, "answer:type")


def test_numbers_that_are_none_are_unknown(tmp_path):
    usage = Usage(cost_usd=float("nan"), working_seconds=float("inf"), input_tokens=3)
    record = only(tmp_path, answering(usage=usage))
    assert (record.usage.cost_usd, record.usage.input_tokens) == (None, 3)


@pytest.mark.parametrize("text", ["\u2028\u2029 line", "nul \0", "lone \ud800 surrogate", "\r\n\x1b[31m", "\ufeff😀"])
def test_any_text_comes_back_from_disk(tmp_path, text):
    [one] = tasks(1)
    run = Run(tmp_path / "run", answering(final=text), of=(one,))
    run.carry_out()
    [record] = run.records()
    kept = run.store.transcript(record)
    assert kept is not None
    assert kept.final == text.replace("\ud800", "?")
    assert record.outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("usage", "limits", "cause"),
    [
        (Usage(cost_usd=0.2), Limits(cost_usd=0.1), "limit:cost_usd"),
        (Usage(input_tokens=6, output_tokens=6), Limits(tokens=10), "limit:tokens"),
        (Usage(cost_usd=0.1, input_tokens=10), Limits(cost_usd=0.1, tokens=10), None),
        (Usage(), Limits(cost_usd=0.1, tokens=10), None),
    ],
)
def test_a_right_answer_over_a_limit_fails(tmp_path, usage, limits, cause):
    record = only(tmp_path, answering(usage=usage), limits=limits)
    assert record.cause == cause
    assert record.outcome is (Outcome.FAIL if cause else Outcome.PASS)


def grader(name):
    return {"graders": (GraderUse(use=f"{__name__}:{name}"),)}


class Gives:
    """A grader that returns what its class says."""

    grade_: object = None

    def grade(self, task, transcript, workspace):
        if isinstance(self.grade_, Exception):
            raise self.grade_
        return self.grade_


def giving(value):
    return type("Giving", (Gives,), {"grade_": value})


Nothing = giving(None)
Crash = giving(ZeroDivisionError("x"))
NotANumber = giving(Grade(grader="g", score=float("nan"), passed=True))
TooMuch = giving(Grade(grader="g", score=1.5, passed=True))
Odd = giving(Grade(grader="g", score=1.0, passed=True, reason=object()))
Busy = giving(Unmeasured("status:429", retry_after=0.0))


@pytest.mark.parametrize("name", ["Nothing", "Crash", "NotANumber", "TooMuch"])
def test_a_broken_grader_measured_nothing(tmp_path, name):
    """Used to: no grade at all, or NaN, was taken for a fault of the harness or for a score."""
    record = only(tmp_path, lambda *_: "yes", **grader(name))
    assert (record.outcome, record.cause) == (Outcome.ERROR, f"grader:{__name__}:{name}")


def test_a_grade_with_an_odd_reason_is_kept(tmp_path):
    assert only(tmp_path, lambda *_: "yes", **grader("Odd")).grades[0].reason.startswith("<object")


def test_a_judge_that_is_out_of_reach_is_an_error_and_keeps_the_answer(tmp_path):
    record = only(tmp_path, lambda *_: "yes", **grader("Busy"))
    assert (record.outcome, record.cause) == (Outcome.ERROR, "status:429")
    assert record.transcript is not None


def test_several_graders_all_must_pass_and_scores_are_weighted(tmp_path):
    graders = (
        GraderUse(use="exact_match", weight=3.0),
        GraderUse(use="contains", options={"value": "nowhere"}, weight=1.0, name="second"),
    )
    record = only(tmp_path, lambda *_: "yes", graders=graders)
    assert (record.outcome, record.score) == (Outcome.FAIL, 0.75)
    assert [grade.grader for grade in record.grades] == ["exact_match", "second"]


def test_seconds_are_the_agents_and_not_the_graders(tmp_path):
    """Used to: the time of graders counted as the agent's."""
    started = time.monotonic()
    record = only(tmp_path, lambda *_: "yes", **grader("Slow"))
    assert record.usage.seconds is not None
    assert record.usage.seconds <= time.monotonic() - started - 0.3


class Slow(Gives):
    def grade(self, task, transcript, workspace):
        time.sleep(0.3)
        return Grade(grader="slow", score=1.0, passed=True)


def test_artifacts_of_the_last_attempt_are_kept(tmp_path):
    """Used to: a folder where an earlier attempt had left a file ended the run as if the disk had failed."""

    def act(task, number):
        return "yes"

    run = Run(tmp_path / "run", act, of=tasks(1), artifacts=("**/*",))
    made = iter(["a", "a/b"])

    def work(task, workspace, *, seed):
        workspace.write(next(made), b"content")
        if run.agent.calls["t0"] == 0:
            run.agent.calls["t0"] += 1
            raise Unmeasured("status:503")
        return Transcript(final="yes")

    run.agent.run = work
    run.carry_out()
    assert run.store.kept(run.records()[-1].key) == {"a/b": b"content"}


def test_files_of_a_task_are_in_its_workspace(tmp_path):
    (tmp_path / "notes.txt").write_text("yes")
    [one] = tasks(1)
    run = Run(
        tmp_path / "run",
        None,
        of=(msgspec.structs.replace(one, files={"notes.txt": str(tmp_path / "notes.txt")}),),
    )
    run.agent.run = lambda _task, workspace, *, seed: Transcript(final=workspace.read("notes.txt").decode())
    run.carry_out()
    assert run.records()[0].outcome is Outcome.PASS


def test_a_file_that_is_gone_measured_nothing(tmp_path):
    record = only(tmp_path, lambda *_: "yes", files={"a": str(tmp_path / "gone")})
    assert (record.outcome, record.cause) == (Outcome.ERROR, "harness")


def test_a_setting_that_is_wrong_measured_nothing_and_is_not_tried_again(tmp_path):
    (tmp_path / "there").touch()
    [one] = tasks(1)
    run = Run(
        tmp_path / "run",
        lambda *_: "yes",
        of=(msgspec.structs.replace(one, files={"../outside": str(tmp_path / "there")}),),
    )
    run.carry_out()
    [record] = run.records()
    assert (record.outcome, record.cause) == (Outcome.ERROR, "config")


def test_json_of_surrogates_deep_inside_is_well_formed():
    assert b"?" in as_json({"a": [{"b\udc00": "\ud800"}]})
