"""`evalh init`: what it writes runs at once, and nothing is overwritten."""

import subprocess
import sys

import pytest

from evalharness.cli import cli
from evalharness.errors import ConfigError


def evalh(folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evalharness", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_what_it_writes_runs_at_once(tmp_path):
    done = evalh(tmp_path, "init", "my suite")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"my suite/{name}" for name in ("suite.yaml", "tasks.jsonl", "agent.yaml", "agent.py")
    ]
    steps = done.stderr.split("next:\n")[1].splitlines()
    assert steps[0].strip() == "cd 'my suite'"
    for step in steps[1:]:
        done = evalh(tmp_path / "my suite", *step.split()[1:])
        assert done.returncode == 0, done.stderr
    assert "27 of 30 trials passed" in done.stdout


@pytest.mark.parametrize("name", ["suite.yaml", "agent.py", ".evalh/suite.json"])
def test_nothing_is_overwritten(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=f"{name}: exists already; name another folder"):
        cli.main(["init", str(tmp_path)], standalone_mode=False)
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="cannot be written"):
        cli.main(["init", str(tmp_path / "file")], standalone_mode=False)
