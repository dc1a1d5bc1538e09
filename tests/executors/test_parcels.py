import os
import subprocess
from pathlib import Path

import pytest

from evalharness.agents.function import FunctionAgent
from evalharness.errors import ConfigError
from evalharness.executors import parcels
from evalharness.executors.parcels import opened, packed, parcel, unpacked


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "deep").mkdir(parents=True)
    (root / "agent.py").write_text("one")
    (root / "deep" / "tool.sh").write_text("two")
    (root / "deep" / "tool.sh").chmod(0o755)
    return root


def found(root):
    return sorted(path.relative_to(root).as_posix() for path in Path(root).rglob("*") if path.is_file())


def test_a_folder_arrives_as_it_was(project, tmp_path):
    there = opened(parcel(str(project)), str(project), tmp_path / "there")
    assert found(there) == ["agent.py", "deep/tool.sh"]
    assert os.access(Path(there, "deep", "tool.sh"), os.X_OK)


def test_a_file_and_an_empty_folder_arrive_too(project, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert Path(opened(parcel(str(empty)), str(empty), tmp_path / "there")).is_dir()
    file = str(project / "agent.py")
    assert Path(opened(parcel(file), file, tmp_path / "there")).read_text() == "one"


def test_files_of_secrets_and_what_is_made_again_stay_at_home(project, tmp_path):
    for name in (".env", ".env.local", ".netrc", "runs/x/trials.jsonl", "__pycache__/a.pyc", ".git/config"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("secret")
    assert found(opened(parcel(str(project)), str(project), tmp_path / "there")) == ["agent.py", "deep/tool.sh"]


def test_what_git_ignores_stays_at_home(project, tmp_path):
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    (project / ".gitignore").write_text("*.key\nbig/\n")
    (project / "my.key").write_text("secret")
    (project / "big").mkdir()
    (project / "big" / "model").write_text("large")
    sent = opened(parcel(str(project)), str(project), tmp_path / "there")
    assert found(sent) == [".gitignore", "agent.py", "deep/tool.sh"]
    assert found(opened(parcel(str(project / "big")), str(project / "big"), tmp_path / "asked")) == ["model"]


def test_equal_content_is_an_equal_parcel(project):
    first = parcel(str(project))
    os.utime(project / "agent.py", (1, 1))
    assert parcel(str(project)) == first


def test_a_folder_that_is_too_large_is_named_with_a_way_out(project, monkeypatch):
    monkeypatch.setattr(parcels, "LONGEST_BYTES", 3)
    with pytest.raises(ConfigError, match=r"project holds more than .*--ray-shared"):
        parcel(str(project))


def test_a_link_arrives_as_what_it_leads_to(project, tmp_path):
    (tmp_path / "elsewhere.txt").write_text("far")
    (project / "link").symlink_to(tmp_path / "elsewhere.txt")
    (project / "dangling").symlink_to(tmp_path / "nowhere")
    there = Path(opened(parcel(str(project)), str(project), tmp_path / "there"))
    assert (there / "link").read_text() == "far"
    assert not (there / "dangling").exists()


def test_what_names_a_place_in_a_sent_folder_names_it_there(project, tmp_path):
    root = str(project)
    agent = FunctionAgent(call="agent:answer", folder=root)
    said = {"agent": agent, "path": project / "agent.py", "text": f"{root}/agent.py", "prose": f"{root}/ is a folder"}
    there = unpacked(packed(said, [root]), {root: "/there"})
    assert there["agent"].folder == "/there"
    assert (there["path"], there["text"]) == (Path("/there/agent.py"), "/there/agent.py")
    assert there["prose"] == said["prose"]
    assert unpacked(packed(said, []), {}) == said
