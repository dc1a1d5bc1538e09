"""Task folders of harbor and terminal-bench: an instruction, an environment, and tests that run after the agent."""

import hashlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, Unmeasured
from evalharness.loading.yaml_source import read_yaml
from evalharness.model import Task, Transcript
from evalharness.tasksets.source import DATA, Fields, sampled
from evalharness.workspaces import Workspace

SECONDS = 600.0
MARKS = ("task.toml", "task.yaml")
_RUN = 'shell=$(command -v bash || command -v sh); exec "$shell" "$1"'


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
        if not (self.place / inner / "Dockerfile").is_file():
            raise ConfigError(f"{self.place}: has no {where}Dockerfile")
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
    try:
        said = tomllib.loads((folder.place / "task.toml").read_text(encoding="utf-8"))
        instruction = (folder.place / "instruction.md").read_text(encoding="utf-8")
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{folder.place}: is no task of harbor: {exc}") from exc
    verifier, environment = said.get("verifier", {}), said.get("environment", {})
    if verifier.get("environment_mode") == "separate":
        raise ConfigError(
            f"{folder.place}: its tests want a container of their own, which is not supported: leave it out"
        )
    image = environment.get("docker_image")
    place = {"image": image} if image else folder.built("environment")
    tests = {"script": "test.sh", "reward": "file", "seconds": _seconds(verifier, "timeout_sec")}
    tests |= {"env": verifier["env"]} if verifier.get("env") else {}
    seconds = _seconds(said.get("agent", {}), "timeout_sec")
    return folder.row(instruction, {**place, **_limits(environment)}, tests, said.get("metadata", {}), seconds)


def _limits(environment: Fields) -> Fields:
    """Take the limits that a task describes; older ones say the memory as text."""
    memory = environment.get("memory_mb")
    limits = {
        "memory": f"{memory}m" if memory else str(environment.get("memory", "")).lower(),
        "cpus": environment.get("cpus"),
        "network": "none" if environment.get("allow_internet") is False else None,
    }
    return {name: each for name, each in limits.items() if each}


def _terminal(folder: _Folder) -> Fields:
    said = read_yaml(folder.place / "task.yaml")
    if not isinstance(said, dict) or not isinstance(said.get("instruction"), str):
        raise ConfigError(f"{folder.place}: task.yaml has no instruction; is it a task of terminal-bench?")
    tests = {"script": "run-tests.sh", "reward": "exit", "seconds": _seconds(said, "max_test_timeout_sec")}
    return folder.row(said["instruction"], folder.built(), tests, said, _seconds(said, "max_agent_timeout_sec"))


def _seconds(said: Any, name: str) -> float:
    found = said.get(name, SECONDS) if isinstance(said, dict) else SECONDS
    return float(found) if isinstance(found, int | float) and found > 0 else SECONDS


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
        script = next(
            (each for each in (place / "solution" / "solve.sh", place / "solution.sh") if each.is_file()), None
        )
        if script is None:
            raise Unmeasured("no_solution", f"{place} comes with none")
        workspace.upload(script.parent if script.name == "solve.sh" else script, ".solution")
        line = ".solution/solve.sh" if script.name == "solve.sh" else ".solution"
        ended = workspace.run(("sh", "-c", _RUN, "sh", line), timeout=task.limits.seconds)
        logs = (ended.stdout + ended.stderr)[-4000:].decode("utf-8", "replace")
        return Transcript(final=f"exit code {ended.exit_code}", logs=logs)
