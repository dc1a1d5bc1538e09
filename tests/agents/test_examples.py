"""The agents that readers copy work as they stand."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from evalharness.agents import opened
from evalharness.loading.definition import build_agent, load_agent
from tests.running import PATIENCE

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*/agent.yaml"))


def run(kind, task, workspace):
    agent = build_agent(load_agent(str(EXAMPLES / kind / "agent.yaml")))
    with opened(agent, workers=1) as session:
        return session.run(task, workspace, seed=1)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_example_can_be_loaded(path):
    build_agent(load_agent(str(path)))


def test_the_command_example_does_sums(task, workspace):
    transcript = run("command", task("What is 10 - 6?"), workspace)
    assert (transcript.final, transcript.logs) == ("4", "seed 1: 4\n")


def test_the_scripted_example_plays_its_script(task, workspace):
    assert run("scripted", task(), workspace).final in ("Rome", "wrong")


def test_the_http_example_answers(task, workspace):
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / "http" / "server.py")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            wait_for("http://127.0.0.1:8808/")
            assert run("http", task("What is the capital city of Italy?"), workspace).final == "Rome"
        finally:
            server.terminate()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=1)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
