"""SWE-bench: issues of real repositories, whose patches the benchmark's own harness judges."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, Unmeasured
from evalharness.model import Task, Transcript
from evalharness.tasksets.source import Fields, located, records, sampled, value
from evalharness.workspaces import Workspace

ORIGIN = "write it once: datasets.load_dataset('SWE-bench/SWE-bench_Verified', split='test').to_json('test.jsonl')"
SHOWN = ("repo", "base_commit", "version", "environment_setup_commit", "created_at")


def load(path: str, limit: int | None = None, seed: int = 0, *, folder: Path) -> list[Fields]:
    """Load instances from a file: the problem, the repository and its commit, and neither patches nor tests.

    Tagged by repository, and by difficulty where the file knows it.
    """
    file = located(path, folder, what="SWE-bench", origin=ORIGIN)
    rows = [_row(each, f"{file}:{number}") for number, each in enumerate(records(file), 1)]
    return sampled(rows, limit, seed)


def _row(given: Fields, place: str) -> Fields:
    shown = {name: given[name] for name in SHOWN if given.get(name) is not None}
    tags = {"repo": value(given, ("repo",), place), "difficulty": given.get("difficulty")}
    return {
        "id": value(given, ("instance_id",), place),
        "problem": value(given, ("problem_statement",), place),
        **shown,
        "tags": {name: said for name, said in tags.items() if said is not None},
    }


@dataclass(frozen=True)
class Predictions:
    """An agent that hands in the patches of a predictions file, as the benchmark's harness reads it.

    An instance that the file does not have was never tried: nothing was measured.
    """

    file: str
    folder: str = "."

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:  # noqa: ARG002 - what is done is done
        """Give the patch of an instance."""
        known = _predictions(str(Path(self.folder, self.file)))
        if task.id not in known:
            raise Unmeasured("no_prediction", f"{self.file} has none for {task.id}")
        found = known[task.id]
        return Transcript(final=found.get("model_patch") or "", model=found.get("model_name_or_path"))


@lru_cache(maxsize=16)
def _predictions(path: str) -> dict[str, Any]:
    """Read a list, an object by instance, or a line for each."""
    if not Path(path).is_file():
        raise ConfigError(f"predictions: no such file: {path}")
    found = records(Path(path))
    if len(found) == 1 and "instance_id" not in found[0]:
        found = [{"instance_id": name, **each} for name, each in found[0].items()]
    return {str(value(each, ("instance_id",), path)): each for each in found}
