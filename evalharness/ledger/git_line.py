"""A line in a git repository: a chain of commits under `refs/evalh/lines/NAME`, extended by compare-and-swap.

Each commit's tree holds `entry.json` and the outcome tables it names; its message is the entry's digest. Only plumbing
is used: no branch, no index, no working tree and no hook ever sees a line.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from evalharness.errors import ConfigError, HarnessFault
from evalharness.git import git_output, git_text
from evalharness.ledger.chain import SHOWN, Chain, Link, admitted, verified
from evalharness.ledger.entry import Stored
from evalharness.ledger.storage import Make, Tables, packed, table_file, unpacked, written

PREFIX = "refs/evalh/lines/"
ENTRY = "entry.json"
# Other writers finish within milliseconds; a writer that loses this often says what git says.
PAUSES = (0.0, 0.02, 0.05, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0)
# Deepens this line alone, where `--unshallow` would fetch the history of every branch.
WHOLE = "1000000"
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", "--no-recurse-submodules")


class GitLine:
    """A line in the repository around `root`."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root
        self.ref = f"{PREFIX}{name}"

    @staticmethod
    def names(root: Path) -> list[str]:
        """Return the lines that a repository has."""
        found = git_text(root, "for-each-ref", "--format=%(refname)", PREFIX)
        return [ref.removeprefix(PREFIX) for ref in found.splitlines()]

    def read(self) -> Chain:
        """Return the whole chain, checked; what a fresh or shallow clone lacks is fetched first."""
        tip = self._tip()
        if tip is None:
            self._bring()
            tip = self._tip()
        elif self._is_cut(tip):
            self._deepen()
        return self._chain(tip)

    def append(self, make: Make, tables: Tables) -> Link:
        """Put an entry on top of the head; where another writer was faster, on top of theirs."""
        self.read()
        refused: ConfigError | None = None
        for pause in PAUSES:
            time.sleep(pause)
            tip = self._tip()
            chain = self._chain(tip)
            new = written(make(chain))
            link = admitted(chain, new)
            commit = self._commit(tip, new, tables, when=link.entry.when)
            try:
                git_output(self.root, "update-ref", self.ref, commit, tip or "")
            except ConfigError as exc:
                refused = exc
            else:
                return link
        raise HarnessFault(f"line {self.name}: cannot be extended: {refused}")

    def table(self, digest: str) -> bytes:
        """Return an outcome table as JSON, checked against its digest."""
        found = self._objects([f"{commit}:{table_file(digest)}" for commit in self._commits(self._tip())])
        return unpacked(next((each for each in found if each is not None), None), self.name, digest)

    def sync(self, remote: str) -> None:
        """Bring what a remote has and this repository lacks; a line that grew on both sides is refused."""
        self._check_remote(remote)
        here, there = self._tip(), self._remote_tip(remote)
        if there in (None, here):
            return
        git_output(self.root, *_FETCH, remote, self.ref)
        if here is None or self._is_ancestor(here, there):
            git_output(self.root, "update-ref", self.ref, str(there), here or "")
        elif not self._is_ancestor(there, here):
            raise ConfigError(
                f"line {self.name} has grown apart: {remote} has entries that are not here, and this repository has "
                f"entries that never reached {remote}: keep those aside with `git update-ref refs/evalh/aside/"
                f"{self.name}-{here[:SHOWN]} {here}`, take theirs with `git update-ref {self.ref} {there}`, and "
                "promote again"
            )

    def publish(self, remote: str, link: Link) -> bool:
        """Push the entry; False where another one reached the remote first, and this one was taken back here."""
        commit = next(each for each in self._commits(self._tip()) if self._recorded(each) == link.digest)
        refused: ConfigError | None = None
        for pause in PAUSES[1:4]:
            try:
                git_output(self.root, "push", "--quiet", "--no-follow-tags", remote, f"{commit}:{self.ref}")
            except ConfigError as exc:
                refused = exc
            else:
                return True
            there = self._asked(remote)
            if there and self._is_ancestor(commit, there):  # it arrived, earlier or just now
                return True
            if there and not self._is_ancestor(there, commit):
                self._take_back(commit)
                return False
            time.sleep(pause)
        raise HarnessFault(
            f"line {self.name}: entry {link.digest[:SHOWN]} is in this repository but not on {remote}: {refused}: push "
            f"it with `git push {remote} {self.ref}`"
        )

    def _take_back(self, commit: str) -> None:
        before = self._parents(commit)
        undo = [self.ref, before[0], commit] if before else ["-d", self.ref, commit]
        with suppress(ConfigError):  # another writer of this repository stands on it: `sync` will say so
            git_output(self.root, "update-ref", *undo)

    def _commit(self, tip: str | None, new: Stored, tables: Tables, *, when: str) -> str:
        files = {ENTRY: new.content} | {table_file(digest): packed(table) for digest, table in tables.items()}
        blobs = {
            name: git_text(self.root, "hash-object", "-w", "--stdin", stdin=content) for name, content in files.items()
        }
        listing = "".join(f"100644 blob {blob}\t{name}\n" for name, blob in blobs.items())
        tree = git_text(self.root, "mktree", stdin=listing.encode())
        parents = ["-p", tip] if tip else []
        message = f"{new.digest}\n".encode()
        return git_text(self.root, "commit-tree", tree, *parents, stdin=message, environment=_identity(when))

    def _tip(self) -> str | None:
        return git_text(self.root, "for-each-ref", "--format=%(objectname)", self.ref) or None

    def _commits(self, tip: str | None) -> list[str]:
        return git_text(self.root, "rev-list", "--topo-order", "--reverse", tip).splitlines() if tip else []

    def _chain(self, tip: str | None) -> Chain:
        commits = self._commits(tip)
        contents = self._objects([f"{commit}:{ENTRY}" for commit in commits])
        raw = self._objects(commits)
        for place, commit in enumerate(raw, start=1):
            if len(_parents_of(commit or b"")) > 1:
                raise ConfigError(f"line {self.name}: entry {place} joins two histories: a line has no forks")
        stored = [
            Stored(_message_of(commit or b""), content or b"") for commit, content in zip(raw, contents, strict=True)
        ]
        return verified(self.name, stored)

    def _objects(self, names: Sequence[str]) -> list[bytes | None]:
        """Read objects in one go; None for those that are not there."""
        if not names:
            return []
        asked = "".join(f"{name}\n" for name in names).encode()
        return list(_batch(git_output(self.root, "cat-file", "--batch", stdin=asked), len(names)))

    def _recorded(self, commit: str) -> str:
        return _message_of(self._objects([commit])[0] or b"")

    def _parents(self, commit: str) -> list[str]:
        return _parents_of(self._objects([commit])[0] or b"")

    def _is_cut(self, tip: str) -> bool:
        return bool(self._parents(self._commits(tip)[0]))

    def _is_ancestor(self, older: str | None, newer: str | None) -> bool:
        try:
            git_output(self.root, "merge-base", "--is-ancestor", str(older), str(newer))
        except ConfigError:  # not an ancestor, or not even here
            return False
        return True

    def _remotes(self) -> list[str]:
        return git_text(self.root, "remote").splitlines()

    def _check_remote(self, remote: str) -> None:
        known = self._remotes()
        if remote not in known:
            raise ConfigError(
                f"line {self.name}: no remote '{remote}': this repository has {', '.join(known) or 'none'}"
            )

    def _source(self) -> str | None:
        """Return the remote that a clone came from, as far as that is clear."""
        remotes = self._remotes()
        return "origin" if "origin" in remotes else remotes[0] if len(remotes) == 1 else None

    def _remote_tip(self, remote: str) -> str | None:
        try:
            found = git_text(self.root, "ls-remote", remote, self.ref)
        except ConfigError as exc:
            raise HarnessFault(f"line {self.name}: {remote} cannot be asked for it: {exc}") from exc
        return found.split("\t")[0] or None

    def _asked(self, remote: str) -> str | None:
        """Return a remote's newest commit of the line, or None where it has none or does not answer."""
        try:
            return self._remote_tip(remote)
        except HarnessFault:
            return None

    def _bring(self) -> None:
        remote = self._source()
        if remote is not None:
            self.sync(remote)

    def _deepen(self) -> None:
        remote = self._source()
        if remote is None:
            raise ConfigError(
                f"line {self.name} is cut by a shallow clone: `git fetch --depth={WHOLE} REMOTE {self.ref}` mends it"
            )
        try:
            git_output(self.root, *_FETCH, f"--depth={WHOLE}", remote, self.ref)
        except ConfigError as exc:
            raise HarnessFault(f"line {self.name} is cut by a shallow clone, and {remote} did not help: {exc}") from exc


def _identity(when: str) -> dict[str, str]:
    """Sign commits with no one's name: who decided is in the entry, where any text is inert."""
    person = {f"GIT_{role}_NAME": "evalh" for role in ("AUTHOR", "COMMITTER")}
    address = {f"GIT_{role}_EMAIL": "evalh@localhost" for role in ("AUTHOR", "COMMITTER")}
    return person | address | {f"GIT_{role}_DATE": when for role in ("AUTHOR", "COMMITTER")}


def _parents_of(commit: bytes) -> list[str]:
    header = commit.partition(b"\n\n")[0].decode("utf-8", "replace")
    return [line.removeprefix("parent ") for line in header.splitlines() if line.startswith("parent ")]


def _message_of(commit: bytes) -> str:
    return commit.partition(b"\n\n")[2].decode("utf-8", "replace").strip()


def _batch(output: bytes, count: int) -> Iterator[bytes | None]:
    """Split what `git cat-file --batch` prints."""
    position = 0
    for _ in range(count):
        end = output.index(b"\n", position)
        words = output[position:end].split()
        position = end + 1
        if not words[-1].isdigit():  # `NAME missing`, which has no content
            yield None
            continue
        size = int(words[-1])
        yield output[position : position + size]
        position += size + 1
