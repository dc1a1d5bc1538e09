import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from evalharness.workspaces import Workspace, Workspaces
from evalharness.workspaces.local import LocalWorkspaces
from tests.counting import called


@pytest.fixture
def workspace():
    with LocalWorkspaces().fresh() as fresh:
        yield fresh


def test_local_workspaces_keep_the_contracts(workspace):
    assert isinstance(LocalWorkspaces(), Workspaces)
    assert isinstance(workspace, Workspace)
    assert pickle.loads(pickle.dumps(workspace)) == workspace


def test_an_unused_workspace_makes_no_folder(workspace):
    assert not Path(workspace.folder).exists()
    assert workspace.find("**/*") == []
    with pytest.raises(FileNotFoundError):
        workspace.read("answer.txt")
    assert not Path(workspace.folder).exists()


def test_an_unused_workspace_asks_the_system_next_to_nothing():
    workspaces = LocalWorkspaces()

    def unused():
        with workspaces.fresh():
            pass

    unused()
    asked = called(unused)
    assert {name for name in asked if name.startswith("posix.")} <= {"posix.getpid", "posix.lstat"}
    assert asked.total() < 20


def test_a_used_workspace_is_removed():
    with LocalWorkspaces().fresh() as workspace:
        workspace.write("a/b.txt", b"x")
        assert Path(workspace.location).is_dir()
    assert not Path(workspace.folder).exists()


@pytest.mark.parametrize(
    "script",
    [
        "mkdir -p a/b && touch a/b/c && chmod 000 a/b && chmod 500 a",
        "chmod 000 .",
        "mkfifo pipe && ln -s / root && ln -s nowhere broken",
        "i=0; while [ $i -lt 1500 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done",
    ],
    ids=["read-only folders", "unreadable itself", "pipes and links", "deeply nested"],
)
def test_whatever_an_agent_leaves_is_removed(script):
    with LocalWorkspaces().fresh() as workspace:
        assert workspace.run(["sh", "-c", script], timeout=60).exit_code == 0
    assert not os.path.lexists(workspace.folder)


def test_every_workspace_is_another_place():
    with LocalWorkspaces().fresh() as one, LocalWorkspaces().fresh() as other:
        assert one.location != other.location


def test_files_are_written_read_and_found(workspace):
    workspace.write("b.txt", b"\xff")
    workspace.write("src/deep/a.txt", b"a")
    workspace.write(".hidden", b"")
    assert workspace.read("b.txt") == b"\xff"
    assert workspace.find("*.txt") == ["b.txt"]
    assert workspace.find("**/*") == [".hidden", "b.txt", "src/deep/a.txt"]


def test_commands_run_inside(workspace):
    workspace.write("name", b"Ada")
    done = workspace.run(["sh", "-c", "cat name; pwd"], timeout=20, stdin=b"", env={"A": "b"})
    assert done.stdout.decode() == f"Ada{os.path.realpath(workspace.location)}\n"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "..", "out/passwd", "out", "a\0b"])
def test_paths_that_lead_out_are_refused(workspace, path):
    Path(workspace.location, "out").symlink_to("/etc")
    with pytest.raises(ValueError, match="workspace path"):
        workspace.read(path)
    with pytest.raises(ValueError, match="workspace path"):
        workspace.write(path, b"")
    with pytest.raises(ValueError, match="workspace path"):
        workspace.upload(Path(__file__), path)


def test_links_out_are_neither_found_nor_downloaded(workspace, tmp_path):
    workspace.write("in.txt", b"in")
    place = Path(workspace.location)
    (place / "outside").symlink_to("/etc")
    (place / "passwd").symlink_to("/etc/passwd")
    (place / "again.txt").symlink_to("in.txt")
    os.mkfifo(place / "pipe")
    assert workspace.find("**/*") == ["again.txt", "in.txt"]
    workspace.download(".", tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["again.txt", "in.txt"]


@pytest.mark.parametrize("pattern", ["../*", "/etc/*"])
def test_patterns_that_lead_out_are_refused(workspace, pattern):
    with pytest.raises(ValueError, match="workspace path"):
        workspace.find(pattern)


def test_a_pipe_is_not_read(workspace):
    os.mkfifo(Path(workspace.location, "pipe"))
    with pytest.raises(ValueError, match="not a regular file"):
        workspace.read("pipe")


def test_files_and_folders_go_in_and_come_out(workspace, tmp_path):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a.txt").write_text("a")
    workspace.upload(source, "project")
    workspace.upload(source / "deep" / "a.txt", "copies/b.txt")
    workspace.download("project/deep", tmp_path / "folder")
    workspace.download("copies/b.txt", tmp_path / "new" / "b.txt")
    assert (tmp_path / "folder" / "a.txt").read_text() == "a"
    assert (tmp_path / "new" / "b.txt").read_text() == "a"


def test_a_folder_uploaded_to_the_top_merges(workspace, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    workspace.write("b.txt", b"b")
    workspace.upload(tmp_path, ".")
    assert workspace.find("*") == ["a.txt", "b.txt"]


def test_a_process_leaves_no_folder_behind(tmp_path):
    script = (
        "from evalharness.workspaces.local import LocalWorkspaces\n"
        "with LocalWorkspaces().fresh() as w: w.write('a', b'b'); print(w.folder)"
    )
    env = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_an_executable_stays_executable_when_uploaded(workspace, tmp_path):
    program = tmp_path / "hello.sh"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    workspace.upload(program, "hello.sh")
    assert workspace.run(["./hello.sh"], timeout=20).stdout == b"hello\n"


def test_loops_of_links_and_folders_nested_too_deep_are_left_out(workspace):
    workspace.write("a.txt", b"a")
    place = Path(workspace.location)
    (place / "loop.txt").symlink_to("loop.txt")
    (place / "again").symlink_to(".")
    nest = "import os\nfor i in range(1500):\n  os.mkdir('deep' * 9)\n  os.chdir('deep' * 9)\nopen('b.txt', 'w')"
    workspace.run([sys.executable, "-c", nest], timeout=20)
    assert [name for name in workspace.find("**/*") if "deep" not in name] == ["a.txt"]
    with pytest.raises(ValueError, match="link to itself"):
        workspace.read("loop.txt")


def test_a_file_that_is_larger_than_its_disk_use_is_not_read(workspace):
    with Path(workspace.location, "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match="bytes, more than"):
        workspace.read("sparse")
