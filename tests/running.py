"""What tests of runs share: suites and agents on disk, agents that act as a test says, and the command itself."""

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from evalharness.cli import main
from evalharness.executors.threads import ThreadExecutor
from evalharness.model import (
    Extension,
    GraderUse,
    Limits,
    Planned,
    Record,
    RunHeader,
    Task,
    Transcript,
)
from evalharness.redact import Redactor
from evalharness.runner import Pace, RunResult, Stop, run
from evalharness.running.planning import Owed
from evalharness.running.trial import TrialJob
from evalharness.store import RunStore
from tests import factories

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0  # an upper bound for hangs, never a measure


def tasks(number: int = 3, *, seconds: float = 20.0) -> tuple[Task, ...]:
    """Make tasks t0, t1, ... whose right answer is `yes`."""
    return tuple(
        Task(
            id=f"t{index}",
            prompt=f"question {index}",
            expected="yes",
            graders=(GraderUse(use="exact_match"),),
            limits=Limits(seconds=seconds),
        )
        for index in range(number)
    )


def header(of: Sequence[Task] = (), *, trials: int = 1, seed: int = 7) -> RunHeader:
    """Make the header of a run of these tasks."""
    made = factories.header([task.id for task in of], run_id="20260101T000000-000000", seed=seed)
    return msgspec.structs.replace(made, trials=trials)


def planned(of: Sequence[Task], *, trials: int = 1, first: int = 1) -> Planned:
    """Plan trials `first` to `trials` of these tasks."""
    return Planned(task_ids=tuple(task.id for task in of), first=first, last=trials)


class Acts:
    """An agent that calls `act(task, number of this call for this task)`; a text is its answer."""

    def __init__(self, act: Callable[[Task, int], object]) -> None:
        self._act = act
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()

    def run(self, task, workspace, *, seed):
        with self._lock:
            self.calls[task.id] += 1
            number = self.calls[task.id]
        answer = self._act(task, number)
        return Transcript(final=answer) if isinstance(answer, str) else answer


class Run:
    """A run directory with an agent that acts as a test says; carrying it out again resumes it."""

    def __init__(self, folder: Path, act, *, of: Sequence[Task] = tasks(), trials: int = 1, artifacts=()) -> None:
        self.tasks = of
        self.agent = Acts(act)
        self.store = RunStore.create(folder, header(of, trials=trials), planned(of, trials=trials))
        self._artifacts = artifacts

    def owed(self) -> Owed:
        known = {task.id: task for task in self.tasks}
        return Owed(self.store.planned(), self.store.records(), known, run_seed=self.store.header.seed, arm="")

    def carry_out(self, *, stop: Stop | None = None, listener=lambda _: None, **pace) -> RunResult:
        job = TrialJob(
            agent=self.agent,
            workspace=Extension(use="local"),
            artifacts=self._artifacts,
            redactor=Redactor.from_environment(),
        )
        chosen = Pace(**{"workers": 1, "backoff_seconds": 0.001, **pace})
        with self.store.writer() as writer:
            return run(
                self.owed(),
                job=job,
                executor=ThreadExecutor(),
                writer=writer,
                pace=chosen,
                stop=stop,
                listener=listener,
            )

    def records(self) -> list[Record]:
        return list(self.store.records())


def write_suite(folder: Path, number: int = 3, *, more: str = "") -> Path:
    """Write a suite whose tasks t0, t1, ... have the right answer `yes`."""
    rows = [{"id": f"t{index}", "text": f"question {index}", "label": "yes"} for index in range(number)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = folder / "suite.yaml"
    suite.write_text(
        "name: suite\ntasks: {file: tasks.jsonl}\nprompt: '{{ text }}'\nexpected: label\n"
        f"graders: [{{use: exact_match}}]\n{more}"
    )
    return suite


def write_agent(folder: Path, source: str, **options: object) -> Path:
    """Write a function agent: the source of a module that has `answer`."""
    (folder / "acting.py").write_text(source)
    agent = folder / "agent.yaml"
    agent.write_text(json.dumps({"use": "function", "name": "acting", "options": {"call": "acting:answer", **options}}))
    return agent


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child that imports this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **more}


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def evalh(*arguments: object, cwd: Path, env: dict[str, str] | None = None) -> Done:
    """Run the command in this process, as if it were one of its own in that folder."""
    out, err = io.StringIO(), io.StringIO()
    path, before = list(sys.path), dict(os.environ)
    os.environ.update(env or {})
    try:
        with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main([str(each) for each in arguments])
        code = 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    finally:
        sys.path[:] = path
        sys.modules.pop("acting", None)
        os.environ.clear()
        os.environ.update(before)
    return Done(code, out.getvalue(), err.getvalue())


def evalh_process(*arguments: object, cwd: Path, env: dict[str, str] | None = None) -> Done:
    """Run the command in a process of its own."""
    process = start(*arguments, cwd=cwd, env=env)
    out, err = process.communicate(timeout=PATIENCE)
    return Done(process.returncode, out, err)


def start(*arguments: object, cwd: Path, env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start the command and leave it running, in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "evalharness", *map(str, arguments)],
        cwd=cwd,
        env=env or environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def lines(run: Path) -> list[bytes]:
    """Return the whole lines of a run's trials."""
    file = run / "trials.jsonl"
    return file.read_bytes().splitlines(keepends=True) if file.exists() else []
