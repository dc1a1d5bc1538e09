"""The same work for inspect_ai, with its log: milliseconds a trial on the last line.  TASKS TRIALS"""

import sys
import tempfile
import time

from inspect_ai import Epochs, Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import match
from inspect_ai.solver import Generate, Solver, TaskState, solver


@solver
def answer() -> Solver:
    """Answer at once."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 - its contract
        state.output = ModelOutput.from_content("mockllm/model", "4")
        return state

    return solve


tasks, trials = map(int, sys.argv[1:])
with tempfile.TemporaryDirectory() as folder:
    start = time.perf_counter()
    samples = [Sample(id=index, input=f"What is {index}+{index}?", target="4") for index in range(tasks)]
    task = Task(dataset=MemoryDataset(samples), solver=answer(), scorer=match())
    [log] = evaluate(
        task,
        model="mockllm/model",
        epochs=Epochs(trials, ["mean"]),
        log_dir=folder,
        display="none",
        max_samples=100,
    )
    seconds = time.perf_counter() - start
if log.status != "success":
    sys.exit(f"status {log.status}")
print(seconds / (tasks * trials) * 1000)
