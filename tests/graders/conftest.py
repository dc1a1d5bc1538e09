"""What tests of graders share: judging one answer."""

import pytest

from evalharness.model import Extension, Message, Task, Transcript
from evalharness.registry import build
from evalharness.workspaces.local import LocalWorkspaces


@pytest.fixture
def workspace():
    with LocalWorkspaces().fresh() as fresh:
        yield fresh


@pytest.fixture
def judge(workspace):
    """Judge an answer, and the tool calls made, by a grader named as in a suite."""

    def run(use, answer, *, expected=None, made=None, fields=None, **options):
        task = Task(id="t1", prompt="What is asked?", expected=expected, fields=fields or {})
        messages = () if made is None else (Message(role="assistant", tool_calls=tuple(made)),)
        grader = build("grader", Extension(use=use, options=options))
        return grader.grade(task, Transcript(final=answer, messages=messages), workspace)

    return run
