"""The runs in a folder: which there are, and how far each has come."""

from pathlib import Path

from msgspec import Struct

from evalharness.errors import EvalHarnessError
from evalharness.model import Outcome
from evalharness.running.planning import Attempt, planned_numbers
from evalharness.store import RunStore, in_use, is_run

RUNS = Path("runs")
WHOLE_SUITE = {"run", "gate"}  # other roles hold chosen tasks, or one trial of some


class Kept(Struct, frozen=True, kw_only=True):
    """One run of a folder; `measured` counts its planned trials that have been measured."""

    path: str
    run_id: str
    suite: str
    agent: str
    role: str
    started_at: str
    planned: int
    measured: int
    size: int
    in_use: bool

    @property
    def complete(self) -> bool:
        """Say whether nothing that was planned is owed."""
        return self.measured == self.planned


def opened(folder: Path = RUNS) -> tuple[list[RunStore], list[str]]:
    """Open the runs of a folder, in the order of their names, and say what cannot be read; links are not followed."""
    found, faults = [], []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if is_run(path) and not path.is_symlink() and not path.name.startswith("."):
            try:
                found.append(RunStore(path))
            except EvalHarnessError as exc:
                faults.append(str(exc))
    return found, faults


def earlier(suite: str, agent: str | None, folder: Path = RUNS) -> RunStore | None:
    """Find the latest run of a suite that has trials, of this agent if possible.

    Samples, and fresh trials of suspects, are no run of a suite.
    """
    same = [each for each in opened(folder)[0] if each.header.suite.name == suite and each.header.role in WHOLE_SUITE]
    of_agent = [each for each in same if each.header.agent.name == agent]
    return next((each for each in reversed(of_agent or same) if next(each.records(), None)), None)


def kept(store: RunStore) -> Kept:
    """Say how far a run has come, and how much room it takes."""
    header, numbers = store.header, planned_numbers(store.planned())
    done: dict[str, int] = {}
    for line in store.lines(Attempt):
        if line.outcome is not Outcome.ERROR:
            done[line.task_id] = done.get(line.task_id, 0) | 1 << line.trial
    return Kept(
        path=str(store.path),
        run_id=header.run_id,
        suite=header.suite.name,
        agent=f"{header.agent.name} {header.agent.version}".strip(),
        role=header.role,
        started_at=header.started_at,
        planned=sum(each.bit_count() for each in numbers.values()),
        measured=sum((done.get(task_id, 0) & each).bit_count() for task_id, each in numbers.items()),
        size=sum(file.lstat().st_size for file in store.path.rglob("*") if not file.is_dir()),
        in_use=in_use(store.path),
    )
