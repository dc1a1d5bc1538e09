"""Git revisions as folders: a worktree per revision in the user's cache, made once and set up once.

A worktree counts only when the mark of its completion lies beside it; what an interrupted process left behind is
removed and made again. One process at a time makes worktrees of a repository.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.git import git_environment, git_output, git_text
from evalharness.redact import Redactor

_PLAIN = re.compile(r"[\w./-]+")  # a branch, tag or commit, not a way through the history such as HEAD~2


class Revision(Struct, frozen=True, kw_only=True):
    """A commit of a repository; `prefix` is the current folder inside it."""

    repository: str
    common: str
    prefix: str
    commit: str


def git_state(path: str | Path) -> tuple[str | None, bool | None]:
    """Return the commit that is checked out around a path, and whether tracked files differ from it."""
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    try:
        commit = git_text(folder, "rev-parse", "--verify", "HEAD")
        return commit, bool(git_text(folder, "status", "--porcelain", "--untracked-files=no"))
    except ConfigError:
        return None, None


def resolved(ref: str, folder: Path) -> Revision:
    """Find the commit that a name stands for in the repository around a folder; a remote branch will do."""
    try:
        repository, common, prefix = git_text(
            folder, "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir", "--show-prefix"
        ).split("\n")
    except ConfigError as exc:
        raise ConfigError(f"git:{ref}: {folder} is not inside a git repository: {exc}") from exc
    remote = [f"refs/remotes/origin/{ref}"] if _PLAIN.fullmatch(ref) and ref != "HEAD" else []
    for name in (ref, *remote):
        try:
            commit = git_text(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        except ConfigError:
            continue
        return Revision(repository=repository, common=common, prefix=prefix, commit=commit)
    raise ConfigError(f"git:{ref}: no such revision here; where the clone is shallow, get it with `{_fetching(ref)}`")


def inside(revision: Revision, path: str) -> bool:
    """Say whether a path, seen from the current folder, stays inside the repository."""
    return not (path.startswith("/") or _named(revision, path).startswith(".."))


def _named(revision: Revision, path: str) -> str:
    return os.path.normpath(revision.prefix + path)


def content(revision: Revision, path: str) -> bytes | None:
    """Return a file of the revision, seen from the current folder; None where there is none."""
    try:
        return git_output(Path(revision.repository), "cat-file", "blob", f"{revision.commit}:{_named(revision, path)}")
    except ConfigError:
        return None


def worktree(revision: Revision, *, setup: str | None = None, place: str = ".") -> Path:
    """Give the current folder's counterpart in a checkout of the revision, where `setup` has been run once in `place`.

    The lock files that a setup reads are part of the revision, so revision and command name everything it depends on.
    """
    home = _cache() / _repository_name(revision)
    where = _named(revision, place)
    key = "" if setup is None else f"-{hashlib.sha256(f'{where} {setup}'.encode()).hexdigest()[:12]}"
    tree = home / f"{revision.commit}{key}"
    ready = home / f"{tree.name}.ready"
    with _locked(home):
        if not (ready.is_file() and tree.is_dir()):
            ready.unlink(missing_ok=True)
            _make(tree, revision)
            if setup is not None:
                _set_up(tree, tree / where, setup)
            _write(ready, _changes(tree))
        elif ready.read_text(encoding="utf-8") != _changes(tree):
            raise ConfigError(
                f"{tree} is no longer as git made it: `git worktree remove --force {tree}`, and try again"
            )
    return tree / revision.prefix


def _make(tree: Path, revision: Revision) -> None:
    """Check the revision out, in place of what an interrupted process may have left."""
    repository = Path(revision.repository)
    if tree.exists():
        shutil.rmtree(tree)
    git_output(repository, "worktree", "prune")
    git_output(repository, "worktree", "add", "--force", "--force", "--detach", str(tree), revision.commit)


def _write(path: Path, text: str) -> None:
    whole = path.with_name(f"{path.name}.new")
    whole.write_text(text, encoding="utf-8")
    whole.replace(path)


def _set_up(tree: Path, folder: Path, setup: str) -> None:
    done = subprocess.run(  # noqa: S602 - the agent's own file says what to run, as a shell would
        setup, shell=True, cwd=folder, env=git_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode == 0:
        return
    said = Redactor.from_environment().clean(done.stdout + done.stderr).decode("utf-8", "replace").strip()
    log = tree.with_name(f"{tree.name}.log")
    log.write_text(said + "\n", encoding="utf-8")
    last = said.rsplit("\n", 1)[-1]
    raise ConfigError(f"setup `{setup}` ended with status {done.returncode}: {last} (all it said is in {log})")


def _changes(tree: Path) -> str:
    """Say how tracked files differ from the commit: a setup may change some, nobody else should."""
    return hashlib.sha256(git_output(tree, "diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD")).hexdigest()


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "evalh" / "worktrees"


def _repository_name(revision: Revision) -> str:
    readable = re.sub(r"[^A-Za-z0-9._-]", "_", Path(revision.repository).name)
    return f"{readable}-{hashlib.sha256(os.fsencode(revision.common)).hexdigest()[:12]}"


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "lock").open("w")
    except OSError as exc:
        raise ConfigError(f"{home}: cannot be written: {exc.strerror}; XDG_CACHE_HOME may name another place") from exc
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetching(ref: str) -> str:
    if re.fullmatch(r"[0-9a-f]{7,64}", ref):
        return f"git fetch --depth 1 origin {ref}"
    if not _PLAIN.fullmatch(ref):
        return "git fetch --unshallow"
    return f"git fetch --depth 1 origin {ref}:refs/remotes/origin/{ref}"
