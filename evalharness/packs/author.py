"""Who writes items: a provider through litellm, or the embedded model, confined by a grammar."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from evalharness import litellm_client
from evalharness.agents.local import NAME, LocalAgent, LocalSession
from evalharness.errors import ConfigError, LimitReached, Unmeasured
from evalharness.model import Limits, Task, UnmeasuredRules, Usage
from evalharness.packs.request import FACT, Request, Slot, digest
from evalharness.running.attribution import attribute
from evalharness.workspaces.local import LocalWorkspace


class Written(Struct, frozen=True, kw_only=True):
    """An answer, who gave it, and what it cost."""

    text: str
    model: str
    prompt_digest: str
    usage: Usage
    slot: Slot | None = None  # what the item is about, where the answer itself does not say it


class Author(Protocol):
    """Writes what is asked for; raises Unmeasured where no answer came."""

    patience: ClassVar[int]  # calls for an item before its pack is given up, by default
    batch: ClassVar[int]  # items in one call, at most

    def write(self, request: Request, *, seed: int) -> Written:
        """Ask once."""
        ...


@dataclass
class ProviderAuthor:
    """Any model that litellm knows.

    It is asked for the strictest form of answer that it takes: a JSON Schema, a JSON object, or plain text; what it
    refuses once is not asked for again.
    """

    model: str
    temperature: float
    max_tokens: int = 4096
    seconds: float = 120.0
    options: dict[str, Any] = field(default_factory=dict)
    patience: ClassVar[int] = 3
    batch: ClassVar[int] = 5

    def __post_init__(self) -> None:
        self._forms = ["json_schema", "json_object", "text"]

    def check(self) -> None:
        """Refuse a model whose key is missing, before anything is written."""
        if self.options:  # a server of one's own may want no key
            return
        missing = litellm_client.load().validate_environment(model=self.model).get("missing_keys") or []
        if missing and all(name.endswith("_API_KEY") for name in missing):
            raise ConfigError(f"{self.model} needs a key: set {' and '.join(missing)}, or name a server by --api-base")

    def write(self, request: Request, *, seed: int) -> Written:
        """Ask once; a form of answer that is refused costs a call more."""
        while True:
            try:
                return self._asked(request, seed)
            except Exception as exc:  # whatever a provider's library raises
                fault = attribute(exc, UnmeasuredRules())
                if isinstance(exc, TimeoutError):
                    raise Unmeasured("timeout", str(exc)) from exc
                if fault is not None:
                    raise fault from exc
                if len(self._forms) == 1:
                    said = " ".join(str(exc).split())[:500]
                    raise ConfigError(f"{self.model} refuses the request: {type(exc).__name__}: {said}") from exc
                del self._forms[0]

    def _asked(self, request: Request, seed: int) -> Written:
        messages = request.messages()
        options = {"temperature": self.temperature, "max_tokens": self.max_tokens, **self.options}
        if self._forms[0] != "text":
            options["response_format"] = self._response_format(request)
        reply = litellm_client.complete(messages, model=self.model, timeout=self.seconds, seed=seed, options=options)
        return Written(
            text=reply.text,
            model=reply.model or self.model,
            prompt_digest=digest(messages),
            usage=reply.usage,
        )

    def _response_format(self, request: Request) -> dict[str, Any]:
        if self._forms[0] == "json_object":
            return {"type": "json_object"}
        named = {"name": "items", "strict": True, "schema": request.schema()}
        return {"type": "json_schema", "json_schema": named}


class LocalAuthor:
    """The embedded model, one item a call: its grammar allows nothing but an item of the right shape."""

    patience: ClassVar[int] = 40
    batch: ClassVar[int] = 1

    def __init__(self, session: LocalSession, *, seconds: float) -> None:
        self._session = session
        self._limits = Limits(seconds=seconds)

    def write(self, request: Request, *, seed: int) -> Written:
        """Ask once, by examples; what the item is about was decided before."""
        prompt = request.continued()
        task = Task(id="item", prompt=prompt, limits=self._limits)
        try:
            said = self._session.run(task, LocalWorkspace(folder=""), seed=seed)
        except LimitReached as exc:
            raise Unmeasured("timeout", str(exc)) from exc
        return Written(
            text=said.final, model=NAME, prompt_digest=digest(prompt), usage=said.usage, slot=request.slots[0]
        )


@contextmanager
def local_author(*, temperature: float, seconds: float, max_tokens: int = 200) -> Iterator[LocalAuthor]:
    """Serve the embedded model to itself for as long as it writes."""
    agent = LocalAgent(
        template="{{ prompt }}",
        examples=(),
        schema=FACT,
        temperature=temperature,
        max_tokens=max_tokens,
        context=2048,
    )
    with agent.open(workers=1) as session:
        yield LocalAuthor(session, seconds=seconds)
