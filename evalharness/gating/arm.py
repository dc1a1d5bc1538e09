"""One arm of a gate: its runs, what they are asked for, and what they count."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from evalharness.agents import Agent, OpenableAgent, opened
from evalharness.executors import Distant
from evalharness.gating.baseline import dearest_stored
from evalharness.gating.store import GateSide
from evalharness.model import Extension, Outcome, Planned, Suite, Trial
from evalharness.outcomes import Outcomes, read
from evalharness.procedure import Purpose
from evalharness.runner import THREADS, Listener, Pace, RunResult, Stop, run
from evalharness.running.budget import Dearest, Spent
from evalharness.running.planning import Attempt, planned_trials, run_seed, standing
from evalharness.runs import Arm, begin, executor_of, resume
from evalharness.stats.counts import IntArray
from evalharness.store import RunStore, is_run

Window = Mapping[str, tuple[int, int]]  # per task: first and last trial, counting from 1


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Passed and measured trials per task, in the suite's order."""

    passed: IntArray
    trials: IntArray

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Return (passed, measured) of each task."""
        return list(zip(self.passed.tolist(), self.trials.tolist(), strict=True))


@dataclass(kw_only=True)
class GateArm:
    """One arm while a gate goes on; the agent stays open between requests, unless `executor` opens it elsewhere."""

    name: str
    side: GateSide
    suite: Suite
    stored: Outcomes | None
    workers: int
    stack: ExitStack
    executor: Extension = THREADS
    seed: int | None = None
    held_out: frozenset[str] = frozenset()
    sampled: tuple[str, ...] = ()
    _dearest: Dearest | None = None
    _arms: dict[Purpose, Arm] = field(default_factory=dict)
    _asked: dict[str, int] = field(default_factory=dict)

    @property
    def offset(self) -> int:
        """How many trials per task are stored, and so not in this arm's own run.

        An uneven run is only used where it cannot be run again (`baseline.unfit`); there the most that a task has makes
        early looks spend less error than they may, never more.
        """
        return 0 if self.stored is None else int(self.stored.tasks["planned"].max())

    @property
    def rerun(self) -> bool:
        """Whether new trials of this arm can be run."""
        return self.side.definition is not None

    def arm(self, purpose: Purpose) -> Arm:
        """Return the run that trials of this purpose go to, made or taken up again when first asked for."""
        if purpose not in self._arms:
            made = self._made(purpose)
            agents = [arm.agent for arm in self._arms.values()]
            session = agents[0] if agents else self._session(made.agent)
            self._arms[purpose] = msgspec.structs.replace(made, agent=session)
        return self._arms[purpose]

    def _session(self, agent: Agent | OpenableAgent) -> Agent | OpenableAgent:
        """Open the agent once for all requests; an executor in other processes opens it there."""
        if isinstance(executor_of(self.suite, self.executor), Distant):
            return agent
        return self.stack.enter_context(opened(agent, workers=self.workers))

    def _made(self, purpose: Purpose) -> Arm:
        definition = self.side.definition
        if definition is None:
            raise ValueError(f"the {self.name} cannot be run again")
        path = Path(self.side.confirm if purpose is Purpose.CONFIRM else self.side.run)
        if is_run(path):
            return resume(RunStore(path), self.suite, definition)
        role = "confirm" if purpose is Purpose.CONFIRM else "gate"
        seed = None if self.seed is None else run_seed(self.seed, role)
        return begin(self.suite, definition, out=path, trials=0, arm=self.name, role=role, seed=seed)

    def plan(self, purpose: Purpose, last: Mapping[str, int]) -> None:
        """See to it that these tasks are planned up to their last trial."""
        store = self.arm(purpose).store
        present = planned_trials(store.planned())
        wanted = {task: (present.get(task, 0) + 1, to) for task, to in last.items() if to > present.get(task, 0)}
        if not wanted:
            return
        with store.writer() as writer:
            for (first, to), tasks in groupby(sorted(wanted, key=wanted.__getitem__), key=wanted.__getitem__):
                writer.extend(Planned(task_ids=tuple(tasks), first=first, last=to, reason=purpose.value))

    @property
    def dearest(self) -> Dearest:
        """Return the most that an attempt of this arm is known to have taken: in its runs, stored or sampled."""
        if self._dearest is None:
            stored = dearest_stored(self.stored.place, self.stored) if self.stored else Dearest()
            runs = (Path(each) for each in (self.side.run, self.side.confirm, *self.sampled))
            own = (Dearest.of(RunStore(each).lines(Spent)) for each in runs if is_run(each))
            self._dearest = reduce(Dearest.joined, own, stored)
        return self._dearest

    def carry_out(self, purpose: Purpose, *, pace: Pace, stop: Stop, listener: Listener) -> RunResult:
        """Run what this arm is owed for a purpose."""
        arm = self.arm(purpose)
        with arm.store.writer() as writer:
            result = run(
                self._owed(purpose),
                job=arm.job(),
                executor=arm.executor(self.executor),
                writer=writer,
                pace=pace,
                stop=stop,
                listener=listener,
            )
        self._dearest = self.dearest.joined(result.tally.dearest)
        return result

    def _owed(self, purpose: Purpose) -> Collection[Trial]:
        """Return what is to be run; a queue that a look has ended is not taken up again for the held-out tasks."""
        owed = self.arm(purpose).owed()
        return [each for each in owed if each.task.id in self.held_out] if purpose is Purpose.HOLDOUT else owed

    def window(self, purpose: Purpose, more: Mapping[str, int], *, before: int) -> Window:
        """Return which trials a request means: rounds go on after `before`, confirmations after each task's last."""
        if purpose is Purpose.ROUND:
            start = before - self.offset
            return {task: (start + 1, start + number) for task, number in more.items()}
        return {task: (self._asked.get(task, 0) + 1, self._asked.get(task, 0) + n) for task, n in more.items()}

    def settled(self, window: Window) -> None:
        """Remember that confirmations up to the end of this window have been counted."""
        self._asked.update({task: last for task, (_, last) in window.items()})

    def stored_counts(self, tasks: Sequence[str]) -> Counted:
        """Return the counts that are stored, for these tasks."""
        stored = self.outcomes(0).tasks.reindex(list(tasks), fill_value=0)
        return Counted(
            passed=stored["passed"].to_numpy(dtype=np.int64),
            trials=stored["measured"].to_numpy(dtype=np.int64),
        )

    def count(self, purpose: Purpose, window: Window, tasks: Sequence[str]) -> Counted:
        """Count the measured trials of a window, for these tasks."""
        order = {task: index for index, task in enumerate(tasks)}
        passed, trials = (np.zeros(len(order), dtype=np.int64) for _ in range(2))
        store = RunStore(Path(self.side.confirm if purpose is Purpose.CONFIRM else self.side.run)) if window else None

        def asked(attempt: Attempt) -> bool:
            first, last = window.get(attempt.task_id, (1, 0))
            return first <= attempt.trial <= last

        for (task, _), outcome in standing(store.lines(Attempt) if store else (), asked).items():
            trials[order[task]] += 1
            passed[order[task]] += outcome is Outcome.PASS
        return Counted(passed=passed, trials=trials)

    def outcomes(self, last: int) -> Outcomes:
        """Return the outcomes that count for the suite as a whole: what is stored, or the first `last` trials.

        Trials that never began because the gate had ended are not missing: nothing kept them from being measured.
        """
        if self.stored is not None and last <= self.offset:
            return self.stored
        found = self._own(last - self.offset)
        if self.stored is None:
            return found
        added = found.tasks.reindex(self.stored.tasks.index, fill_value=0)
        return Outcomes(
            place=self.stored.place,
            header=self.stored.header,
            trials=pd.concat([self.stored.trials, found.trials], ignore_index=True),
            tasks=self.stored.tasks + added[list(self.stored.tasks.columns)],
        )

    def _own(self, last: int) -> Outcomes:
        found = read(self.side.run)
        trials = found.trials[found.trials["trial"] <= last]
        counted = trials.assign(passed=trials["outcome"] == "pass", measured=trials["outcome"] != "error", planned=1)
        tasks = counted.groupby("task_id", sort=False)[["passed", "measured", "planned"]].sum()
        tasks = tasks.reindex(found.tasks.index, fill_value=0).astype(np.int64)
        return Outcomes(place=found.place, header=found.header, trials=trials, tasks=tasks)
