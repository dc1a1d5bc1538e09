"""How a call of a team's command ends when it is stopped."""

import subprocess
import sys
import time
from threading import Event

import pytest

from evalharness.external import call as module
from evalharness.external.call import call
from tests.running import environment


def stopped(folder, script, *, seconds=0.5, stop=None):
    logs = folder / "logs"
    logs.mkdir()
    return call(["sh", "-c", script], folder=folder, logs=logs, seconds=seconds, stop=stop or Event())


def test_a_tool_that_is_stopped_may_put_away_what_it_has_started(tmp_path):
    ended = stopped(tmp_path, "trap 'sleep 0.3; echo put away > done; exit 3' TERM; while :; do sleep 0.1; done")
    assert (ended.stopped, ended.exit_code) == ("seconds", 3)
    assert (tmp_path / "done").read_text() == "put away\n"


def test_a_tool_that_is_abandoned_is_asked_as_well(tmp_path):
    stop = Event()
    stop.set()
    ended = stopped(tmp_path, "trap 'exit 4' TERM; while :; do sleep 0.1; done", seconds=600, stop=stop)
    assert ended.stopped == "stop"
    assert ended.exit_code in (4, -15)  # the signal may come before the shell has set its trap


KILLED = """
import sys, threading
from pathlib import Path
from evalharness.external.call import call
from tests.running import environment
folder = Path(sys.argv[1])
script = "trap 'echo put away > done; exit 3' TERM; echo > begun; while :; do sleep 0.1; done"
call(["sh", "-c", script], folder=folder, logs=folder, seconds=600, stop=threading.Event())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a kernel that tells who is gone")
def test_a_tool_whose_harness_was_killed_may_put_away_what_it_has_started(tmp_path):
    with subprocess.Popen([sys.executable, "-c", KILLED, tmp_path], env=environment()) as harness:
        wait_for(tmp_path / "begun")
        harness.kill()
    wait_for(tmp_path / "done")


def wait_for(file):
    for _ in range(600):
        if file.exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"{file.name} never came")


def test_a_tool_that_does_not_listen_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LAST_WORDS", 0.2)
    ended = stopped(tmp_path, "trap '' TERM; while :; do sleep 0.1; done")
    assert (ended.stopped, ended.exit_code) == ("seconds", -9)
