"""What tests of agents share: a task, and a workspace."""

import pytest

from evalharness.model import Limits, Task
from evalharness.workspaces.local import LocalWorkspaces


@pytest.fixture
def workspace():
    with LocalWorkspaces().fresh() as fresh:
        yield fresh


@pytest.fixture
def task():
    """Make the task that most tests give to their agent."""

    def make(prompt="What is the capital of Italy?", *, seconds=20.0, **options):
        fields = {"text": prompt, "label": "Rome", "topic": "cities"}
        return Task(
            id="italy", prompt=prompt, fields=fields, expected="Rome", limits=Limits(seconds=seconds), **options
        )

    return make
