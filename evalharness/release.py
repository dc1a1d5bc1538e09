"""The gate's loop: run what the procedure asks for, count it, and decide; the same for a fresh and a resumed gate."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Timer

import msgspec

from evalharness.budget import Budget
from evalharness.budget import Tally as Progress
from evalharness.gate_arm import GateArm, Window
from evalharness.gate_store import GateStore
from evalharness.procedure import Decided, Procedure, Purpose, Request, State, Tally, tally
from evalharness.runner import Listener, Pace, RunResult, Stop
from evalharness.store import is_run

CONFIRM_SHARE = 0.25  # of the time, kept for the suspects
WATCH_SECONDS = 1.0
DEADLINE = "the deadline"


@dataclass(kw_only=True)
class Release:
    """One gate while it goes on.

    `decide` is what a fresh and a resumed gate have in common: everything that was asked for before is found in the run
    directories and counted again, so the procedure comes to the same state and goes on.
    """

    store: GateStore
    procedure: Procedure
    baseline: GateArm
    candidate: GateArm
    pace: Pace
    stop: Stop
    listener: Listener = lambda _: None
    began: float = field(default_factory=time.monotonic)
    cost_usd: float = 0.0
    state: State | None = None
    _over: bool = False  # the time or money for the base has ended

    @property
    def arms(self) -> tuple[GateArm, GateArm]:
        """Return both arms, the baseline first."""
        return self.baseline, self.candidate

    def decide(self) -> Decided | None:
        """Go on until the procedure has decided, or time or money has ended; None where a user ended it."""
        timer = self._deadline_timer()
        try:
            state = self._start()
            while isinstance(step := self.procedure.next(state), Request):
                self._carry_out(state, step)
                state = self._counted(state, step)
                self.state = state
                self.store.write_looks(state.looks)
                if self.stop.reason:
                    return self.procedure.conclude(state) if self.stop.reason == DEADLINE else None
                if self._ended(step.purpose):
                    if step.purpose is Purpose.CONFIRM or state.base_ended:
                        return self.procedure.conclude(state)
                    self._over = True
            self.state = state
            return step
        finally:
            if timer:
                timer.cancel()

    def hold_out(self, tasks: Sequence[str]) -> bool:
        """Ask held-out tasks as often as the others were; False where a user ended it.

        What is stored of them is not asked again, and nothing is asked after the deadline.
        """
        asked = self.state.asked if self.state else (0, 0)
        timer, busy = self._deadline_timer(), []
        for arm, times in zip(self.arms, asked, strict=True):
            if tasks and arm.rerun and times > arm.offset:
                arm.plan(Purpose.HOLDOUT, dict.fromkeys(tasks, times - arm.offset))
                busy.append(arm)
        if busy and not self.stop.reason:
            self._together(busy, Purpose.HOLDOUT, None)
        if timer:
            timer.cancel()
        return self.stop.reason in (None, DEADLINE)

    def _deadline_timer(self) -> Timer | None:
        minutes = self.pace.budget.minutes
        if minutes is None:
            return None
        left = max(self.began + 60 * minutes - time.monotonic(), 0.0)
        timer = Timer(left, lambda: self.stop.request(DEADLINE, abandon=True))
        timer.daemon = True
        timer.start()
        return timer

    def _start(self) -> State:
        """Begin with what is stored of the baseline."""
        if self.baseline.stored is None:
            return self.procedure.start()
        seen = self.baseline.stored_counts(self.procedure.tasks)
        nothing = seen.trials * 0
        screen = tally(seen.passed, seen.trials, nothing, nothing)
        return self.procedure.start(screen, asked=(self.procedure.trials[0], 0))

    def _windows(self, state: State, step: Request) -> list[Window]:
        """Return, for each arm, which trials a request means."""
        ids = self.procedure.tasks
        return [
            arm.window(step.purpose, {ids[index]: number for index, number in more.items()}, before=before)
            for arm, more, before in zip(self.arms, (step.baseline, step.candidate), state.asked, strict=True)
        ]

    def _carry_out(self, state: State, step: Request) -> None:
        """Run what a request asks for; base rounds are queued all at once, so that a look never stops the queue."""
        if step.purpose is Purpose.ROUND and (self._over or self._measured(state, step)):
            return
        ending = not state.base_ended and step.purpose is Purpose.ROUND
        busy = []
        for arm, window, goal in zip(self.arms, self._windows(state, step), self.procedure.trials, strict=True):
            if window and arm.rerun:
                last = {task: max(last, goal - arm.offset) if ending else last for task, (_, last) in window.items()}
                arm.plan(step.purpose, last)
                busy.append(arm)
        if busy:
            watch = _Watch(self, state, step) if ending and self.procedure.looks else None
            self._together(busy, step.purpose, watch)

    def _measured(self, state: State, step: Request) -> bool:
        """Say whether all that a round asks for is there: the queue was ahead of the looks, or the gate was resumed."""
        begun = all(is_run(Path(arm.side.run)) for arm in self.arms if arm.rerun)
        return begun and self.after(state, step)[1]

    def _together(self, arms: list[GateArm], purpose: Purpose, watch: "_Watch | None") -> None:
        """Run both arms side by side, so that whatever drifts in time drifts under both."""
        stop = watch.stop if watch else self.stop
        listener = watch or self.listener
        total = sum(arm.workers for arm in self.arms)
        with ThreadPoolExecutor(len(arms)) as pool:
            results = [
                pool.submit(
                    self._guarded,
                    arm,
                    purpose,
                    workers=total if len(arms) == 1 else arm.workers,
                    stop=stop,
                    listener=listener,
                    share=1 / len(arms),
                )
                for arm in arms
            ]
            for result in results:
                self.cost_usd += result.result().tally.cost_usd

    def _guarded(
        self, arm: GateArm, purpose: Purpose, *, workers: int, stop: Stop, listener: Listener, share: float
    ) -> RunResult:
        """Run one arm; a fault of one ends the other, whose finished trials are kept."""
        try:
            pace = msgspec.structs.replace(self.pace, workers=workers, budget=self._budget(purpose, share))
            return arm.carry_out(purpose, pace=pace, stop=stop, listener=listener)
        except BaseException:
            stop.request("a fault in the other arm")
            raise

    def _budget(self, purpose: Purpose, share: float) -> Budget:
        """Give an arm its part of what is left; a quarter of the time is kept for confirmation."""
        whole = self.pace.budget
        minutes = None if whole.minutes is None else max(self._ends(purpose) - time.monotonic(), 0.0) / 60
        dollars = None if whole.cost_usd is None else max(whole.cost_usd - self.cost_usd, 1e-9) * share
        return Budget(minutes=minutes, cost_usd=dollars, tokens=whole.tokens)

    def _ends(self, purpose: Purpose) -> float:
        """Return when the time for a purpose ends."""
        minutes = self.pace.budget.minutes or float("inf")
        return self.began + 60 * minutes * (1 - CONFIRM_SHARE if purpose is Purpose.ROUND else 1)

    def _ended(self, purpose: Purpose) -> bool:
        """Say whether the time or the money for a purpose has ended."""
        dollars = self.pace.budget.cost_usd
        spent = dollars is not None and self.cost_usd >= dollars
        return spent or time.monotonic() >= self._ends(purpose)

    def _counted(self, state: State, step: Request) -> State:
        """Count what a request led to, and take it in."""
        windows = self._windows(state, step)
        counted = self._count(step.purpose, windows)
        for arm, window in zip(self.arms, windows, strict=True):
            if step.purpose is Purpose.CONFIRM:
                arm.settled(window)
        return self.procedure.update(state, step, counted)

    def _count(self, purpose: Purpose, windows: list[Window]) -> Tally:
        base, cand = (
            arm.count(purpose, window, self.procedure.tasks) for arm, window in zip(self.arms, windows, strict=True)
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
        self._release.listener(tally)
        outer = self._release.stop
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
                self.stop.request("a look that decided")
                return
            self._state, self._step = state, following
