"""A simulated coding agent for `trajectories.py`: transcripts of about 100 kB, made of what real ones are made of.

What it "reads" is the source of the standard library: files with line numbers, listings, searches, test output with
times and addresses. What it "thinks" are sentences from docstrings. A fifth of what it reads it has seen before in the
same trial, as agents do. Digests, ids and encoded bytes are random: they cannot be compressed below three quarters.
"""

import base64
import random
import re
import sysconfig
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path

from evalharness.model import Message, Task, ToolCall, Transcript, Usage

FAULTS = 0.02
AGAIN = 0.2
SYSTEM = "You are a careful software engineer. You are given a repository and an issue. "


@cache
def library() -> list[tuple[str, list[str]]]:
    """Read the modules of the standard library as lines."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(path for folder in (".", "asyncio", "email", "json", "xml") for path in (root / folder).glob("*.py"))
    read = ((str(path.relative_to(root)), path.read_text(encoding="utf-8", errors="replace")) for path in files)
    return [(name, text.splitlines()) for name, text in read if len(text) > 4000]


@cache
def sentences() -> list[str]:
    """Collect sentences from docstrings and comments."""
    text = "\n".join("\n".join(lines) for _, lines in library())
    return [" ".join(said.split()) for said in re.findall(r"(?<=\s)[A-Z][a-z][\w ,'()\n-]{40,200}?\.(?=\s)", text)]


class Trajectory:
    """One transcript in the making."""

    def __init__(self, task_id: str, seed: int) -> None:
        self._rng = random.Random(seed)
        subject = random.Random(task_id)  # the trials of a task look at the same files
        self._files = subject.sample(library(), 8)
        self._issue = subject.sample(sentences(), 12)
        self._seen: list[str] = []
        self.messages: list[Message] = [
            Message(role="system", content=SYSTEM + " ".join(sentences()[:40])),
            Message(role="user", content=" ".join(self._issue)),
        ]

    def _token(self, size: int) -> str:
        return sha256(self._rng.randbytes(8)).hexdigest()[:size]

    def _thought(self) -> str:
        return " ".join(self._rng.choices(sentences(), k=self._rng.randint(1, 5)))

    def _view(self) -> tuple[str, str]:
        name, lines = self._rng.choice(self._files)
        first = self._rng.randrange(max(1, len(lines) - 60))
        chosen = lines[first : first + self._rng.randint(40, 160)]
        shown = "\n".join(f"{number:6d}\t{line}" for number, line in enumerate(chosen, first + 1))
        return f"sed -n '{first + 1},{first + len(chosen)}p' lib/{name} | cat -n", shown

    def _search(self) -> tuple[str, str]:
        name, lines = self._rng.choice(self._files)
        word = self._rng.choice(["return", "self", "raise", "import", "None", "for "])
        found = [f"lib/{name}:{number}:{line}" for number, line in enumerate(lines, 1) if word in line]
        first = self._rng.randrange(max(1, len(found) - 30))
        return f"grep -rn {word!r} lib/{name}", "\n".join(found[first : first + 40])

    def _listing(self) -> tuple[str, str]:
        rng = self._rng
        rows = [
            f"-rw-r--r-- 1 dev dev {rng.randint(200, 90_000):6d} {rng.randint(1, 28):2d} Nov 0{rng.randint(0, 9)}:"
            f"{rng.randint(10, 59)} {name}  {self._token(40)}"
            for name, _ in rng.sample(library(), 25)
        ]
        return "ls -l && git ls-files -s", "\n".join(rows)

    def _tests(self) -> tuple[str, str]:
        rng, (name, lines) = self._rng, self._rng.choice(self._files)
        passed = [f"tests/test_{name}::test_{self._token(6)} PASSED [{rng.random():.6f} s]" for _ in range(20)]
        first = rng.randrange(max(1, len(lines) - 12))
        failed = "\n".join(f"    {line}" for line in lines[first : first + 12])
        where = f"E   AssertionError: <object at 0x{self._token(12)}> != <object at 0x{self._token(12)}>"
        return "pytest -v", "\n".join([*passed, f"lib/{name}:{first}:", failed, where])

    def _blob(self) -> tuple[str, str]:
        return "base64 fixture.bin", base64.encodebytes(self._rng.randbytes(self._rng.randint(500, 2500))).decode()

    def turn(self) -> None:
        """Think, use a tool, and read what it says."""
        actions = [self._view, self._search, self._listing, self._tests, self._blob]
        command, shown = self._rng.choices(actions, weights=[12, 4, 2, 5, 2])[0]()
        if self._seen and self._rng.random() < AGAIN:
            shown = self._rng.choice(self._seen)
        self._seen.append(shown)
        call = ToolCall(name="bash", arguments={"command": command}, id=f"call_{self._token(24)}")
        self.messages.append(Message(role="assistant", content=self._thought(), tool_calls=(call,)))
        self.messages.append(Message(role="tool", content=shown, tool_call_id=call.id))


def agent(skill: float) -> Callable[..., Transcript]:
    """Make an agent that solves tasks at about this rate; one trial in fifty meets a fault of the infrastructure."""
    met: set[int] = set()

    def answer(task: Task, seed: int) -> Transcript:
        fault = random.Random(seed ^ 0xFA17).random() < FAULTS
        if fault and seed not in met:
            met.add(seed)
            raise ConnectionResetError("the sandbox went away")
        made = Trajectory(task.id, seed)
        size = 0
        while size < 100_000:
            made.turn()
            size += sum(len(said.content) for said in made.messages[-2:]) + 250
        difficulty = random.Random(f"{task.id} is hard").gauss(0, 0.25)
        solved = random.Random(seed).random() < skill + difficulty
        usage = Usage(
            input_tokens=size * len(made.messages) // 8, output_tokens=size // 12, model_calls=len(made.messages) // 2
        )
        return Transcript(final="yes" if solved else "no", messages=tuple(made.messages), usage=usage)

    return answer
