"""An inspect task as a team has it: messages to be sorted, an agent of its own, and a scorer."""

import random

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import match
from inspect_ai.solver import Generate, Solver, TaskState, solver

MESSAGES = {
    "double-charge": ("I was charged twice this month.", "billing"),
    "refund": ("How do I get a refund for an order I cancelled?", "billing"),
    "password": ("I forgot my password and no mail comes.", "account"),
    "crash": ("The app crashes when I open the calendar.", "technical"),
    "crash-at-payment": ("The app crashes when I open my invoice.", "technical"),
}


@task
def triage(words: str = "first", slip: float = 0.0) -> Task:
    """Sort a message by its words; `slip` is how often the agent forgets to."""
    samples = [Sample(id=name, input=text, target=team) for name, (text, team) in MESSAGES.items()]
    return Task(dataset=MemoryDataset(samples), solver=sorting(words, slip), scorer=match(location="any"))


@solver
def sorting(words: str, slip: float) -> Solver:
    """Answer with the team whose word comes first, or last, in the message."""
    teams = {
        "charged": "billing",
        "refund": "billing",
        "invoice": "billing",
        "password": "account",
        "crash": "technical",
    }

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 - inspect hands it over
        text = state.input_text.lower()
        found = sorted((text.find(word), team) for word, team in teams.items() if word in text)
        team = found[0 if words == "first" else -1][1] if found else "technical"
        state.output.completion = "technical, or account" if random.random() < slip else team
        return state

    return solve
