import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from evalharness.errors import ConfigError, Unmeasured
from evalharness.workspaces import archive, engine
from evalharness.workspaces.contained import limited
from evalharness.workspaces.container import ContainerWorkspace, ContainerWorkspaces
from evalharness.workspaces.engine import Engine
from tests.running import environment

KILLED = """
import os, sys, time
from evalharness.workspaces.container import ContainerWorkspaces
with ContainerWorkspaces(image=sys.argv[1], engine=sys.argv[2]).fresh() as workspace:
    print(workspace.name, flush=True)
    workspace.run(["sleep", "60"], timeout=60)
"""


def names(program):
    return program.call("ps", "--all", "--filter", "label=evalh", "--format", "{{.Names}}").split()


@pytest.mark.parametrize("env", [{"A": "x\ny"}, {"A B": "x"}, {"#A": "x"}])
def test_a_variable_that_engines_cannot_be_told_is_refused_before_the_run(env):
    with pytest.raises(ValueError, match="env: "):
        ContainerWorkspaces(image="any", env=env)


def test_a_container_is_gone_after_its_trial(containers):
    with containers.made().fresh() as workspace:
        assert workspace.name in names(containers.engine)
    assert workspace.name not in names(containers.engine)


def test_many_at_once_are_all_different_places(containers):
    made = containers.made()

    def trial(number):
        with made.fresh() as workspace:
            workspace.write("mine", str(number).encode())
            return workspace.name, workspace.run(["cat", "mine"], timeout=60).stdout

    with ThreadPoolExecutor(4) as pool:
        found = dict(pool.map(trial, range(6)))
    assert sorted(found.values()) == [str(number).encode() for number in range(6)]
    assert not {*found} & {*names(containers.engine)}


def test_what_a_killed_harness_left_is_swept_up_by_the_next(containers):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, containers.image, containers.engine.program],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    name = process.stdout.readline().strip()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert name in names(containers.engine)
    with containers.made().fresh() as alive:
        assert name in engine.sweep(containers.engine)
        assert name not in names(containers.engine)
        assert alive.name in names(containers.engine)


def test_a_lost_container_measures_nothing(containers):
    with containers.made().fresh() as workspace:
        containers.engine.call("rm", "--force", workspace.name)
        with pytest.raises(Unmeasured) as caught:
            workspace.run(["true"], timeout=20)
    assert caught.value.cause == "container_lost"


def test_a_container_that_is_lost_while_a_command_runs_measures_nothing(containers):
    with containers.made().fresh() as workspace, ThreadPoolExecutor(1) as pool:
        running = pool.submit(workspace.run, ["sleep", "30"], timeout=40)
        time.sleep(1.5)
        containers.engine.call("rm", "--force", workspace.name)
        with pytest.raises(Unmeasured) as caught:
            running.result()
    assert caught.value.cause == "container_lost"


def stand_in(folder, monkeypatch, script):
    """Put a script in the place of docker."""
    (folder / "docker").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_an_engine_that_is_down_measures_nothing(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "echo 'Cannot connect to the Docker daemon at unix:///x. Is it up?' >&2; exit 1")
    made = ContainerWorkspaces(engine="docker", image="x")
    made.prepare()
    with pytest.raises(Unmeasured) as caught, made.fresh():
        pass
    assert caught.value.cause == "container_engine"


def test_an_engine_that_this_user_may_not_use_stops_a_run(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "echo 'permission denied while trying to connect to the Docker daemon' >&2; exit 1")
    made = ContainerWorkspaces(engine="docker", image="x")
    with pytest.raises(ConfigError, match=r"permission denied .*: let this user use docker"):
        made.prepare()


@pytest.mark.parametrize(
    ("said", "kept", "words"),
    [
        ("true true", "container", ["--memory", str(2 << 30) + "b", "--pids-limit", "512"]),
        ("false false", "rlimit", [f"data={2 << 30}:{2 << 30}", "nproc=512:512"]),
    ],
)
def test_limits_are_those_of_each_process_where_an_engine_keeps_no_others(tmp_path, monkeypatch, said, kept, words):
    """As of rootless engines with version 1 of control groups, which would say nothing and limit nothing."""
    stand_in(tmp_path, monkeypatch, f"echo {said}")
    engine.limits_containers.cache_clear()
    resources = ContainerWorkspaces(engine="docker", image="x").resources()
    together = engine.limits_containers(Engine("docker"))
    engine.limits_containers.cache_clear()
    assert resources.enforced_by == kept
    assert {*words} <= {*limited(resources, together=together)}


@pytest.mark.parametrize("cut", [0, 512, 700, 1024])
def test_files_that_an_engine_breaks_off_to_copy_measure_nothing(tmp_path, monkeypatch, cut):
    (tmp_path / "whole.tar").write_bytes(archive.packed_file(b"x" * 400, "workspace/a.txt").read()[:cut])
    stand_in(tmp_path, monkeypatch, f"cat {tmp_path}/whole.tar; echo 'unexpected EOF of the daemon' >&2; exit 1")
    workspace = ContainerWorkspace("name", Engine("docker"), ContainerWorkspaces(engine="docker", image="x"))
    if cut:
        with pytest.raises(Unmeasured, match="unexpected EOF"):
            workspace.find("*")
    with pytest.raises((Unmeasured, FileNotFoundError)):
        workspace.read("a.txt")


def test_without_an_engine_a_run_does_not_start(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    engine.found.cache_clear()
    with pytest.raises(ConfigError, match="docker or podman is not installed"):
        ContainerWorkspaces(image="x").prepare()
    engine.found.cache_clear()


def test_setup_runs_once_and_every_trial_starts_from_it(containers):
    made = containers.made(setup="echo $RANDOM$RANDOM > /etc/set-up")
    said = set()
    for _ in range(2):
        with made.fresh() as workspace:
            said.add(workspace.run(["cat", "/etc/set-up"], timeout=60).stdout)
    assert len(said) == 1


def test_an_image_is_built_from_a_dockerfile_and_its_folder(containers, tmp_path):
    (tmp_path / "Dockerfile").write_text(f"FROM {containers.image}\nCOPY said.txt /said.txt\n")
    (tmp_path / "said.txt").write_text("built")
    made = containers.made(dockerfile="Dockerfile", folder=str(tmp_path))
    made.prepare()
    with made.fresh() as workspace:
        assert workspace.run(["cat", "/said.txt"], timeout=60).stdout == b"built"


def test_no_output_is_lost_by_a_command_that_does_not_read_its_input(containers):
    """Podman used to lose the output of one in three of them."""
    with containers.made().fresh() as workspace:
        found = [workspace.run(["echo", "said"], timeout=60, stdin=b"{}" * 200).stdout for _ in range(6)]
        read = workspace.run(["sh", "-c", "wc -c; ls -A / | grep -c evalh"], timeout=60, stdin=b"x" * 100_000).stdout
    assert found == [b"said\n"] * 6
    assert read.split() == [b"100000", b"0"]


def test_a_program_that_a_trial_removed_is_its_own_fault(containers):
    with containers.made().fresh() as workspace:
        assert workspace.run(["rm", "/bin/cat"], timeout=60).exit_code == 0
        assert workspace.run(["cat", "/etc/passwd"], timeout=60).exit_code in (126, 127)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either `image` or `dockerfile`"),
        ({"image": "x", "dockerfile": "y"}, "either `image` or `dockerfile`"),
        ({"image": "--privileged"}, "is no name of an image"),
    ],
)
def test_an_image_is_named_once(options, message):
    with pytest.raises(ValueError, match=message):
        ContainerWorkspaces(**options)
