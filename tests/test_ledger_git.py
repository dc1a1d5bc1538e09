"""A line in real git repositories: nothing of the user's is touched, and nothing is lost between writers and clones."""

import subprocess
import sys

import msgspec
import pytest

from evalharness.errors import ConfigError, HarnessFault
from evalharness.ledger import line_names, open_line
from evalharness.ledger.entry import canonical_json
from evalharness.ledger.git_line import GitLine
from tests.ledgers import TABLES, clone, environment, git, new_repository, promotion_of
from tests.test_ledger import write_at_once

REF = "refs/evalh/lines/main"


def append(line, *versions: str):
    for version in versions:
        link = line.append(lambda chain, version=version: promotion_of(chain, version), TABLES)
    return link


def versions(line) -> list[str]:
    return [link.entry.version for link in line.read().links]


@pytest.fixture
def repository(tmp_path):
    return new_repository(tmp_path / "repository")


def test_in_a_repository_a_line_is_a_chain_of_commits_under_its_own_ref(repository):
    line = open_line("main", repository)
    assert isinstance(line, GitLine)
    link = append(line, "1", "2")
    assert versions(line) == ["1", "2"]
    assert line.read().head == link.digest
    assert git(repository, "log", "--format=%s", REF).splitlines()[0] == link.digest
    assert line.table(next(iter(TABLES))) == b"{}"
    assert line_names(repository) == ["main"]


def test_branch_index_and_working_tree_stay_as_they_are(repository):
    (repository / "file.txt").write_text("changed")
    (repository / "staged.txt").write_text("staged")
    git(repository, "add", "staged.txt")
    seen = ("status", "--porcelain"), ("for-each-ref", "refs/heads"), ("diff", "--cached"), ("stash", "list")
    before = [git(repository, *command) for command in seen]
    append(open_line("main", repository), "1", "2")
    assert [git(repository, *command) for command in seen] == before
    assert git(repository, "fsck", "--strict") == ""


def test_a_line_is_found_from_below_and_from_other_worktrees(repository, tmp_path):
    (repository / "deep").mkdir()
    append(open_line("main", repository / "deep"), "1")
    git(repository, "worktree", "add", "-q", str(tmp_path / "tree"))
    assert versions(open_line("main", tmp_path / "tree")) == ["1"]


def test_the_variables_that_git_sets_for_hooks_lead_nowhere_else(repository, tmp_path, monkeypatch):
    other = new_repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    append(open_line("main", repository), "1")
    monkeypatch.delenv("GIT_DIR")
    assert (line_names(repository), line_names(other)) == (["main"], [])


def test_no_identity_of_git_is_needed(repository, monkeypatch):
    for name, value in {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    append(open_line("main", repository), "1")
    assert git(repository, "log", "--format=%an <%ae>", REF) == "evalh <evalh@localhost>"


def test_processes_that_write_a_ref_at_once_lose_nothing(repository):
    expected = write_at_once(repository, writers=4, each=3)
    assert set(versions(open_line("main", repository))) == expected
    assert len(versions(open_line("main", repository))) == len(expected)


def test_an_entry_made_for_an_older_head_is_refused_as_a_fork(repository):
    line = open_line("main", repository)
    append(line, "1")
    stale = promotion_of(line.read(), "mine")
    append(line, "2")
    with pytest.raises(ConfigError, match="forks the line"):
        line.append(lambda _: stale, TABLES)
    assert versions(line) == ["1", "2"]


def rewritten(repository, entry: bytes, message: str, *parents: str) -> None:
    """Point the line to a commit of somebody's own making."""
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=repository, input=entry, capture_output=True, check=True
    ).stdout.decode()
    tree = subprocess.run(
        ["git", "mktree"],
        cwd=repository,
        input=f"100644 blob {blob.strip()}\tentry.json\n".encode(),
        capture_output=True,
        check=True,
    ).stdout.decode()
    words = [word for parent in parents for word in ("-p", parent)]
    made = git(repository, "commit-tree", tree.strip(), *words, "-m", message)
    git(repository, "update-ref", REF, made)


