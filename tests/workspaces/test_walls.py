import contextlib
import os
import pickle
from pathlib import Path

import pytest

from evalharness.errors import ConfigError
from evalharness.workspaces import Limited, Prepared, Walled, Workspace, Workspaces


def sh(workspace, script, **options):
    return workspace.run(["sh", "-c", script], **{"timeout": 60, **options})


def test_workspaces_with_walls_keep_the_contracts(walled, place):
    made = walled()
    assert isinstance(made, Workspaces)
    assert isinstance(made, Prepared)
    assert isinstance(made, Limited)
    assert isinstance(place, Workspace)
    assert isinstance(place, Walled)
    assert pickle.loads(pickle.dumps(place)) == place


def test_files_go_in_and_come_out(place, tmp_path):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a.txt").write_text("a")
    (source / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (source / "run.sh").chmod(0o755)
    place.upload(source, "project")
    place.write("more/b.txt", b"\xff\0")
    assert place.read("more/b.txt") == b"\xff\0"
    assert place.find("**/*.txt") == ["more/b.txt", "project/deep/a.txt"]
    assert place.find("*.txt") == []
    done = sh(place, "cat project/deep/a.txt; ./project/run.sh; echo new >> project/deep/a.txt; pwd")
    assert done.stdout.decode() == f"aran\n{place.location}\n"
    place.download("project", tmp_path / "copy")
    assert (tmp_path / "copy" / "deep" / "a.txt").read_text() == "anew\n"
    assert os.access(tmp_path / "copy" / "run.sh", os.X_OK)
    place.download("more/b.txt", tmp_path / "one" / "b.bin")
    assert (tmp_path / "one" / "b.bin").read_bytes() == b"\xff\0"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "..", "a\0b"])
def test_paths_that_lead_out_are_refused(place, path):
    for act in (place.read, place.find, lambda each: place.write(each, b"")):
        with pytest.raises(ValueError, match="workspace path"):
            act(path)
    with pytest.raises(ValueError, match="workspace path"):
        place.upload(Path(__file__), path)


def test_what_is_not_there_is_a_missing_file(place):
    with pytest.raises(FileNotFoundError):
        place.read("nothing.txt")
    with pytest.raises(FileNotFoundError):
        place.run(["no-such-program"], timeout=20)
    assert place.find("**/*") == []


