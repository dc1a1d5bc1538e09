"""Asking a language model once: from a task to a prompt or a conversation, and from the reply to a transcript."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from evalharness import litellm_client
from evalharness.errors import AgentFault, LimitReached
from evalharness.model import Message, Task, Transcript
from evalharness.rates import Ceiling

GRACE_SECONDS = 5.0  # a call that is over its time needs a moment to be taken down
_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)

Mode = Literal["chat", "completion"]


class Example(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A worked example that stands before the question; `fields` is what the template needs beside the prompt."""

    input: str
    output: str
    fields: dict[str, Any] = {}


@dataclass(frozen=True)
class Prompting:
    """How a task is put to a model.

    `template` is jinja2, sandboxed and strict, over the fields of the task and `prompt`; examples go through it too.
    In a `chat` they are turns of the conversation, after `system`. In a `completion` they stand above the question
    with an empty line between, each answer after a space, and `system` above them all.
    """

    mode: Mode
    template: str
    system: str | None = None
    examples: tuple[Example, ...] = ()

    def __post_init__(self) -> None:
        try:
            _compiled(self.template)
        except TemplateError as exc:
            raise ValueError(f"template: {exc}") from exc

    def messages(self, task: Task) -> tuple[Message, ...]:
        """Write the conversation up to the question, or the one text that the model is to go on with."""
        question = self._rendered(task.fields, task.prompt)
        if self.mode == "chat":
            system = [Message(role="system", content=self.system)] if self.system else []
            turns = [message for example in self.examples for message in self._turns(example)]
            return (*system, *turns, Message(role="user", content=question))
        shown = [f"{self._rendered(each.fields, each.input)} {each.output}" for each in self.examples]
        parts = [*([self.system] if self.system else []), *shown, question]
        return (Message(role="user", content="\n\n".join(parts)),)

    def _turns(self, example: Example) -> tuple[Message, Message]:
        asked = self._rendered(example.fields, example.input)
        return Message(role="user", content=asked), Message(role="assistant", content=example.output)

    def _rendered(self, fields: dict[str, Any], prompt: str) -> str:
        try:
            return _compiled(self.template).render({**fields, "prompt": prompt})
        except Exception as exc:  # a template is part of the agent, and so is what it makes of a task
            raise AgentFault("template", str(exc)) from exc


def ask(
    prompting: Prompting,
    task: Task,
    *,
    model: str,
    seed: int,
    options: dict[str, Any],
    ceiling: Ceiling | None = None,
) -> Transcript:
    """Ask a model once, within the task's time; `options` go to litellm as they are."""
    asked = prompting.messages(task)
    chat = prompting.mode == "chat"
    try:
        reply = litellm_client.complete(
            [{"role": message.role, "content": message.content} for message in asked] if chat else asked[0].content,
            model=model,
            timeout=task.limits.seconds,
            seed=folded(seed),
            options=options,
            ceiling=ceiling,
        )
    except TimeoutError as exc:
        raise LimitReached("seconds", str(exc)) from exc
    final = reply.text if chat else reply.text.strip()
    return Transcript(final=final, messages=(*asked, reply.message), usage=reply.usage, model=reply.model)


def folded(seed: int) -> int:
    """Fit the seed of a trial into the 31 bits that providers take."""
    return (seed ^ (seed >> 32)) & 0x7FFFFFFF


@lru_cache(maxsize=64)
def _compiled(template: str) -> Template:
    return _ENVIRONMENT.from_string(template)