def test_an_entry_edited_in_the_repository_is_named(repository):
    line = open_line("main", repository)
    link = append(line, "1", "2")
    edited = canonical_json(msgspec.structs.replace(link.entry, who="somebody else"))
    rewritten(repository, edited, link.digest, f"{REF}~1")
    with pytest.raises(ConfigError, match=r"line main: entry 2 \(promotion of '2'\) was edited"):
        line.read()


def test_two_histories_joined_are_refused(repository):
    line = open_line("main", repository)
    link = append(line, "1", "2")
    rewritten(repository, canonical_json(promotion_of(line.read(), "3")), "x", REF, f"{REF}~1")
    with pytest.raises(ConfigError, match="entry 3 joins two histories: a line has no forks"):
        line.read()
    assert link.entry.version == "2"


def test_a_commit_without_an_entry_is_damaged(repository):
    append(open_line("main", repository), "1")
    git(repository, "update-ref", REF, "HEAD")
    with pytest.raises(ConfigError, match="line main: entry 1 was edited"):
        open_line("main", repository).read()


def test_a_repository_that_git_will_not_open_is_no_folder_without_git(tmp_path):
    (tmp_path / ".git").mkdir()
    with pytest.raises(ConfigError, match="rev-parse"):
        open_line("main", tmp_path)


@pytest.fixture
def origin(repository, tmp_path):
    """A bare repository that clones are made of."""
    git(repository, "clone", "-q", "--bare", ".", str(tmp_path / "origin"))
    return tmp_path / "origin"


def push(line, version: str) -> bool:
    line.sync("origin")
    return line.publish("origin", append(line, version))


def test_a_fresh_clone_reads_the_line_of_its_origin(origin, tmp_path):
    assert push(open_line("main", clone(origin, tmp_path / "a")), "1")
    fresh = open_line("main", clone(origin, tmp_path / "b"))
    assert versions(fresh) == ["1"]
    assert fresh.table(next(iter(TABLES))) == b"{}"


@pytest.mark.parametrize("how", [("--depth=1",), ("--depth=1", "--no-single-branch"), ("--filter=blob:none",)])
def test_a_shallow_or_partial_clone_reads_all_of_the_line_and_stays_shallow(origin, tmp_path, how):
    first = open_line("main", clone(origin, tmp_path / "a"))
    for version in ("1", "2", "3"):
        push(first, version)
    git(origin, "config", "uploadpack.allowFilter", "true")
    shallow = clone(origin, tmp_path / "b", *how)
    seen = git(shallow, "rev-list", "--count", "HEAD")
    assert versions(open_line("main", shallow)) == ["1", "2", "3"]
    assert git(shallow, "rev-list", "--count", "HEAD") == seen


def test_a_line_that_was_fetched_in_part_is_completed_and_the_branch_stays_shallow(origin, tmp_path):
    first = open_line("main", clone(origin, tmp_path / "a"))
    for version in ("1", "2", "3"):
        push(first, version)
    shallow = clone(origin, tmp_path / "b", "--depth=1")
    git(shallow, "fetch", "-q", "--depth=1", "origin", f"{REF}:{REF}")
    assert versions(open_line("main", shallow)) == ["1", "2", "3"]
    assert git(shallow, "rev-list", "--count", "HEAD") == "1"


def test_a_line_cut_short_with_nobody_to_ask_says_how_to_mend_it(origin, tmp_path):
    first = open_line("main", clone(origin, tmp_path / "a"))
    push(first, "1")
    push(first, "2")
    shallow = clone(origin, tmp_path / "b", "--depth=1")
    git(shallow, "fetch", "-q", "--depth=1", "origin", f"{REF}:{REF}")
    git(shallow, "remote", "remove", "origin")
    with pytest.raises(ConfigError, match="cut by a shallow clone: `git fetch --depth="):
        open_line("main", shallow).read()


