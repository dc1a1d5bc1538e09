"""The gate's loop: run what the procedure asks for, count it, and decide; the same for a fresh and a resumed gate."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from evalharness.gating.arm import Window
from evalharness.gating.arms import LOOK, Fresh, GateArms
from evalharness.gating.store import GateStore
from evalharness.outcomes import Outcomes
from evalharness.procedure import Decided, Procedure, Purpose, Request, State, Tally, tally
from evalharness.runner import Stop
from evalharness.running.budget import Tally as Progress
from evalharness.store import is_run

WATCH_SECONDS = 1.0


@dataclass(kw_only=True)
class Release:
    """One gate while it goes on.

    `decide` is what a fresh and a resumed gate have in common: everything that was asked for before is found in the run
    directories and counted again, so the procedure comes to the same state and goes on.
    """

    store: GateStore
    procedure: Procedure
    arms: GateArms
    state: State | None = None
    _over: bool = False  # the time or money for the base has ended

    def decide(self) -> Decided | None:
        """Go on until the procedure has decided, or time or money has ended; None where a user ended it."""
        state = self._start()
        while isinstance(step := self.procedure.next(state), Request):
            self._carry_out(state, step)
            state = self._counted(state, step)
            self.state = state
            self.store.write_looks(state.looks)
            if self.arms.stop.reason:
                return None if self.arms.interrupted else self.procedure.conclude(state)
            if self.arms.ended(step.purpose):
                if step.purpose is Purpose.CONFIRM or state.base_ended:
                    return self.procedure.conclude(state)
                self._over = True
        self.state = state
        return step

    def outcomes(self) -> tuple[Outcomes, Outcomes]:
        """Return what counts for the suite as a whole, of both arms, the baseline first."""
        before, after = (arm.outcomes(asked) for arm, asked in zip(self.arms.both, self._asked, strict=True))
        return before, after

    def retry(self, tasks: Sequence[str]) -> dict[str, Fresh] | None:
        """Run tasks that look better on fresh trials, in two batches like suspects; None where a user ended it."""
        confirm = self.procedure.policy.confirm
        fresh = self.arms.retry(tasks, sorted({min(confirm.first, confirm.trials), confirm.trials}))
        return None if self.arms.interrupted else fresh

    def hold_out(self, tasks: Sequence[str]) -> bool:
        """Ask held-out tasks as often as the others were; False where a user ended it.

        What is stored of them is not asked again, and nothing is asked once time or money has ended.
        """
        own = [asked - arm.offset for arm, asked in zip(self.arms.both, self._asked, strict=True)]
        if self.arms.ended(Purpose.HOLDOUT):
            self.arms.cut = True
        else:
            self.arms.run(Purpose.HOLDOUT, (dict.fromkeys(tasks, own[0]), dict.fromkeys(tasks, own[1])))
        return not self.arms.interrupted

    def answered(self, tasks: Collection[str]) -> bool:
        """Say whether the candidate has answered any of these tasks, so that there is something to read."""
        measured = self.outcomes()[1].tasks["measured"]
        return bool(measured.reindex(list(tasks), fill_value=0).any())

    @property
    def _asked(self) -> tuple[int, int]:
        return self.state.asked if self.state else (0, 0)

    def _start(self) -> State:
        """Begin with what is stored of the baseline."""
        baseline = self.arms.baseline
        if baseline.stored is None:
            return self.procedure.start()
        seen = baseline.stored_counts(self.procedure.tasks)
        nothing = seen.trials * 0
        screen = tally(seen.passed, seen.trials, nothing, nothing)
        return self.procedure.start(screen, asked=(self.procedure.trials[0], 0))

    def _windows(self, state: State, step: Request) -> list[Window]:
        """Return, for each arm, which trials a request means."""
        ids = self.procedure.tasks
        return [
            arm.window(step.purpose, {ids[index]: number for index, number in more.items()}, before=before)
            for arm, more, before in zip(self.arms.both, (step.baseline, step.candidate), state.asked, strict=True)
        ]

    def _carry_out(self, state: State, step: Request) -> None:
        """Run what a request asks for; base rounds are queued all at once, so that a look never stops the queue."""
        if step.purpose is Purpose.ROUND and (self._over or self._measured(state, step)):
            return
        ending = not state.base_ended and step.purpose is Purpose.ROUND
        before, after = (
            {task: max(last, goal - arm.offset) if ending else last for task, (_, last) in window.items()}
            for arm, window, goal in zip(self.arms.both, self._windows(state, step), self.procedure.trials, strict=True)
        )
        watch = _Watch(self, state, step) if ending and self.procedure.looks else None
        self.arms.run(step.purpose, (before, after), stop=watch.stop if watch else None, listener=watch)

    def _measured(self, state: State, step: Request) -> bool:
        """Say whether all that a round asks for is there: the queue was ahead of the looks, or the gate was resumed."""
        begun = all(is_run(Path(arm.side.run)) for arm in self.arms.both if arm.rerun)
        return begun and self.after(state, step)[1]

    def _counted(self, state: State, step: Request) -> State:
        """Count what a request led to, and take it in."""
        windows = self._windows(state, step)
        counted = self._count(step.purpose, windows)
        for arm, window in zip(self.arms.both, windows, strict=True):
            if step.purpose is Purpose.CONFIRM:
                arm.settled(window)
        return self.procedure.update(state, step, counted)

    def _count(self, purpose: Purpose, windows: list[Window]) -> Tally:
        base, cand = (
            arm.count(purpose, window, self.procedure.tasks)
            for arm, window in zip(self.arms.both, windows, strict=True)
        )
        return tally(base.passed, base.trials, cand.passed, cand.trials)

    def after(self, state: State, step: Request) -> tuple[State, bool]:
        """Look at a request while the queue goes on: the state after it, and whether all of it has been measured."""
        windows = self._windows(state, step)
        counted = self._count(step.purpose, windows)
        asked = sum(last - first + 1 for window in windows for first, last in window.values())
        return self.procedure.update(state, step, counted), counted.measured >= asked


class _Watch:
    """Looks at each round of the base as soon as it is complete, and ends the queue when that decides."""

    def __init__(self, release: Release, state: State, step: Request) -> None:
        self._release, self._state, self._step = release, state, step
        self._looked = time.monotonic()
        self._lock = Lock()
        self.stop = Stop()

    def __call__(self, tally: Progress) -> None:
        """Pass progress on, and look."""
        self._release.arms.listener(tally)
        outer = self._release.arms.stop
        if outer.reason:
            self.stop.request(outer.reason, abandon=outer.abandon)
        with self._lock:
            if time.monotonic() - self._looked >= WATCH_SECONDS:
                self._look()
                self._looked = time.monotonic()

    def _look(self) -> None:
        while True:
            state, complete = self._release.after(self._state, self._step)
            if not complete:
                return
            following = self._release.procedure.next(state)
            if state.base_ended or not isinstance(following, Request):
                self.stop.request(LOOK)
                return
            self._state, self._step = state, following
