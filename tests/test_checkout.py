"""Git revisions as folders: made once, set up once, and never half."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evalharness.errors import ConfigError
from evalharness.loading.checkout import git_state
from evalharness.loading.definition import fingerprint, load_agent

AGENT = "use: function\noptions: {call: 'mine:agent'}\n"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, mine_py="def agent(task):\n    return 'old'\n", agent_yaml=AGENT)
    git(folder, "tag", "old")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(folder)
    return folder


def test_an_agent_of_a_revision_is_the_file_as_it_was(repository):
    old = git(repository, "rev-parse", "HEAD")
    commit(repository, mine_py="def agent(task):\n    return 'new'\n", agent_yaml=AGENT + "name: renamed\n")
    found = load_agent("git:old")
    assert (found.name, found.version) == ("agent", old[:12])
    assert "old" in (Path(found.place) / "mine.py").read_text()
    assert fingerprint(found) != fingerprint(load_agent("agent.yaml"))
    assert git(repository, "status", "--porcelain") == ""


def test_the_same_content_has_the_same_fingerprint_in_a_checkout(repository):
    assert fingerprint(load_agent("git:HEAD:agent.yaml")) == fingerprint(load_agent("agent.yaml"))
    assert load_agent("git:HEAD").place == load_agent("git:old").place


def test_a_shorthand_may_follow_the_revision(repository):
    found = load_agent("git:old:python:mine:agent")
    assert found.options == {"call": "mine:agent"}
    assert "cache" in found.place


def test_names_are_seen_from_the_current_folder(repository, monkeypatch):
    (repository / "sub").mkdir()
    git(repository, "mv", "agent.yaml", "sub/agent.yaml")
    commit(repository)
    monkeypatch.chdir(repository / "sub")
    assert load_agent("git:HEAD").place.endswith("/sub")
    with pytest.raises(ConfigError, match=r"agent.yaml: no such file"):
        load_agent("git:old")


def test_setup_runs_once_per_revision(repository, tmp_path):
    count = tmp_path / "count"
    commit(repository, agent_yaml=AGENT + f"setup: echo run >> {count} && touch made\n")
    places = {load_agent("git:main").place for _ in range(3)}
    assert len(places) == 1
    assert (Path(places.pop()) / "made").is_file()
    assert count.read_text() == "run\n"
    commit(repository, mine_py="")
    load_agent("git:main")
    assert count.read_text() == "run\nrun\n"


def test_setup_that_fails_is_said_and_tried_again(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "a-secret-value")
    commit(repository, agent_yaml=AGENT + f"setup: echo $SOME_TOKEN; test -e {tmp_path}/there\n")
    with pytest.raises(ConfigError, match=r"setup `.*` ended with status 1: \[redacted\]"):
        load_agent("git:main")
    assert not any("a-secret" in log.read_text() for log in (tmp_path / "cache").rglob("*.log"))
    (tmp_path / "there").touch()
    assert load_agent("git:main").use == "function"


def test_a_checkout_left_half_made_is_made_again(repository, tmp_path):
    slow = f"test -e {tmp_path}/there || {{ touch half {tmp_path}/begun; sleep 60; }}"
    commit(repository, agent_yaml=AGENT + f'setup: "{slow}"\n')
    script = "from evalharness.loading.definition import load_agent; load_agent('git:main')"
    begun = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    while not (tmp_path / "begun").exists():
        assert begun.poll() is None
        time.sleep(0.02)
    os.killpg(begun.pid, signal.SIGKILL)
    begun.wait()
    git(repository, "worktree", "lock", str(next((tmp_path / "cache").rglob("half")).parent))
    (tmp_path / "there").touch()
    place = Path(load_agent("git:main").place)
    assert (place / "mine.py").is_file()
    assert not (place / "half").exists()


def test_a_deleted_cache_is_made_again(repository, tmp_path):
    load_agent("git:old")
    shutil.rmtree(tmp_path / "cache")
    assert Path(load_agent("git:old").place).is_dir()


def test_a_checkout_that_somebody_changed_is_refused(repository):
    (Path(load_agent("git:old").place) / "mine.py").write_text("def agent(task):\n    return 'forged'\n")
    with pytest.raises(ConfigError, match="is no longer as git made it: `git worktree remove --force"):
        load_agent("git:old")


def test_processes_at_once_share_one_checkout(repository, tmp_path):
    count = tmp_path / "count"
    commit(repository, agent_yaml=AGENT + f"setup: echo run >> {count}; sleep 0.3\n")
    script = "from evalharness.loading.definition import load_agent; print(load_agent('git:main').place)"
    begun = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert len({process.communicate()[0] for process in begun}) == 1
    assert count.read_text() == "run\n"


def test_hooks_of_the_repository_do_not_run_and_a_hook_may_run_us(repository, tmp_path, monkeypatch):
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert load_agent("git:old").use == "function"
    assert not (tmp_path / "hooked").exists()


def test_a_shallow_clone_is_told_what_to_fetch(repository, tmp_path, monkeypatch):
    git(repository, "branch", "release")
    commit(repository, mine_py="")
    git(tmp_path, "clone", "-q", "--depth", "1", "--single-branch", f"file://{repository}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(ConfigError, match="git:release: no such revision here") as refused:
        load_agent("git:release")
    fetch = re.search(r"`git (.*)`", str(refused.value))
    assert fetch is not None
    git(tmp_path / "shallow", *fetch[1].split())
    assert "old" in (Path(load_agent("git:release").place) / "mine.py").read_text()
    with pytest.raises(ConfigError, match="git fetch --unshallow"):
        load_agent("git:HEAD~1")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("git:nope", "git:nope: no such revision here"),
        ("git:--help", "git:--help: no such revision here"),
        ("git:", "git:: no such revision here"),
        ("git:old:other.yaml", "git:old: other.yaml: no such file"),
        ("git:old:/etc/agent.yaml", "git:old:/etc/agent.yaml: '/etc/agent.yaml' is not inside the repository"),
        ("git:old:../agent.yaml", "git:old:../agent.yaml: '../agent.yaml' is not inside the repository"),
    ],
)
def test_what_a_revision_does_not_have_is_refused(repository, spec, said):
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}"):
        load_agent(spec)


def test_a_class_of_the_revision_is_refused_for_two_versions_of_a_module_do_not_fit(repository):
    commit(repository, own_py="class Agent:\n    ...\n", agent_yaml="use: 'own:Agent'\n")
    with pytest.raises(ConfigError, match="one module cannot have two versions"):
        load_agent("git:main")


def test_outside_a_repository_there_are_no_revisions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"git:main: .* is not inside a git repository"):
        load_agent("git:main")
    assert git_state(tmp_path) == (None, None)


def test_the_state_of_a_repository_is_its_commit_and_whether_it_is_dirty(repository):
    head = git(repository, "rev-parse", "HEAD")
    assert git_state(repository / "mine.py") == (head, False)
    (repository / "new.txt").write_text("untracked")
    assert git_state(repository) == (head, False)
    (repository / "mine.py").write_text("changed")
    assert git_state(repository) == (head, True)