def test_an_origin_that_cannot_be_asked_is_not_an_origin_without_the_line(origin, tmp_path):
    work = clone(origin, tmp_path / "a")
    git(work, "remote", "set-url", "origin", f"file://{tmp_path}/gone")
    with pytest.raises(HarnessFault, match="line main: origin cannot be asked for it"):
        open_line("main", work).read()


def test_a_push_that_lost_the_race_is_taken_back_and_goes_through_on_top_of_the_winner(origin, tmp_path):
    one, two = (open_line("main", clone(origin, tmp_path / name)) for name in ("a", "b"))
    push(one, "1")
    two.sync("origin")
    link = append(two, "mine")
    push(one, "2")
    assert not two.publish("origin", link)
    assert versions(two) == ["1"]
    assert push(two, "mine")
    one.sync("origin")
    assert versions(one) == ["1", "2", "mine"]


def test_the_first_push_of_a_line_can_lose_the_race_too(origin, tmp_path):
    one, two = (open_line("main", clone(origin, tmp_path / name)) for name in ("a", "b"))
    link = append(two, "mine")
    push(one, "1")
    assert not two.publish("origin", link)
    assert push(two, "mine")
    assert versions(two) == ["1", "mine"]


def test_lines_that_grew_apart_are_refused_with_the_way_out(origin, tmp_path):
    one, two = (open_line("main", clone(origin, tmp_path / name)) for name in ("a", "b"))
    push(one, "1")
    two.sync("origin")
    append(two, "never pushed")
    push(one, "2")
    with pytest.raises(ConfigError, match="line main has grown apart") as refused:
        two.sync("origin")
    for command in str(refused.value).split("`")[1::2]:
        subprocess.run(command.split(), cwd=two.root, check=True)
    assert versions(two) == ["1", "2"]
    assert push(two, "after all")


def test_earlier_entries_that_were_never_pushed_go_along(origin, tmp_path):
    line = open_line("main", clone(origin, tmp_path / "a"))
    append(line, "1")
    push(line, "2")
    assert versions(open_line("main", clone(origin, tmp_path / "b"))) == ["1", "2"]


def test_a_push_that_is_refused_for_another_reason_keeps_the_entry_and_says_how_to_push(origin, tmp_path):
    line = open_line("main", clone(origin, tmp_path / "a"))
    (origin / "hooks").mkdir(exist_ok=True)
    (origin / "hooks" / "pre-receive").write_text("#!/bin/sh\nexit 1\n")
    (origin / "hooks" / "pre-receive").chmod(0o755)
    with pytest.raises(HarnessFault, match=f"but not on origin: .* push it with `git push origin {REF}`"):
        push(line, "1")
    assert versions(line) == ["1"]


def test_an_unknown_remote_is_refused_by_name(repository):
    with pytest.raises(ConfigError, match="no remote 'upstream': this repository has none"):
        open_line("main", repository).sync("upstream")


PUSHER = """
import sys
from pathlib import Path
from evalharness.cli.line_options import extend
from evalharness.ledger import open_line
from tests.ledgers import TABLES, promotion_of
line = open_line("main", Path(sys.argv[1]))
for number in range(2):
    extend(line, lambda chain: promotion_of(chain, f"{sys.argv[2]}-{number}"), TABLES, "origin")
"""


def test_clones_that_push_at_once_lose_nothing(origin, tmp_path):
    folders = [clone(origin, tmp_path / name) for name in ("a", "b", "c")]
    words = [[sys.executable, "-c", PUSHER, str(folder), folder.name] for folder in folders]
    started = [subprocess.Popen(each, env=environment(), stderr=subprocess.DEVNULL) for each in words]
    assert [process.wait(120) for process in started] == [0, 0, 0]
    fresh = open_line("main", clone(origin, tmp_path / "fresh"))
    assert set(versions(fresh)) == {f"{name}-{number}" for name in "abc" for number in range(2)}
