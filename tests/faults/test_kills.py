import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.running import PATIENCE, ROOT, environment, evalh, lines, start, write_agent, write_suite


def test_runs_that_are_killed_lose_nothing_and_repeat_next_to_nothing():
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "kills.py", "--kills=5", "--trials=300", "--seed=3", "--isolation=none"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("held") == 6


HOLDS_THE_INTERPRETER = r"re.match(r'(\w*\w*\w*)*\Z', 'ab' * 40_000 + '!')"


@pytest.mark.parametrize(
    "hang",
    [
        "time.sleep(1000)",
        pytest.param(
            HOLDS_THE_INTERPRETER,
            marks=pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel to end it"),
        ),
    ],
    ids=["waiting", "holding the interpreter"],
)
def test_hosts_end_with_the_run_that_is_killed(tmp_path, hang):
    write_suite(tmp_path)
    write_agent(
        tmp_path,
        "import os, pathlib, re, time\n\ndef answer(task):\n"
        f"    os.fork()\n    pathlib.Path(f'pid-{{os.getpid()}}').touch()\n    {hang}\n",
    )
    process = start("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", "-j", 1, cwd=tmp_path)
    pids = appeared(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert gone(pids)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel to end it")
@pytest.mark.parametrize("detached", [False, True], ids=["attached", "its streams closed"])
def test_a_command_ends_with_the_run_that_is_killed(tmp_path, detached):
    write_suite(tmp_path)
    quiet = "exec >&- 2>&- <&-; " if detached else ""
    command = f"{quiet}sleep 1000 & echo $! > $HERE/pid-$!; echo $$ > $HERE/pid-$$; wait"
    (tmp_path / "agent.yaml").write_text(json.dumps({"use": "command", "options": {"command": ["sh", "-c", command]}}))
    env = {**environment(), "HERE": str(tmp_path)}
    process = start("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", "-j", 1, cwd=tmp_path, env=env)
    pids = appeared(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert gone(pids)


def appeared(folder):
    deadline = time.monotonic() + PATIENCE
    while len(list(folder.glob("pid-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    pids = [int(file.name.removeprefix("pid-")) for file in folder.glob("pid-*")]
    assert len(pids) == 2
    return pids


def gone(pids):
    deadline = time.monotonic() + PATIENCE
    while any(map(running, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(map(running, pids))


def running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(status.strip()) and not status.startswith("Z")


def test_a_run_torn_in_the_middle_of_a_line_is_taken_up(tmp_path):
    write_suite(tmp_path)
    write_agent(tmp_path, "def answer(task):\n    return 'yes'\n", isolation="none")
    evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", "-k", 2, cwd=tmp_path)
    file = tmp_path / "run" / "trials.jsonl"
    whole = lines(tmp_path / "run")
    for torn in (1, len(whole[-1]) // 2, len(whole[-1]) - 1):
        file.write_bytes(b"".join(whole[:-1]) + whole[-1][:torn])
        assert evalh("run", "run", cwd=tmp_path).returncode == 0
        after = lines(tmp_path / "run")
        assert after[:-1] == whole[:-1]
        assert len(after) == len(whole)


def test_a_damaged_line_in_the_middle_is_named_and_nothing_is_touched(tmp_path):
    write_suite(tmp_path)
    write_agent(tmp_path, "def answer(task):\n    return 'yes'\n", isolation="none")
    evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", cwd=tmp_path)
    file = tmp_path / "run" / "trials.jsonl"
    first, second, third = lines(tmp_path / "run")
    file.write_bytes(first + second[:20] + b"\n" + third)
    before = file.read_bytes()
    for arguments in (["run", "run"], ["show", "run"], ["compare", "run", "run"], ["grade", "run"]):
        done = evalh(*arguments, cwd=tmp_path)
        assert done.returncode == 2, arguments
        assert "trials.jsonl: line 2 is damaged" in done.stderr
    assert file.read_bytes() == before
    file.write_bytes(first + third)
    assert evalh("run", "run", cwd=tmp_path).returncode == 0
    assert len(lines(tmp_path / "run")) == 3


def test_a_newer_run_is_refused_everywhere(tmp_path):
    write_suite(tmp_path)
    write_agent(tmp_path, "def answer(task):\n    return 'yes'\n", isolation="none")
    evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", "run", cwd=tmp_path)
    header = tmp_path / "run" / "run.json"
    header.write_text(header.read_text().replace('"schema": 1', '"schema": 99'))
    for arguments in (["run", "run"], ["show", "run"], ["compare", "run", "run"]):
        done = evalh(*arguments, cwd=tmp_path)
        assert (done.returncode, "schema 99" in done.stderr) == (2, True), arguments
