"""A function agent: async, with a client that it keeps between trials, and randomness from the trial's seed."""

import asyncio
import random

from evalharness.model import Message, Task, Transcript, Usage

CAPITALS = {"norway": "Oslo", "canada": "Ottawa", "kenya": "Nairobi"}


class Client:
    """Stands for a connection that is expensive to open; all trials of a host share it."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(8)

    async def ask(self, question: str, rng: random.Random) -> str:
        """Look the answer up, and forget it now and then."""
        async with self._turn:
            await asyncio.sleep(0.01)
        known = next((city for country, city in CAPITALS.items() if country in question.casefold()), "")
        return known if rng.random() < 0.9 else ""


CLIENT = Client()


async def answer(task: Task, seed: int) -> Transcript:
    """Answer a task; a plain string would do as well."""
    final = await CLIENT.ask(task.prompt, random.Random(seed))
    said = (Message(role="user", content=task.prompt), Message(role="assistant", content=final))
    return Transcript(final=final, messages=said, usage=Usage(model_calls=1))
