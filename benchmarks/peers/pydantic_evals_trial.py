"""The same work for pydantic-evals, in memory: milliseconds a trial on the last line.  TASKS TRIALS"""

import sys
import time

from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import EqualsExpected

tasks, trials = map(int, sys.argv[1:])
start = time.perf_counter()
cases = [Case(name=f"t{index}", inputs=f"What is {index}+{index}?", expected_output="4") for index in range(tasks)]
dataset = Dataset(name="overhead", cases=cases, evaluators=[EqualsExpected()])


async def answer(question: str) -> str:  # noqa: ARG001 - its contract
    """Answer at once."""
    return "4"


report = dataset.evaluate_sync(answer, repeat=trials, max_concurrency=100, progress=False)
seconds = time.perf_counter() - start
if len(report.cases) != tasks * trials:
    sys.exit(f"{len(report.cases)} cases")
print(seconds / (tasks * trials) * 1000)