def test_links_and_pipes_never_show_the_host(place, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("CANARY")
    links = f"ln -s {secret} a.txt; ln -s {tmp_path} b; ln -s / c; mkfifo d.txt; ln -s /proc/self/environ e.txt"
    sh(place, f"{links}; echo x > f.txt")
    assert place.find("**/*") == ["f.txt"]
    place.download(".", tmp_path / "copy")
    assert [each.name for each in (tmp_path / "copy").rglob("*")] == ["f.txt"]
    for name in ("a.txt", "b/secret.txt", f"c{secret}", "d.txt"):
        with pytest.raises((ValueError, FileNotFoundError)):
            place.read(name)


def test_writing_through_a_link_leaves_the_host_alone(place, tmp_path):
    sh(place, f"ln -s {tmp_path} out; ln -s {tmp_path}/b.txt b.txt")
    for name in ("out/a.txt", "b.txt"):
        try:
            place.write(name, b"x")
        except (ValueError, OSError):
            continue
        except Exception as exc:  # noqa: BLE001 - an engine's refusal
            assert "cp" in str(exc) or "container" in str(exc)
    assert list(tmp_path.iterdir()) == []


def test_the_environment_holds_only_what_is_named(walled, monkeypatch):
    monkeypatch.setenv("ESCAPE_A", "inherited")
    monkeypatch.setenv("ESCAPE_B", "hidden")
    with walled(env={"ESCAPE_C": "given"}, inherit=["ESCAPE_A"]).fresh() as workspace:
        said = sh(workspace, "env | grep ESCAPE | sort", env={"ESCAPE_D": "added"}).stdout.decode().split()
    assert said == ["ESCAPE_A=inherited", "ESCAPE_C=given", "ESCAPE_D=added"]


def test_a_variable_cannot_carry_what_its_walls_would_read_as_an_order(place, tmp_path):
    for name, value in (("A", f"x\0--ro-bind\0{tmp_path}\0/workspace/host"), ("A\0B", "x"), ("A=B", "x")):
        with pytest.raises(ValueError, match="env: "):
            sh(place, "ls host", env={name: value})


def test_a_variable_that_is_to_be_inherited_has_to_be_there(walled):
    with pytest.raises(ConfigError, match="inherit: ESCAPE_NOWHERE: not set"):
        walled(inherit=["ESCAPE_NOWHERE"]).prepare()


def test_what_an_agent_brings_can_be_read_and_not_changed_on_the_host(place, tmp_path):
    (tmp_path / "agent.sh").write_text("#!/bin/sh\necho from $0\n")
    (tmp_path / "agent.sh").chmod(0o755)
    (tmp_path / "secret.txt").write_text("CANARY")
    at = place.bring(tmp_path, ["agent.sh"])
    done = sh(place, f"{at}/agent.sh; ls {at}; echo changed > {at}/agent.sh; cat {at}/secret.txt")
    assert done.stdout.decode() == f"from {at}/agent.sh\nagent.sh\n"
    assert "changed" not in (tmp_path / "agent.sh").read_text()


def test_files_stay_between_commands_and_processes_do_not(place):
    sh(place, "sleep 86412 & echo one > a.txt; mkdir -p /tmp/mine && echo two > /tmp/mine/b")
    assert sh(place, "cat a.txt /tmp/mine/b; ps | grep -c '[s]leep 86412'").stdout.split() == [b"one", b"two", b"0"]


@pytest.mark.parametrize(
    ("script", "ended"),
    [
        ("exit 3", (3, None)),
        ("kill -11 $$", (-11, None)),
        ("sleep 30", (None, "seconds")),
        ("yes", (None, "output")),
        ("head -c 30000000 /dev/zero > big", (None, "file_size")),
        ("tail /dev/zero", (None, "memory")),
        ("f() { f | f & }; f; sleep 30", (None, "processes")),
        ("cat", (0, None)),
    ],
)
def test_it_says_how_a_command_ended(walled, script, ended):
    with walled(memory="200m", file_size="20m", processes=40).fresh() as workspace:
        done = sh(workspace, script, timeout=1.5 if "sleep" in script else 60)
    assert (done.exit_code, done.stopped) == ended


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": "much"}, "memory: 'much' is no size"),
        ({"memory": {"guaranteed": "2g", "limit": "1g"}}, "limit is below what is guaranteed"),
        ({"memory": {"guaranteed": "1g", "limit": "2g"}, "headroom": 0.5}, "headroom: needs one size"),
        ({"headroom": -1}, "headroom: -1.0 is below 0"),
        ({"cpus": 0}, "cpus: 0 is not above 0"),
        ({"processes": 0}, "processes: 0 is not above 0"),
        ({"network": "some"}, "network"),
        ({"procesess": 3}, "did you mean 'processes'"),
        ({"memory": "9" * 400 + "g"}, "is no size"),
        ({"headroom": 1e300}, "headroom: 1e+300 is too much"),
        ({"processes": 10**30}, "processes: 1e+30 is above 4194304"),
        ({"cpus": 1e-9}, "cpus: 1e-09 is below 0.01"),
        ({"cpus": float("nan")}, "cpus: nan"),
        ({"env": {"": "x"}}, "env: '' is no name of a variable"),
        ({"env": {"A=B": "x"}}, "env: 'A=B' is no name of a variable"),
        ({"env": {"A": "x\0--ro-bind\0/\0/tmp"}}, "env: A: holds a zero byte"),
    ],
)
def test_a_wrong_option_is_named(walled, options, message):
    with pytest.raises(ConfigError) as caught:
        walled(**options)
    assert message in str(caught.value)


def test_guarantee_and_limit_are_kept_apart(walled):
    made = walled(memory="1g", headroom=0.5).resources()
    assert (made.memory_guaranteed, made.memory_limit) == (1 << 30, 3 << 29)
    made = walled(memory={"guaranteed": "512 MiB", "limit": "2gb"}).resources()
    assert (made.memory_guaranteed, made.memory_limit) == (1 << 29, 2 << 30)


@pytest.mark.parametrize(
    "script",
    [
        "mkdir tests; ln -s {host}/secret.txt tests/check.sh",
        "mkdir tests; ln -s {host}/new.txt tests/check.sh",
        "mkdir tests; ln -s {host} tests/deep",
        "ln -s {host} tests",
        "mkdir tests; mkfifo tests/check.sh",
        "mkdir -p tests/deep; echo x > tests/check.sh; ln tests/check.sh tests/deep/other.sh",
        "mkdir -p tests/deep; ln -s deep/other.sh tests/check.sh",
    ],
)
def test_tests_are_put_in_place_of_the_links_that_an_agent_left_there(place, tmp_path, script):
    host, source = tmp_path / "host", tmp_path / "source"
    host.mkdir()
    (host / "secret.txt").write_text("unchanged")
    (source / "deep").mkdir(parents=True)
    (source / "check.sh").write_text("check")
    (source / "deep" / "other.sh").write_text("other")
    sh(place, script.format(host=host))
    try:
        place.upload(source, "tests")
    except (OSError, ValueError):  # refused is as good
        pass
    else:
        assert (place.read("tests/check.sh"), place.read("tests/deep/other.sh")) == (b"check", b"other")
    assert {each.name: each.read_text() for each in host.iterdir()} == {"secret.txt": "unchanged"}


def test_writing_to_a_pipe_that_nobody_reads_comes_to_an_end(place):
    sh(place, "mkfifo a.txt")
    with contextlib.suppress(OSError, ValueError):
        place.write("a.txt", b"x")
