"""Task folders of harbor and terminal-bench: an instruction, an environment, and tests that run after the agent."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, Unmeasured
from evalharness.loading.yaml_source import read_yaml
from evalharness.model import Task, Transcript
from evalharness.tasksets.harbor_task import container_of, part, resolved, task_file
from evalharness.tasksets.source import DATA, Fields, sampled
from evalharness.workspaces import Workspace

SECONDS = 600.0
MARKS = ("task.toml", "task.yaml")
_USER = re.compile(r"^\s*USER\s+(?:root\b|0\b|(\S+))", re.IGNORECASE | re.MULTILINE)  # nothing where it is root
SOLUTIONS = {"/solution": "solution/solve.sh", "/oracle": "solution.sh"}  # where each of the tools puts its own
_RUN = (
    'rm -rf "$1" && mv .solution "$1" && chmod +x "$1/$2" && '
    'shell=$(command -v bash || command -v sh) && exec "$shell" -c \'"$0"\' "$1/$2"'
)


def load(path: str, limit: int | None = None, seed: int = 0, *, folder: Path) -> list[Fields]:
    """Load all task folders below `path`: fields `prompt`, `environment` (for `task_container`) and `source`.

    Each is judged by its own tests and has its own limit of time; tagged by difficulty, category and its own tags.
    `path` is seen from the suite's folder, or from EVALH_DATA.
    """
    root = _root(path, folder)
    found = [each for each in (root, *sorted(root.iterdir())) if any((each / mark).is_file() for mark in MARKS)]
    if not found:
        raise ConfigError(f"{root}: holds no task folders (with {' or '.join(MARKS)})")
    folders = [_Folder(each, f"{path}/{each.relative_to(root)}" if each != root else path) for each in found]
    return sampled(
        [_harbor(each) if (each.place / MARKS[0]).is_file() else _terminal(each) for each in folders], limit, seed
    )


@dataclass(frozen=True)
class _Folder:
    """A task folder, and its name as suites say it: where it lies on this machine is no part of the task."""

    place: Path
    name: str

    def built(self, inner: str = "") -> Fields:
        """Say that its image is built from a folder inside."""
        where = f"{inner}/" if inner else ""
        file = self.place / inner / "Dockerfile"
        if not file.is_file():
            raise ConfigError(f"{self.place}: has no {where}Dockerfile")
        *_, last = re.split(r"(?im)^\s*FROM\s", file.read_text(encoding="utf-8", errors="replace"))
        if user := "".join(_USER.findall(last)[-1:]):
            raise ConfigError(f"{file}: its user is {user}, who cannot be given tests: leave it out")
        return {"dockerfile": f"{self.name}/{where}Dockerfile", "digest": _digest(self.place / inner)}

    def row(self, instruction: str, environment: Fields, tests: Fields, said: Fields, seconds: float) -> Fields:
        """Make the row, with its own grader, limit and tags."""
        if not (self.place / "tests").is_dir():
            raise ConfigError(f"{self.place}: has no folder of tests")
        options = {"tests": f"{self.name}/tests", "digest": _digest(self.place / "tests"), **tests}
        tags = {name: said[name] for name in ("difficulty", "category") if said.get(name)}
        return {
            "id": self.place.name,
            "prompt": instruction.strip(),
            "environment": environment,
            "source": self.name,
            "graders": [{"use": "harbor", "options": options}],
            "limits": {"seconds": seconds},
            "tags": {**tags, "tag": said.get("tags") or []},
        }


def _root(path: str, folder: Path) -> Path:
    places = [folder / path, *([Path(os.environ[DATA]) / path] if os.environ.get(DATA) else [])]
    for place in places:
        if place.is_dir():
            return place
    said = " or ".join(str(place) for place in places)
    hint = "" if len(places) > 1 else f", and {DATA} names no folder of data sets"
    raise ConfigError(f"task folders are missing: no {said}{hint}; put folders of harbor or terminal-bench there")


def _harbor(folder: _Folder) -> Fields:
    said = task_file(folder.place)
    try:
        instruction = (folder.place / "instruction.md").read_text(encoding="utf-8")
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{folder.place}: is no task of harbor: {exc}") from exc
    verifier, environment = part(said, "verifier"), part(said, "environment")
    image = environment.get("docker_image")
    place = {"image": image} if image else folder.built("environment")
    tests = {"script": "test.sh", "reward": "file", "seconds": _seconds(verifier, "timeout_sec", SECONDS)}
    tests |= {"env": verifier["env"]} if verifier.get("env") else {}
    seconds = _seconds(part(said, "agent"), "timeout_sec", SECONDS)
    return folder.row(instruction, {**place, **container_of(environment)}, tests, part(said, "metadata"), seconds)


def _terminal(folder: _Folder) -> Fields:
    said = read_yaml(folder.place / "task.yaml")
    if not isinstance(said, dict) or not isinstance(said.get("instruction"), str):
        raise ConfigError(f"{folder.place}: task.yaml has no instruction; is it a task of terminal-bench?")
    if (parser := said.get("parser_name", "pytest")) != "pytest":
        raise ConfigError(f"{folder.place}: its tests are read by '{parser}', which is not supported: leave it out")
    if said.get("run_tests_in_same_shell"):
        raise ConfigError(f"{folder.place}: its tests want the agent's own shell, which is not supported: leave it out")
    tests = {"script": "run-tests.sh", "reward": "pytest", "seconds": _seconds(said, "max_test_timeout_sec", 60.0)}
    seconds = _seconds(said, "max_agent_timeout_sec", 360.0)
    return folder.row(said["instruction"], folder.built(), tests, said, seconds)


def _seconds(said: dict[str, Any], name: str, otherwise: float) -> float:
    found = said.get(name)
    return float(found) if isinstance(found, int | float) and found > 0 else otherwise


def _digest(folder: Path) -> str:
    """Name the content of a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


@dataclass(frozen=True)
class Solution:
    """An agent that carries out the solution that a task folder comes with: it should always pass.

    `root` is where the folders that the suite names are seen from, the agent's own folder or else EVALH_DATA.
    """

    root: str = ""
    folder: str = "."

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:  # noqa: ARG002 - there is no chance in it
        """Run the solution in the workspace."""
        place = _root(str(task.fields["source"]), Path(self.folder, self.root))
        known = {name: script for name, script in SOLUTIONS.items() if (place / script).is_file()}
        if not known:
            raise Unmeasured("no_solution", f"{place} comes with none")
        target, script = next(iter(known.items()))
        source = (place / script).parent if target == "/solution" else place / script
        workspace.upload(source, ".solution/solution.sh" if source.is_file() else ".solution")
        said = part(task_file(place), "solution") if target == "/solution" else {}
        env = {"DEBIAN_FRONTEND": "noninteractive", **resolved(said.get("env") or {})}
        words = ("sh", "-c", _RUN, "sh", target, Path(script).name)
        ended = workspace.run(words, timeout=task.limits.seconds, env=env)
        logs = (ended.stdout + ended.stderr)[-4000:].decode("utf-8", "replace")
        return Transcript(final=f"exit code {ended.exit_code}", logs=logs)
