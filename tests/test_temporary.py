import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from evalharness import temporary
from evalharness.errors import Unmeasured
from tests.running import environment, evalh_process, start, write_agent, write_suite

HOLDING = """
import sys
from evalharness.temporary import own_folder
from evalharness.workspaces.local import LocalWorkspaces
with LocalWorkspaces().fresh() as workspace:
    workspace.write("locked/file", b"x")
    workspace.run(["chmod", "-R", "a-rwx", "locked"], timeout=60)
    print(own_folder(), flush=True)
    sys.stdin.read()
"""
SWEEPING = """
import sys
from evalharness.temporary import own_folder
sys.stdin.readline()
print(own_folder(), flush=True)
sys.stdin.readline()
print(own_folder().is_dir(), flush=True)
"""


@pytest.fixture
def place(tmp_path):
    """A folder for temporary folders, and what tells child processes of it."""
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


def child(script, place):
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment(TMPDIR=str(place)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process, word="\n"):
    process.stdin.write(word)
    process.stdin.flush()
    return process.stdout.readline().strip()


def killed(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()


def names(place):
    return sorted(each.name for each in place.iterdir())


def test_the_next_process_removes_what_a_killed_one_left_and_nothing_of_one_that_lives(place, monkeypatch):
    dead, alive = child(HOLDING, place), child(HOLDING, place)
    left, kept = dead.stdout.readline().strip(), alive.stdout.readline().strip()
    killed(dead)
    assert {left, kept} <= {str(each) for each in place.iterdir()}
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    assert temporary.sweep() == [left]
    assert [str(each) for each in place.iterdir()] == [kept]
    assert Path(kept, "1", "locked").is_dir()
    alive.communicate("")
    assert names(place) == []


def test_a_run_sweeps_up_after_one_that_was_killed(tmp_path, place):
    write_suite(tmp_path)
    agent = write_agent(
        tmp_path, "import time\ndef answer(task, workspace):\n    workspace.location\n    time.sleep(60)\n"
    )
    env = environment(TMPDIR=str(place))
    process = start("run", "suite.yaml", "-a", agent, "-o", "a", cwd=tmp_path, env=env)
    while not any(each.is_dir() for each in place.glob("evalharness-*/[0-9]*")):
        assert process.poll() is None
    process.kill()
    process.communicate()
    assert len(names(place)) == 1
    write_agent(tmp_path, "def answer(task):\n    return 'yes'\n")
    done = evalh_process("run", "suite.yaml", "-a", agent, "-o", "b", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert names(place) == []


def test_many_that_start_at_once_keep_their_own_and_leave_nothing(place):
    for _ in range(4):
        process = child(HOLDING, place)
        process.stdout.readline()
        killed(process)
    started = [child(SWEEPING, place) for _ in range(8)]
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    own = {process.stdout.readline().strip() for process in started}
    assert {str(each) for each in place.iterdir()} == own
    assert len(own) == len(started)
    assert {said(process) for process in started} == {"True"}
    for process in started:
        process.communicate()
    assert names(place) == []


def test_making_and_sweeping_at_once_never_take_a_folder_from_its_owner(place, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    over = threading.Event()

    def sweeping():
        while not over.is_set():
            temporary.sweep()

    threads = [threading.Thread(target=sweeping) for _ in range(2)]
    for thread in threads:
        thread.start()
    made = [temporary._made() for _ in range(100)]
    over.set()
    for thread in threads:
        thread.join()
    assert {*place.iterdir()} == {*made}


def test_what_is_not_ours_stays(place, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    (place / "precious").mkdir()
    (place / "evalharness-link").symlink_to(place / "precious")
    (place / "evalharness-file").write_text("precious")
    (place / "other-evalharness-x").mkdir()
    if os.geteuid() == 0:
        (place / "evalharness-theirs").mkdir()
        os.chown(place / "evalharness-theirs", 12345, 12345)
    before = names(place)
    assert temporary.sweep() == []
    assert names(place) == before


def test_a_temporary_folder_goes_with_what_it_was_for():
    with pytest.raises(Unmeasured), temporary.temporary_folder("test") as folder:
        (folder / "file").write_text("x")
        raise Unmeasured("any")
    assert not folder.exists()
    assert folder.parent == temporary.own_folder()
