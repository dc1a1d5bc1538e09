"""An inspect task: its dataset becomes tasks, its scorers graders, and plain solvers an agent.

The file is loaded where inspect_ai is installed, in a process of its own.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from evalharness.adopt.adopted import Adopted
from evalharness.adopt.templates import OWN
from evalharness.errors import ConfigError
from evalharness.importers.source import fault

SECONDS = 600
MODEL = "openai/gpt-4o-mini"  # an inspect task names none


class Part(Struct, frozen=True):
    """A scorer or a solver, with its options."""

    name: str
    options: dict[str, Any] = {}

    @property
    def short(self) -> str:
        """Return its name without the package."""
        return self.name.rpartition("/")[2]


class Sample(Struct, frozen=True):
    """A sample of the dataset."""

    id: str | int | None = None
    input: str | None = None
    messages: list[list[str]] | None = None
    target: str | list[str] = ""
    choices: list[str] | None = None
    metadata: dict[str, Any] | None = None
    files: list[str] = []
    sandbox: bool = False
    setup: bool = False


class Told(Struct, frozen=True):
    """A task, as the process that loaded it says."""

    name: str
    samples: list[Sample]
    scorers: list[Part]
    solvers: list[Part]
    epochs: int = 1
    time_limit: float | None = None
    token_limit: int | None = None
    sandbox: bool = False


def adopted(place: str) -> Adopted:
    """Read `FILE.py` or `FILE.py@NAME` as a suite and an agent."""
    path, _, name = place.partition("@")
    told = _loaded(Path(path), name)
    found = Adopted(name=told.name)
    limits = {
        name: limit for name, limit in (("seconds", told.time_limit), ("tokens", told.token_limit)) if limit is not None
    }
    found.suite = {"version": 1, "trials": max(told.epochs, 3), "tasks": {"file": "tasks.jsonl"}}
    found.suite |= ({"limits": limits} if limits else {}) | {"gate": {"stance": "guard"}}
    makers = [maker for part in told.scorers if (maker := _maker(part, found)) is not None]
    if not makers:
        names = ", ".join(part.short for part in told.scorers) or "it has none"
        raise ConfigError(
            f"{place}: none of its scorers has a counterpart here ({names}): "
            "keep inspect as it is with an external suite (docs/external.md)"
        )
    found.rows = [_row(index, sample, makers, found) for index, sample in enumerate(told.samples)]
    if told.sandbox:
        found.lose("sandbox", "is not taken over")
    found.agents["agent"] = _agent(told, found)
    return found


def _loaded(path: Path, name: str) -> Told:
    """Load the file in a process with inspect_ai, and take what it says last."""
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    with as_file(files("evalharness.adopt") / "scaffold" / "inspect_reader.py") as reader:
        command = [_interpreter(), str(reader), str(path.resolve()), name]
        try:
            done = subprocess.run(  # noqa: S603 - to load the team's task is the purpose
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise fault(path, f"cannot be loaded: {exc}") from exc
    if done.returncode != 0:
        raise fault(path, f"cannot be loaded by inspect: {_last(done.stderr, done.returncode)}")
    try:
        return msgspec.json.decode(done.stdout.strip().rpartition("\n")[2], type=Told)
    except msgspec.DecodeError as exc:
        raise fault(path, f"cannot be loaded by inspect: {exc}") from exc


def _last(text: str, code: int) -> str:
    lines = [line for line in text.split("\n") if line.strip()]
    return lines[-1].strip() if lines else f"it ended with exit code {code}"


def _interpreter() -> str:
    """Find the Python that has inspect_ai: this one, or that of the `inspect` on PATH."""
    if find_spec("inspect_ai") is not None:
        return sys.executable
    program = shutil.which("inspect")
    beside = Path(program).resolve().parent / "python" if program else None
    if beside is None or not beside.exists():
        raise ConfigError("an inspect task is loaded by inspect itself: `pip install inspect-ai`, or put it on PATH")
    return str(beside)


def _row(index: int, sample: Sample, makers: list["Maker"], found: Adopted) -> dict[str, Any]:
    place = f"samples[{index}]"
    for name in ("files", "sandbox", "setup"):
        if getattr(sample, name):
            found.lose(f"{place}.{name}", "is not taken over")
    row: dict[str, Any] = {
        "id": str(index + 1 if sample.id is None else sample.id),
        "prompt": _prompt(sample, place, found),
    }
    row["expected"] = sample.target if isinstance(sample.target, str) or len(sample.target) != 1 else sample.target[0]
    if sample.choices:
        row["choices"] = sample.choices
        row["prompt"] += "\n\n" + "\n".join(f"{chr(65 + at)}) {text}" for at, text in enumerate(sample.choices))
    row |= {f"{key}_" if key in OWN or key in row else key: value for key, value in (sample.metadata or {}).items()}
    targets = [sample.target] if isinstance(sample.target, str) else sample.target
    row["graders"] = [maker(targets) for maker in makers]
    return row


def _prompt(sample: Sample, place: str, found: Adopted) -> str:
    if sample.input is not None:
        return sample.input
    turns = sample.messages or []
    if [role for role, _ in turns] != ["user"]:
        found.lose(f"{place}.input", f"a chat of {', '.join(role for role, _ in turns)} is written into one prompt")
    return turns[0][1] if len(turns) == 1 else "\n\n".join(f"{role}: {text}" for role, text in turns)


Maker = Callable[[list[str]], dict[str, Any]]


def _maker(part: Part, found: Adopted) -> Maker | None:
    """Return what makes the grader of a scorer for the targets of a sample; None, and named, where there is none."""
    if part.short in _SCORERS and (maker := _SCORERS[part.short](part.options)) is not None:
        if part.short.startswith("model_graded") and not part.options.get("model"):
            found.lose("judge", f"no model is named for '{part.short}': {MODEL} judges; change it where that is wrong")
        return maker
    said = json.dumps(part.options, default=str) if part.options else ""
    found.lose(f"scorer {part.short}", f"has no counterpart here{f' with {said[:200]}' if said else ''}")
    return None


def _match(options: dict[str, Any]) -> Maker | None:
    where, folded = options.get("location", "end"), bool(options.get("ignore_case", True))
    if options.get("numeric"):
        return lambda _: {"use": "number", "options": {"which": "first" if where == "begin" else "last"}}
    if where == "exact":
        return lambda _: {"use": "exact_match", "options": {"normalisation": "english" if folded else "none"}}
    if where == "any":
        return _includes(options)
    edge = r"[\s\p{P}]*"

    def maker(targets: list[str]) -> dict[str, Any]:
        words = "|".join(re.escape(each.strip()) for each in targets)
        pattern = rf"\A{edge}(?:{words})" if where == "begin" else rf"(?:{words}){edge}\Z"
        return {"use": "regex", "options": {"pattern": pattern, "ignore_case": folded}}

    return maker


def _includes(options: dict[str, Any]) -> Maker:
    folded = bool(options.get("ignore_case", True))
    return lambda _: {"use": "contains", "options": {"ignore_case": folded}}


def _answer(options: dict[str, Any]) -> Maker | None:
    ends = {"letter": r"\b", "word": r"\b", "line": r"[\s\p{P}]*$"}
    end = ends.get(str(options.get("pattern")))
    if end is None:
        return None

    def maker(targets: list[str]) -> dict[str, Any]:
        words = "|".join(re.escape(each.strip()) for each in targets)
        pattern = rf"ANSWER\s*:\s*(?:{words}){end}"
        return {"use": "regex", "options": {"pattern": pattern, "ignore_case": True, "multiline": True}}

    return maker


def _graded(options: dict[str, Any]) -> Maker | None:
    if options.get("template") or options.get("partial_credit"):
        return None
    model = options.get("model")
    said = options.get("instructions")
    rubric = (
        said if isinstance(said, str) else "The answer agrees with the expected one, and contradicts nothing of it."
    )
    name = model if isinstance(model, str) else MODEL
    return lambda _: {"use": "judge", "options": {"rubric": rubric, "model": name}}


_SCORERS: dict[str, Callable[[dict[str, Any]], Maker | None]] = {
    "match": _match,
    "includes": _includes,
    "exact": lambda _: lambda _: {"use": "exact_match", "options": {"normalisation": "english"}},
    "choice": lambda _: lambda _: {"use": "choice"},
    "answer": _answer,
    "model_graded_qa": _graded,
    "model_graded_fact": _graded,
}


def _agent(told: Told, found: Adopted) -> dict[str, Any]:
    """Make a model agent of solvers that only put a question; the others are named."""
    options: dict[str, Any] = {"model": MODEL}
    for part in told.solvers:
        text = part.options.get("template")
        if part.short == "system_message" and isinstance(text, str) and "{" not in text:
            options["system"] = text
        elif part.short == "prompt_template" and isinstance(text, str):
            options["template"] = re.sub(r"\{(\w+)\}", r"{{ \1 }}", text)
        elif part.short not in ("generate", "multiple_choice"):
            found.lose(
                f"solver {part.short}", "is not taken over: write an agent (docs/agents.md) that does what it does"
            )
    found.lose("model", f"an inspect task names none: {MODEL} stands in agent.yaml; change it to yours")
    return {"name": told.name, "use": "model", "options": options}
