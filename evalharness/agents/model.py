"""Model agents: one call of a language model per trial, through litellm."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from evalharness import litellm_client
from evalharness.agents.asking import GRACE_SECONDS, Example, Mode, Prompting, ask
from evalharness.errors import ConfigError
from evalharness.model import Task, Transcript
from evalharness.rates import PATIENCE_SECONDS, Ceiling
from evalharness.workspaces import Workspace


@dataclass(frozen=True)
class ModelAgent:
    """Ask a model, by any name that litellm knows (`openai/gpt-4o-mini`, `text-completion-openai/...`).

    `template`, `examples` and `system` are as `Prompting` says. `extra` goes to litellm as it is (`top_p`, `tools`,
    `response_format`). Every trial sends its own seed. However many trials run at once, the provider is asked no faster
    than it allows, nor than `max_concurrency` and `requests_per_minute` say; a call that it holds back waits as long
    as `patience_seconds`.
    """

    model: str
    mode: Mode = "chat"
    system: str | None = None
    template: str = "{{ prompt }}"
    examples: tuple[Example, ...] = ()
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    api_base: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    max_concurrency: int | None = None
    requests_per_minute: float | None = None
    patience_seconds: float = PATIENCE_SECONDS
    grace_seconds: ClassVar[float] = GRACE_SECONDS

    def __post_init__(self) -> None:
        self._prompting()
        self._ceiling()

    @contextmanager
    def open(self, *, workers: int) -> Iterator[Self]:  # noqa: ARG002 - all callers share one connection pool
        """Load litellm, which takes seconds, and see that it knows whom to ask."""
        litellm = litellm_client.load()
        try:
            litellm.get_llm_provider(model=self.model, api_base=self.api_base)
        except litellm.exceptions.BadRequestError as exc:
            raise ConfigError(
                f"model '{self.model}': litellm knows no such provider; write it as 'provider/model', "
                "for example 'openai/gpt-4o-mini'"
            ) from exc
        self._check_keys(litellm)
        if "tools" in self.extra:
            _check_tools()
        yield self

    def _check_keys(self, litellm: Any) -> None:
        """Ask for a key before the first trial: without one a provider's answer looks like an outage."""
        if self.api_base or "api_key" in self.extra:
            return
        missing = litellm.validate_environment(model=self.model)["missing_keys"]
        if missing:
            names = ", ".join(missing)
            raise ConfigError(f"model '{self.model}' needs {names}: set it in the environment, or name an `api_base`")

    def run(self, task: Task, workspace: Workspace, *, seed: int) -> Transcript:  # noqa: ARG002 - a model needs none
        """Ask once."""
        return ask(
            self._prompting(), task, model=self.model, seed=seed, options=self._options(), ceiling=self._ceiling()
        )

    def prices(self) -> dict[str, dict[str, float]]:
        """Say what is known of the model's prices."""
        known = litellm_client.prices(self.model)
        return {self.model: known} if known else {}

    def _prompting(self) -> Prompting:
        return Prompting(mode=self.mode, template=self.template, system=self.system, examples=self.examples)

    def _ceiling(self) -> Ceiling:
        return Ceiling(
            max_concurrency=self.max_concurrency,
            requests_per_minute=self.requests_per_minute,
            patience_seconds=self.patience_seconds,
        )

    def _options(self) -> dict[str, Any]:
        given = {
            "stop": list(self.stop) or None,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "api_base": self.api_base,
        }
        return {**{name: value for name, value in given.items() if value is not None}, **self.extra}


def _check_tools() -> None:
    """Ask for what litellm imports with the first call that has tools: its failure there looks like an outage."""
    try:
        importlib.import_module("mcp.types")
    except ImportError as exc:
        raise ConfigError("litellm needs the package `mcp` for calls with `tools`: pip install mcp") from exc
