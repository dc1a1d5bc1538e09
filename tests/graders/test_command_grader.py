import os
import sys

import psutil
import pytest

from evalharness.errors import ConfigError, Unmeasured
from evalharness.graders import Untrusted


@pytest.fixture
def judge(judge):
    """Judge by a grader that may run commands here, unless it says otherwise."""
    return lambda use, answer, **options: judge(use, answer, **{"trust": "local", **options})


def test_it_refuses_to_run_an_agents_work_on_this_machine_unless_told_by_name(judge, workspace):
    with pytest.raises(Untrusted, match="unprotected: use a workspace with walls"):
        judge("command", "done", command="touch ran", trust=None)
    assert workspace.find("*") == []


@pytest.mark.parametrize(
    ("command", "passed", "reason"),
    [
        ("exit 0", True, ""),
        ("echo 2 failed; exit 1", False, "exit code 1: 2 failed"),
        ("echo oops >&2; exit 7", False, "exit code 7: oops"),
        (["true"], True, ""),
        (["false"], False, "exit code 1"),
        ("kill -9 $$", False, "killed by signal 9"),
        ("printf '\\377\\000\\033[31m'; exit 1", False, "exit code 1: \ufffd\\x00\\x1b[31m"),
        ("./missing", False, "exit code 127"),
    ],
)
def test_the_exit_code_decides(judge, command, passed, reason):
    grade = judge("command", "done", command=command)
    assert (grade.passed, grade.score) == (passed, float(passed))
    assert grade.reason.startswith(reason)


def test_it_sees_what_the_agent_left(judge, workspace):
    workspace.write("src/app.py", b"def double(x): return 2 * x\n")
    check = [sys.executable, "-c", "import sys; sys.path[0] = 'src'; import app; sys.exit(app.double(4) != 8)"]
    assert judge("command", "done", command=check).passed


def test_tests_enter_after_the_agent_and_replace_what_it_left(judge, workspace, tmp_path):
    (tmp_path / "check.sh").write_text("grep -q right answer.txt\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "list.txt").write_text("1")
    workspace.write("tests/check.sh", b"exit 0\n")
    workspace.write("answer.txt", b"wrong\n")
    files = {"tests/check.sh": "check.sh", "data": str(tmp_path / "more")}
    given = {"command": "sh tests/check.sh", "files": files, "folder": str(tmp_path)}
    assert not judge("command", "done", **given).passed
    assert workspace.read("data/list.txt") == b"1"
    workspace.write("answer.txt", b"right\n")
    assert judge("command", "done", **given).passed


def test_what_the_agent_put_in_the_way_of_the_tests_is_its_fail(judge, workspace, tmp_path):
    (tmp_path / "check.sh").write_text("exit 0\n")
    workspace.run(["ln", "-s", "/tmp", "tests"], timeout=5)
    grade = judge("command", "done", command="true", files={"tests/check.sh": str(tmp_path / "check.sh")})
    assert not grade.passed
    assert "in the way" in grade.reason


def test_missing_tests_measure_nothing(judge):
    with pytest.raises(FileNotFoundError, match=r"files: 'no/such/file' does not exist"):
        judge("command", "done", command="true", files={"a": "no/such/file"})


def test_the_answer_and_what_is_expected_come_on_stdin(judge):
    code = "import json, sys; given = json.load(sys.stdin); sys.exit(given['final'] != given['expected'])"
    assert judge("command", "\udc80é\0", expected="\udc80é\0", command=[sys.executable, "-c", code]).passed
    assert not judge("command", "x" * 1_000_000, expected="y", command=[sys.executable, "-c", code]).passed


def test_a_command_that_reads_nothing_is_no_trouble(judge):
    assert judge("command", "x" * 1_000_000, command="exit 0").passed


def test_tests_that_never_end_are_a_fail_and_leave_no_process(judge):
    mark = f"60.{os.getpid()}"
    grade = judge("command", "done", command=f"sleep {mark} & echo started; sleep {mark}", seconds=0.3)
    assert [each for each in psutil.process_iter(["cmdline"]) if mark in (each.info["cmdline"] or ())] == []
    assert not grade.passed
    assert grade.reason == "still running after 0.3 seconds: started"


def test_a_flood_of_output_is_a_fail_with_its_end_as_reason(judge):
    grade = judge("command", "done", command="yes flood", seconds=20)
    assert not grade.passed
    assert grade.reason.startswith("stopped: too much output: ...")
    assert len(grade.reason) < 300


def test_environment_variables_may_be_added(judge):
    assert judge("command", "done", command='test "$MODE" = strict', env={"MODE": "strict"}).passed


def test_chosen_exit_codes_measure_nothing(judge):
    with pytest.raises(Unmeasured) as caught:
        judge("command", "done", command="echo no database; exit 75", unmeasured_exit_codes=[75])
    assert caught.value.cause == "grader:exit:75"
    assert "no database" in caught.value.detail


def test_a_program_that_is_not_installed_measures_nothing_while_one_of_the_agents_is_its_fail(judge):
    with pytest.raises(OSError, match="no-such-program"):
        judge("command", "done", command=["no-such-program"])
    assert "cannot be started" in judge("command", "done", command=["./build/app"]).reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"command": " "}, "command: ' ' is empty"),
        ({"command": []}, "is empty"),
        ({"command": "true", "seconds": 0}, "seconds: 0"),
        ({"command": "true", "files": {"../x": "y"}}, "files: '../x' is no path inside the workspace"),
        ({"command": "true", "unmeasured_exit_codes": [0]}, "0 is the exit code of a pass"),
    ],
)
def test_a_wrong_option_is_named(judge, options, message):
    with pytest.raises(ConfigError) as caught:
        judge("command", "done", **options)
    assert message in str(caught.value)


def test_fields_that_json_does_not_know_reach_the_command_as_text(judge):
    row = {"when": complex(1, 2)}
    code = "import json, sys; sys.exit(json.load(sys.stdin)['fields']['when'] != '(1+2j)')"
    assert judge("command", "done", fields=row, command=[sys.executable, "-c", code]).passed
