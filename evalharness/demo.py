"""The demo: two releases of a real agent, one with a broken prompt, then one release against itself."""

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from evalharness.compare import compare
from evalharness.errors import HarnessFault
from evalharness.executors.threads import ThreadExecutor
from evalharness.gate import PRESETS, judge
from evalharness.model import AgentDefinition, Comparison, Verdict
from evalharness.outcomes import read
from evalharness.runner import Pace, Stop, run
from evalharness.running.budget import Budget
from evalharness.runs import Arm, begin
from evalharness.suite import load_suite

TASKS = 20
TRIALS = 3
WORKERS = 2
SECONDS = 170.0  # three minutes, less what the last trials and the reports take

WORKING = AgentDefinition(name="few-shot", version="1.0", use="local")
BROKEN = AgentDefinition(
    name="few-shot",
    version="1.1",
    use="local",
    options={"template": "Question: {prompt}\nAnswer:"},  # one pair of braces: the question never gets in
)


class Act(Struct, frozen=True, kw_only=True):
    """One comparison of the demo, with what it should say."""

    title: str
    baseline: tuple[AgentDefinition, int]
    candidate: tuple[AgentDefinition, int]


ACTS = (
    Act(
        title="release 1.1 lost the question: its template has one pair of braces where two are needed",
        baseline=(WORKING, 11),
        candidate=(BROKEN, 12),
    ),
    Act(
        title="release 1.0 twice, with other seeds: nothing changed, so any difference below is luck",
        baseline=(WORKING, 23),
        candidate=(WORKING, 24),
    ),
)


class Played(Struct, frozen=True, kw_only=True):
    """What an act showed."""

    act: Act
    comparison: Comparison
    verdict: Verdict


def play(folder: Path, *, stop: Stop, say: Callable[[str], None]) -> list[Played]:
    """Play every act into run directories below `folder`; at the deadline it ends with what it has."""
    deadline = time.monotonic() + SECONDS
    suite = load_suite("smoke-en")
    played: list[Played] = []
    arms_left = 2 * len(ACTS)
    for number, act in enumerate(ACTS, start=1):
        say(f"\n{number}. {act.title}")
        paths = []
        for word, (definition, seed) in (("baseline", act.baseline), ("candidate", act.candidate)):
            minutes = max(deadline - time.monotonic(), 1.0) / arms_left / 60
            path = folder / f"{number}-{word}"
            arm = begin(suite, definition, out=path, trials=TRIALS, tasks=suite.tasks[:TASKS], seed=seed)
            _measure(arm, minutes=minutes, stop=stop, say=say)
            paths.append(path)
            arms_left -= 1
            if stop.reason in ("an interrupt", "termination"):
                return played
        baseline, candidate = map(read, paths)
        policy = PRESETS["pr"]
        comparison = compare(baseline, candidate, policy)
        played.append(Played(act=act, comparison=comparison, verdict=judge(comparison, policy)))
    return played


def _measure(arm: Arm, *, minutes: float, stop: Stop, say: Callable[[str], None]) -> None:
    pace = Pace(workers=WORKERS, budget=Budget(minutes=minutes))
    with arm.store.writer() as writer:
        result = run(arm.owed(), job=arm.job(), executor=ThreadExecutor(), writer=writer, pace=pace, stop=stop)
    tally = result.tally
    if not tally.measured:
        raise HarnessFault(f"the embedded model answered nothing: {dict(tally.errors)}")
    owed = f", {len(result.owed)} owed at the deadline" if result.owed else ""
    rate = tally.passed / tally.measured
    say(f"   {arm.store.path.name}: {rate:.0%} of {tally.measured} trials passed in {tally.seconds:.0f} s{owed}")
