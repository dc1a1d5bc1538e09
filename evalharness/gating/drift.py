"""Drift: does the baseline's agent still answer as it did when its stored run was made?"""

from pathlib import Path

from msgspec import Struct

from evalharness.model import AgentDefinition, Suite
from evalharness.outcomes import Outcomes, read
from evalharness.runner import Pace, Stop, run
from evalharness.runs import begin, new_run_id
from evalharness.stats.stratified import cmh_test

SAMPLE = 20  # tasks, tried once each
LEVEL = 0.01


class Drift(Struct, frozen=True, kw_only=True):
    """What a small fresh sample says about a stored run; `pvalue` is two-sided. It takes time and money of a gate."""

    run: str
    tasks: int
    pvalue: float
    seconds: float = 0.0
    cost_usd: float = 0.0

    @property
    def shown(self) -> bool:
        """Whether the stored run no longer stands for the agent."""
        return self.pvalue <= LEVEL


def sampled(stored: Outcomes, suite: Suite, definition: AgentDefinition, *, pace: Pace, stop: Stop) -> Drift:
    """Try the baseline once on up to 20 of its tasks, evenly spread, and test that nothing has changed (exact CMH)."""
    known = [task for task in suite.tasks if task.id in stored.tasks.index]
    tasks = known[:: max(1, len(known) // SAMPLE)][:SAMPLE]
    out = Path("runs") / f"{new_run_id()}-drift"
    arm = begin(suite, definition, out=out, trials=1, tasks=tasks, arm="drift", role="drift")
    with arm.store.writer() as writer:
        executor = arm.executor(pace.executor)
        tally = run(arm.owed(), job=arm.job(), executor=executor, writer=writer, pace=pace, stop=stop).tally
    now = read(out).tasks
    then = stored.tasks.loc[now.index]
    test = cmh_test(then["passed"], then["measured"], now["passed"], now["measured"], alternative="two-sided")
    cost, _ = tally.booked(tally.dearest.joined(pace.budget.known))
    return Drift(run=str(out), tasks=len(tasks), pvalue=test.pvalue, seconds=tally.seconds, cost_usd=cost)
