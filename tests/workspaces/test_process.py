import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from evalharness.workspaces.process import run_command


def living(marker: str) -> list[int]:
    """Return the processes whose command line contains the marker, zombies left out."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and any(marker in part for part in process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def shell(script: str, tmp_path: Path, **options):
    return run_command(["sh", "-c", script], cwd=tmp_path, **{"timeout": 20, **options})


def test_a_command_gets_its_input_and_returns_both_streams_and_its_exit_code(tmp_path):
    done = shell("cat; echo oops >&2; exit 3", tmp_path, stdin=b"in")
    assert (done.stdout, done.stderr, done.exit_code, done.stopped) == (b"in", b"oops\n", 3, None)


def test_a_signal_is_a_negative_exit_code(tmp_path):
    assert shell("kill -SEGV $$", tmp_path).exit_code == -11


def test_words_are_passed_without_a_shell(tmp_path):
    done = run_command([sys.executable, "-c", "import sys; print(sys.argv[1])", "$HOME; *"], cwd=tmp_path, timeout=20)
    assert done.stdout == b"$HOME; *\n"


def test_variables_are_added_to_the_inherited_environment(tmp_path):
    done = shell('echo "$COLOUR $PATH"; test "$PWD" = "$(pwd)"', tmp_path, env={"COLOUR": "red"})
    assert done.stdout.decode().strip() == f"red {os.environ['PATH']}"
    assert done.exit_code == 0


def test_large_input_and_output_do_not_block_each_other(tmp_path):
    assert shell("cat; cat >&2", tmp_path, stdin=b"x" * 3_000_000).stdout == b"x" * 3_000_000


def test_input_that_nobody_reads_is_no_fault(tmp_path):
    assert shell("exit 0", tmp_path, stdin=b"x" * 3_000_000).exit_code == 0


def test_invalid_utf8_stays_bytes(tmp_path):
    assert shell(r"printf '\377\342\200\250'", tmp_path).stdout == b"\xff\xe2\x80\xa8"


def test_running_out_of_time_stops_a_command_that_ignores_signals(tmp_path):
    done = shell("trap '' TERM INT HUP; echo begun; while :; do :; done", tmp_path, timeout=0.5)
    assert (done.stopped, done.exit_code, done.stdout) == ("seconds", None, b"begun\n")


def test_closing_its_streams_does_not_hide_a_command_from_its_time_limit(tmp_path):
    assert shell("exec <&- >&- 2>&-; sleep 60", tmp_path, timeout=0.3).stopped == "seconds"


@pytest.mark.parametrize("stream", ["", ">&2"])
def test_endless_output_is_stopped_and_cut(tmp_path, stream):
    done = shell(f"yes {stream}", tmp_path, max_output=100_000)
    assert (done.stopped, len(done.stdout) + len(done.stderr)) == ("output", 100_000)


def test_output_at_the_limit_is_whole(tmp_path):
    assert shell("printf 1234", tmp_path, max_output=4).stopped is None


@pytest.mark.parametrize(
    "script",
    [
        "sleep 600.{n} & wait",
        "sleep 600.{n} >/dev/null 2>&1 &",
        "setsid sleep 600.{n} & sleep 0.2",
        "(setsid sh -c 'sleep 600.{n} & sleep 600.{n}' >/dev/null 2>&1 &) ; sleep 0.3",
        "env -i setsid sleep 600.{n} & sleep 60",
    ],
    ids=["waited for", "in the background", "in its own session", "detached twice", "without environment"],
)
def test_no_child_outlives_its_command(tmp_path, script):
    number = f"{os.getpid()}{time.monotonic_ns() % 10**9}"
    shell(script.format(n=number), tmp_path, timeout=1)
    assert living(f"600.{number}") == []


def test_output_is_complete_although_a_child_keeps_the_pipe_open(tmp_path):
    done = shell("setsid sleep 600 & echo answer", tmp_path)
    assert (done.stdout, done.exit_code, done.stopped) == (b"answer\n", 0, None)


def test_a_harness_inside_a_trial_keeps_the_outer_marker(tmp_path):
    script = (
        "from evalharness.workspaces.process import run_command\n"
        "print(run_command(['sh', '-c', 'echo $EVALH_TRIAL'], cwd='.', timeout=9).stdout.decode())"
    )
    env = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = run_command([sys.executable, "-c", script], cwd=tmp_path, timeout=20, env=env)
    outer, inner = done.stdout.decode().strip().split(":")
    assert outer != inner


def test_a_program_that_does_not_exist_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        run_command(["no-such-program-here"], cwd=tmp_path, timeout=1)


def test_many_threads_run_commands_at_once(tmp_path):
    answers: dict[int, bytes] = {}

    def ask(number: int) -> None:
        answers[number] = shell("cat; sleep 0.05", tmp_path, stdin=str(number).encode()).stdout

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: str(number).encode() for number in range(24)}


def test_no_file_descriptor_and_no_process_is_left(tmp_path):
    shell("true", tmp_path)
    process = psutil.Process()
    before, children = process.num_fds(), set(process.children())
    for _ in range(5):
        shell("echo x", tmp_path, stdin=b"y")
        shell("yes", tmp_path, max_output=1000)
    assert process.num_fds() == before
    assert set(process.children()) <= children
