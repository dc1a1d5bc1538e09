import os
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evalharness.errors import ConfigError, Unmeasured
from evalharness.model import Resources
from evalharness.workspaces import Completed, bubblewrap, cgroups
from evalharness.workspaces.limits import starved
from evalharness.workspaces.sandbox import SandboxWorkspaces

pytestmark = pytest.mark.usefixtures("sandboxed")


def sh(workspace, script, **options):
    return workspace.run(["sh", "-c", script], **{"timeout": 60, **options})


def test_only_the_system_and_the_workspace_are_there():
    with SandboxWorkspaces().fresh() as workspace:
        seen = {*sh(workspace, "ls /").stdout.decode().split()}
        assert seen <= {
            "bin",
            "dev",
            "etc",
            "lib",
            "lib32",
            "lib64",
            "libx32",
            "proc",
            "sbin",
            "tmp",
            "usr",
            "workspace",
        }
        assert sh(workspace, "touch /x /usr/x /etc/x /dev/x").exit_code == 1
        assert sh(workspace, "touch /tmp/x /workspace/x /dev/shm/x").exit_code == 0


def test_commands_have_no_rights_and_are_not_root():
    with SandboxWorkspaces().fresh() as workspace:
        status = dict(
            line.split(":\t", 1) for line in sh(workspace, "cat /proc/self/status").stdout.decode().splitlines()
        )
        number = sh(workspace, "id -u").stdout.decode().strip()
    assert (status["CapEff"], status["CapBnd"], status["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")
    assert number != "0"


def test_the_python_that_evalh_runs_with_can_be_shown():
    with SandboxWorkspaces(python=True).fresh() as workspace:
        done = workspace.run(["python", "-c", "import sys; print(sys.version)"], timeout=60)
        written = workspace.run(["python", "-c", f"open({sys.prefix!r} + '/x', 'w')"], timeout=60)
    assert done.stdout.decode().strip() == sys.version.strip()
    assert written.exit_code == 1


def test_folders_of_the_host_are_shown_when_they_are_named(tmp_path):
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    with SandboxWorkspaces(read_only=(str(tmp_path / "shown"),)).fresh() as workspace:
        done = sh(workspace, f"cat {tmp_path}/shown/a.txt; ls {tmp_path}; echo x > {tmp_path}/shown/a.txt")
    assert done.stdout == b"ashown\n"
    assert done.exit_code != 0
    assert (tmp_path / "shown" / "a.txt").read_text() == "a"


@pytest.mark.parametrize("path", ["relative", "/", ".", "//", "/../", "/usr/.."])
def test_the_whole_host_is_never_shown(path):
    with pytest.raises(ValueError, match="read_only"):
        SandboxWorkspaces(read_only=(path,))


def test_a_folder_to_show_that_is_not_there_is_refused_before_the_run():
    with pytest.raises(ConfigError, match="/no/such: no such folder"):
        SandboxWorkspaces(read_only=("/no/such",)).prepare()


def test_no_value_of_a_variable_is_on_a_command_line_of_the_host():
    secret = secrets.token_hex(12)
    with SandboxWorkspaces(env={"VALUE": secret}).fresh() as workspace, ThreadPoolExecutor(1) as pool:
        running = pool.submit(sh, workspace, "sleep 1; echo $VALUE")
        time.sleep(0.5)
        lines = b"".join(_command_line(each) for each in Path("/proc").glob("[0-9]*"))
        assert running.result().stdout.decode().strip() == secret
    assert b"sleep 1" in lines
    assert secret.encode() not in lines


def _command_line(process):
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_the_disk_of_a_trial_has_an_end():
    with SandboxWorkspaces(disk="20m").fresh() as workspace:
        many = "for i in 1 2 3 4 5 6; do head -c 5000000 /dev/zero > f$i; done; sleep 20"
        assert sh(workspace, many).stopped == "disk"


def test_the_network_is_there_when_it_is_allowed():
    names = "cat /proc/net/dev | grep -c :"
    with SandboxWorkspaces().fresh() as none, SandboxWorkspaces(network="allow").fresh() as allowed:
        here = Path("/proc/net/dev").read_text().count(":")
        assert [int(sh(each, names).stdout) for each in (none, allowed)] == [1, here]


def test_a_workspace_that_a_trial_locked_is_opened_again():
    with SandboxWorkspaces().fresh() as workspace:
        sh(workspace, "echo x > a.txt; chmod 000 a.txt .")
        assert sh(workspace, "ls").stdout == b"a.txt\n"
        assert workspace.read("a.txt") == b"x\n"


@pytest.mark.parametrize("said", ["bwrap: no", "setpriv: failed to execute", "prlimit: failed to execute x"])
def test_what_a_command_says_about_its_sandbox_is_no_evidence(said):
    with SandboxWorkspaces().fresh() as workspace:
        assert sh(workspace, f"echo '{said}' >&2; exit 1").exit_code == 1


def test_a_group_of_a_dead_process_is_swept_up_and_none_is_left():
    homes = cgroups.available()
    if homes is None:
        pytest.skip("no control groups can be made here")
    for home in set(homes.values()):
        Path(home, "evalh-999999999-1").mkdir()
    cgroups.available.cache_clear()
    with SandboxWorkspaces().fresh() as workspace:
        sh(workspace, "true")
    left = [each for home in homes.values() for each in Path(home).glob("evalh-*") if _ours(each.name)]
    assert left == []


def _ours(name):
    return name.split("-")[1] in (str(os.getpid()), "999999999")


def test_a_kill_below_the_guarantee_is_the_machines_fault_and_above_it_the_trials():
    done = Completed(exit_code=-9, stdout=b"", stderr=b"", seconds=1.0)
    asked = Resources(memory_guaranteed=1 << 30, memory_limit=2 << 30)
    assert starved(done, 3 << 29, asked).stopped == "memory"
    with pytest.raises(Unmeasured) as caught:
        starved(done, 1 << 29, asked)
    assert caught.value.cause == "host_memory"


def test_this_machine_says_whether_it_can(monkeypatch, tmp_path):
    assert bubblewrap.missing() is None
    bubblewrap.missing.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="bwrap, setpriv, prlimit not found"):
        SandboxWorkspaces().prepare()
    bubblewrap.missing.cache_clear()
