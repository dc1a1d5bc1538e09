"""Both arms of a gate, run side by side within one budget of time and money."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Timer

import msgspec

from evalharness.gating.arm import GateArm
from evalharness.procedure import Purpose
from evalharness.runner import Listener, Pace, RunResult, Stop
from evalharness.running.budget import ROUNDING, Budget

CONFIRM_SHARE = 0.25  # of the time, kept for the suspects
DEADLINE = "the deadline"
LOOK = "a look that decided"

Last = Mapping[str, int]  # per task: the trial up to which it is to be run
Fresh = tuple[tuple[int, int], tuple[int, int]]  # passed and measured fresh trials of (baseline, candidate)


@dataclass(kw_only=True)
class GateArms:
    """The arms of one gate while it goes on, and what is left of its time and money."""

    baseline: GateArm
    candidate: GateArm
    pace: Pace
    stop: Stop
    listener: Listener = lambda _: None
    began: float = field(default_factory=time.monotonic)
    cost_usd: float = 0.0
    tokens: int = 0
    cut: bool = False  # time or money ended before all was run that was asked for

    @property
    def both(self) -> tuple[GateArm, GateArm]:
        """Return the arms, the baseline first."""
        return self.baseline, self.candidate

    @property
    def interrupted(self) -> bool:
        """Say whether a user ended the gate; at its deadline it decides on what there is."""
        return self.stop.reason not in (None, DEADLINE)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Ask for the end at the deadline, running trials included."""
        minutes = self.pace.budget.minutes
        if minutes is None:
            yield
            return
        left = max(self.began + 60 * minutes - time.monotonic(), 0.0)
        timer = Timer(left, lambda: self.stop.request(DEADLINE, abandon=True))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def run(
        self,
        purpose: Purpose,
        wanted: tuple[Last, Last],
        *,
        stop: Stop | None = None,
        listener: Listener | None = None,
    ) -> None:
        """Run tasks up to their last trial, both arms side by side: whatever drifts in time drifts under both.

        An arm that cannot run again, or of which nothing is wanted, is left out.
        """
        pairs = zip(self.both, wanted, strict=True)
        arms = [(arm, last) for arm, last in pairs if arm.rerun and any(to > 0 for to in last.values())]
        for arm, last in arms:
            arm.plan(purpose, last)
        total = sum(arm.workers for arm in self.both)
        budgets = [self._budget(purpose, 1 / len(arms), arm) for arm, _ in arms]  # while nothing is written
        with ThreadPoolExecutor(max(1, len(arms))) as pool:
            results = [
                pool.submit(
                    self._guarded,
                    arm,
                    purpose,
                    workers=total if len(arms) == 1 else arm.workers,
                    stop=stop or self.stop,
                    listener=listener or self.listener,
                    budget=budget,
                )
                for (arm, _), budget in zip(arms, budgets, strict=True)
            ]
            ended = [result.result() for result in results]
        for (arm, _), each in zip(arms, ended, strict=True):
            cost, tokens = each.tally.booked(arm.dearest)
            self.cost_usd, self.tokens = self.cost_usd + cost, self.tokens + tokens
        self.cut = self.cut or any(each.owed and each.stopped not in (None, LOOK) for each in ended)

    def _guarded(
        self, arm: GateArm, purpose: Purpose, *, workers: int, stop: Stop, listener: Listener, budget: Budget
    ) -> RunResult:
        """Run one arm; a fault of one ends the other, whose finished trials are kept."""
        try:
            pace = msgspec.structs.replace(self.pace, workers=workers, budget=budget)
            return arm.carry_out(purpose, pace=pace, stop=stop, listener=listener)
        except BaseException:
            stop.request("a fault in the other arm")
            raise

    def _budget(self, purpose: Purpose, share: float, arm: GateArm) -> Budget:
        """Give an arm its part of what is left; a quarter of the time is kept for confirmation."""
        whole = self.pace.budget
        if whole.minutes is not None:
            whole = msgspec.structs.replace(whole, minutes=max(self._ends(purpose) - time.monotonic(), 0.0) / 60)
        if not whole.spends:
            return whole
        other = self.candidate if arm is self.baseline else self.baseline
        left = whole.less(self.cost_usd, self.tokens)
        return msgspec.structs.replace(
            left,
            cost_usd=None if left.cost_usd is None else left.cost_usd * share,
            tokens=None if left.tokens is None else int(left.tokens * share),
            known=arm.dearest,
            guessed=other.dearest,
        )

    def _ends(self, purpose: Purpose) -> float:
        """Return when the time for a purpose ends."""
        minutes = self.pace.budget.minutes or float("inf")
        return self.began + 60 * minutes * (1 - CONFIRM_SHARE if purpose is Purpose.ROUND else 1)

    def ended(self, purpose: Purpose) -> bool:
        """Say whether the time or the money for a purpose has ended, or the gate as a whole."""
        return bool(self.stop.reason) or self._spent() or time.monotonic() >= self._ends(purpose)

    def _spent(self) -> bool:
        """Say whether the money has no room for a trial more of each arm."""
        left = self.pace.budget.less(self.cost_usd).cost_usd
        if left is None:
            return False
        arms = [arm for arm in self.both if arm.rerun]
        return left == 0 or any(ROUNDING * left / len(arms) < (arm.dearest.cost_usd or 0.0) for arm in arms)

    def retry(self, tasks: Sequence[str], sizes: Sequence[int]) -> dict[str, Fresh]:
        """Run tasks that look better on fresh trials of both arms, up to each of these numbers of trials in turn.

        A task that is no better after one is not run up to the next. Where an arm cannot run again nothing is run.
        """
        fresh: dict[str, Fresh] = {}
        live = list(tasks) if all(arm.rerun for arm in self.both) else []
        for size in sizes:
            if not live or self.ended(Purpose.CONFIRM):
                self.cut = self.cut or bool(live)
                break
            last = dict.fromkeys(live, size)
            self.run(Purpose.CONFIRM, (last, last))
            fresh |= self._fresh(live, size)
            live = [task for task in live if _better(*fresh[task])]
        return fresh

    def _fresh(self, tasks: list[str], last: int) -> dict[str, Fresh]:
        window = dict.fromkeys(tasks, (1, last))
        before, after = (arm.count(Purpose.CONFIRM, window, tasks).pairs for arm in self.both)
        return dict(zip(tasks, zip(before, after, strict=True), strict=True))


def _better(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Say whether the candidate passed more often on fresh trials; without any, nothing speaks against it."""
    return before[1] * after[1] == 0 or after[0] * before[1] > before[0] * after[1]
