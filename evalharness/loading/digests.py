"""Digests: what changes how a trial goes or is judged changes a digest, and nothing else does.

Comments and layout of a file, trials, policy and artifacts are in no digest; options that only repeat a default, and
the order of graders and tasks, change none. The content of files counts, their place does not.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from evalharness.external.place import named
from evalharness.loading.extensions import Contents, canonical
from evalharness.model import External, GraderUse, Limits, Suite, Task, TaskEntry
from evalharness.running.headroom import as_asked, resources_of, without_limits


def digest(value: Any) -> str:
    """Give the sha256 of a value as JSON with sorted keys."""
    return sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def entries(suite: Suite) -> dict[str, TaskEntry]:
    """Say what a run remembers of every task: digests of its content, graders and limits, and its tags."""
    return _Digests(suite).entries()


def suite_digest(suite: Suite, known: dict[str, TaskEntry] | None = None) -> str:
    """Give the digest of all tasks together; `known` saves computing `entries` again."""
    found = entries(suite) if known is None else known
    return digest({name: (each.task, each.graders, each.limits) for name, each in found.items()})


def runner_digest(external: External, folder: Path, contents: Contents) -> str:
    """Digest a command with the files that it names; how many trials go into a call changes nothing."""
    files = {path: contents.digest(file) for path, file in named(external.command[1:], folder).items()}
    return digest([external.command, external.reads, external.run, external.pass_at, files])


class _Digests:
    """Computes the digests of one suite; what tasks share is computed once."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.folder = Path(suite.place).parent
        self.contents = Contents()
        self.workspace = canonical("workspace", without_limits(suite.workspace), self.folder, self.contents)
        self.resources = resources_of(suite.workspace)
        self.graders: dict[tuple[int, ...], str] = {}
        self.external = runner_digest(suite.external, self.folder, self.contents) if suite.external else ""

    def entries(self) -> dict[str, TaskEntry]:
        limits = {each: self.limited(each) for each in {task.limits for task in self.suite.tasks}}
        shared = {id(each): each for each in {id(task.graders): task.graders for task in self.suite.tasks}.values()}
        graders = {key: self.judged(uses) for key, uses in shared.items()}
        return {
            task.id: TaskEntry(
                task=self.asked(task), graders=graders[id(task.graders)], limits=limits[task.limits], tags=task.tags
            )
            for task in self.suite.tasks
        }

    def limited(self, limits: Limits) -> str:
        """Digest what a trial may use, of the machine too where its workspace keeps limits."""
        return digest(limits if self.resources is None else [limits, as_asked(self.resources)])

    def asked(self, task: Task) -> str:
        """Digest what the agent is given, and the answer that is expected."""
        said = {
            "id": task.id,
            "prompt": task.prompt,
            "expected": task.expected,
            "fields": task.fields,
            "workspace": self.workspace,
        }
        if self.external:
            own = named([task.id], self.folder).values()
            said["external"] = [self.external, *(self.contents.digest(file) for file in own)]
        if task.files:
            said["files"] = {path: self.contents.digest(Path(source)) for path, source in task.files.items()}
        return digest(said)

    def judged(self, graders: tuple[GraderUse, ...]) -> str:
        """Digest how the task is judged, with each grader's share of the score."""
        total = sum(use.weight for use in graders)
        said = [(canonical("grader", use, self.folder, self.contents), use.weight / total) for use in graders]
        return digest(sorted(digest(each) for each in said))
