import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from evalharness.errors import ConfigError, Unmeasured
from evalharness.workspaces import engine
from evalharness.workspaces.container import ContainerWorkspaces
from tests.running import environment

KILLED = """
import os, sys, time
from evalharness.workspaces.container import ContainerWorkspaces
with ContainerWorkspaces(image=sys.argv[1]).fresh() as workspace:
    print(workspace.name, flush=True)
    workspace.run(["sleep", "60"], timeout=60)
"""


def names(program):
    return program.call("ps", "--all", "--filter", "label=evalh", "--format", "{{.Names}}").split()


def test_a_container_is_gone_after_its_trial(container_engine, image):
    with ContainerWorkspaces(image=image).fresh() as workspace:
        assert workspace.name in names(container_engine)
    assert workspace.name not in names(container_engine)


def test_many_at_once_are_all_different_places(container_engine, image):
    made = ContainerWorkspaces(image=image)

    def trial(number):
        with made.fresh() as workspace:
            workspace.write("mine", str(number).encode())
            return workspace.name, workspace.run(["cat", "mine"], timeout=60).stdout

    with ThreadPoolExecutor(4) as pool:
        found = dict(pool.map(trial, range(6)))
    assert sorted(found.values()) == [str(number).encode() for number in range(6)]
    assert not {*found} & {*names(container_engine)}


def test_what_a_killed_harness_left_is_swept_up_by_the_next(container_engine, image):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, image], env=environment(), stdout=subprocess.PIPE, text=True
    )
    name = process.stdout.readline().strip()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert name in names(container_engine)
    with ContainerWorkspaces(image=image).fresh() as alive:
        assert name in engine.sweep(container_engine)
        assert name not in names(container_engine)
        assert alive.name in names(container_engine)


def test_a_lost_container_measures_nothing(container_engine, image):
    with ContainerWorkspaces(image=image).fresh() as workspace:
        container_engine.call("rm", "--force", workspace.name)
        with pytest.raises(Unmeasured) as caught:
            workspace.run(["true"], timeout=20)
    assert caught.value.cause == "container_lost"


def test_a_container_that_is_lost_while_a_command_runs_measures_nothing(container_engine, image):
    with ContainerWorkspaces(image=image).fresh() as workspace, ThreadPoolExecutor(1) as pool:
        running = pool.submit(workspace.run, ["sleep", "30"], timeout=40)
        time.sleep(1.5)
        container_engine.call("rm", "--force", workspace.name)
        with pytest.raises(Unmeasured) as caught:
            running.result()
    assert caught.value.cause == "container_lost"


def test_an_image_that_cannot_be_had_measures_nothing(container_engine):
    made = ContainerWorkspaces(image="registry.invalid/no/such:1")
    made.prepare()
    with pytest.raises(Unmeasured) as caught, made.fresh():
        pass
    assert caught.value.cause == "image"


def test_an_engine_that_is_down_measures_nothing(tmp_path, monkeypatch):
    program = tmp_path / "docker"
    program.write_text(
        "#!/bin/sh\necho 'Cannot connect to the Docker daemon at unix:///x. Is it running?' >&2; exit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    engine.found.cache_clear()
    made = ContainerWorkspaces(engine="docker", image="x")
    made.prepare()
    with pytest.raises(Unmeasured) as caught, made.fresh():
        pass
    assert caught.value.cause == "container_engine"
    engine.found.cache_clear()


def test_without_an_engine_a_run_does_not_start(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    engine.found.cache_clear()
    with pytest.raises(ConfigError, match="docker or podman is not installed"):
        ContainerWorkspaces(image="x").prepare()
    engine.found.cache_clear()


def test_setup_runs_once_and_every_trial_starts_from_it(image):
    made = ContainerWorkspaces(image=image, setup="echo $RANDOM$RANDOM > /etc/set-up")
    said = set()
    for _ in range(2):
        with made.fresh() as workspace:
            said.add(workspace.run(["cat", "/etc/set-up"], timeout=60).stdout)
    assert len(said) == 1


def test_an_image_is_built_from_a_dockerfile_and_its_folder(image, tmp_path):
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nCOPY said.txt /said.txt\n")
    (tmp_path / "said.txt").write_text("built")
    made = ContainerWorkspaces(dockerfile="Dockerfile", folder=str(tmp_path))
    made.prepare()
    with made.fresh() as workspace:
        assert workspace.run(["cat", "/said.txt"], timeout=60).stdout == b"built"


def test_no_output_is_lost_by_a_command_that_does_not_read_its_input(image):
    """Podman used to lose the output of one in three of them."""
    with ContainerWorkspaces(image=image).fresh() as workspace:
        found = [workspace.run(["echo", "said"], timeout=60, stdin=b"{}" * 200).stdout for _ in range(6)]
        read = workspace.run(["sh", "-c", "wc -c; ls -A / | grep -c evalh"], timeout=60, stdin=b"x" * 100_000).stdout
    assert found == [b"said\n"] * 6
    assert read.split() == [b"100000", b"0"]


def test_a_program_that_a_trial_removed_is_its_own_fault(image):
    with ContainerWorkspaces(image=image).fresh() as workspace:
        assert workspace.run(["rm", "/bin/cat"], timeout=60).exit_code == 0
        assert workspace.run(["cat", "/etc/passwd"], timeout=60).exit_code == 127


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
