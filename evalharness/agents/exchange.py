"""What a harness and an agent outside Python say to each other: one JSON document in, one answer out.

In: `{"task_id", "prompt", "seed", "fields", "files"}`; `fields` holds only those that the agent's options name (a
row also holds the expected answer), `files` the names of what lies in the workspace.

Out: `{"final", "messages", "usage", "model"}`, or `{"error": {"cause", "detail", "retry_after"}}` for what was not
the agent's doing, or plain text. A JSON object with neither `final` nor `error` is plain text too: an agent may be
asked to answer in JSON.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from evalharness.errors import AgentFault, Unmeasured
from evalharness.model import Message, Task, ToolCall, Transcript, Usage
from evalharness.text import decoder, well_formed

LONGEST_LOGS = 8192
_LONGEST_CAUSE = 80

Amount = Annotated[float, Meta(ge=0, le=1e9)]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class _Usage(Struct, frozen=True):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cached_tokens: Count | None = None
    cost_usd: Amount | None = None
    working_seconds: Amount | None = None
    model_calls: Count | None = None


class _Function(Struct, frozen=True):
    name: str
    arguments: Any = None


class _Call(Struct, frozen=True):
    """A tool call, flat as ours are or nested as OpenAI's."""

    name: str | None = None
    arguments: Any = None
    id: str | None = None
    function: _Function | None = None


class _Message(Struct, frozen=True):
    role: str
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None


class _Error(Struct, frozen=True):
    cause: Annotated[str, Meta(min_length=1)]
    detail: str = ""
    retry_after: Amount | None = None


class _Answer(Struct, frozen=True):
    final: Any = None
    messages: list[_Message] = []
    usage: _Usage | None = None
    model: str | None = None
    error: _Error | None = None


def request(task: Task, *, seed: int, fields: Sequence[str] = ()) -> bytes:
    """Write what an agent is told of a task."""
    missing = [name for name in fields if name not in task.fields]
    if missing:
        raise AgentFault("fields", f"task '{task.id}' has no field {', '.join(missing)}")
    document = {
        "task_id": task.id,
        "prompt": task.prompt,
        "seed": seed,
        "fields": {name: task.fields[name] for name in fields},
        "files": sorted(task.files),
    }
    return msgspec.json.encode(well_formed(document))


def answered(content: bytes, *, logs: bytes = b"") -> Transcript:
    """Read what an agent said; a broken document is its own fault, `error` in it is not."""
    text = content.decode("utf-8-sig", "replace")
    document = _document(text)
    if document is None:
        return Transcript(final=text.rstrip("\r\n"), logs=tail(logs))
    try:
        decoder(_Answer)  # known before threads meet it
        answer = msgspec.convert(document, _Answer)
    except msgspec.ValidationError as exc:
        raise AgentFault("answer", f"the answer is not as it should be: {exc}") from exc
    if answer.error is not None:
        cause = " ".join(answer.error.cause.split())[:_LONGEST_CAUSE]
        raise Unmeasured(cause, answer.error.detail, retry_after=answer.error.retry_after)
    return Transcript(
        final=_text(answer.final),
        messages=tuple(_message(each) for each in answer.messages),
        usage=msgspec.convert(answer.usage, Usage, from_attributes=True) if answer.usage else Usage(),
        model=answer.model,
        logs=tail(logs),
    )


def tail(logs: bytes) -> str:
    """Return the end of what was printed, as text."""
    return logs[-LONGEST_LOGS:].decode("utf-8", "replace")


def _document(text: str) -> dict[str, Any] | None:
    """Read a JSON object that is an answer by its keys; None for everything else."""
    if text.lstrip()[:1] != "{":
        return None
    try:
        # Not msgspec: agents write lone surrogates, and shell scripts bare line breaks, into their strings.
        document = json.loads(text, strict=False, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    found: dict[str, Any] = well_formed(document)
    return found if "final" in found or found.get("error") is not None else None


def _text(final: object) -> str:
    if isinstance(final, str):
        return final
    return "" if final is None else json.dumps(final, ensure_ascii=False)


def _message(message: _Message) -> Message:
    content = message.content
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content)
    calls = tuple(_tool_call(call) for call in message.tool_calls or ())
    return Message(role=message.role, content=content or "", tool_calls=calls, tool_call_id=message.tool_call_id)


def _tool_call(call: _Call) -> ToolCall:
    named = call.function or call
    arguments = named.arguments
    if call.function and isinstance(arguments, str):
        with suppress(ValueError, RecursionError):  # what is no JSON stays the text it is
            arguments = json.loads(arguments, parse_constant=lambda _: None)
    return ToolCall(name=named.name or "", arguments=arguments, id=call.id)
