"""What was said in a trial, as spans of model and tool calls, in the shapes of the conventions for generative AI."""

from collections.abc import Iterator, Sequence
from typing import Any

from evalharness.exporters.otlp_spans import Span, attributes, span
from evalharness.model import Message, ToolCall, Transcript
from evalharness.text import as_json

MICROSECOND = 1000
INTERNAL = 1


def talk(transcript: Transcript | None) -> dict[str, Any]:
    """Return what went into the agent and what came out of it, as attributes."""
    if transcript is None:
        return {}
    asked: list[Message] = []
    for each in transcript.messages:
        if each.role == "assistant":
            break
        asked.append(each)
    answer = Message(role="assistant", content=transcript.final)
    return {"gen_ai.input.messages": _messages(asked) if asked else None, "gen_ai.output.messages": _messages([answer])}


def inner_spans(transcript: Transcript, identity: str, *, start: int, model: str | None) -> Iterator[Span]:
    """Yield a span for each answer of the model and each call of a tool, in order."""
    results = {each.tool_call_id: each.content for each in transcript.messages if each.role == "tool"}
    number = 0
    for each in transcript.messages:
        if each.role != "assistant":
            continue
        number += 1
        yield _chat(each, span(identity, number, _named("chat", model), start=start + number * MICROSECOND), model)
        for call in each.tool_calls:
            number += 1
            made = span(identity, number, _named("execute_tool", call.name), start=start + number * MICROSECOND)
            yield _tool(call, made, results.get(call.id) if call.id else None)


def _named(operation: str, what: str | None) -> str:
    return f"{operation} {what}" if what else operation


def _chat(message: Message, made: Span, model: str | None) -> Span:
    facts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": model.partition("/")[0] if model and "/" in model else "unknown",
        "gen_ai.response.model": model,
        "gen_ai.output.messages": _messages([message]),
    }
    return made | {"attributes": attributes(facts)}


def _tool(call: ToolCall, made: Span, result: str | None) -> Span:
    arguments = call.arguments
    facts = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name,
        "gen_ai.tool.call.id": call.id,
        "gen_ai.tool.call.arguments": arguments if isinstance(arguments, str | None) else as_json(arguments).decode(),
        "gen_ai.tool.call.result": result,
    }
    return made | {"kind": INTERNAL, "attributes": attributes(facts)}


def _messages(said: Sequence[Message]) -> str:
    return as_json([_message(each) for each in said]).decode()


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        response = {"type": "tool_call_response", "id": message.tool_call_id, "response": message.content}
        return {"role": "tool", "parts": [response]}
    parts: list[dict[str, Any]] = [{"type": "text", "content": message.content}] if message.content else []
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}
        for call in message.tool_calls
    ]
    said: dict[str, Any] = {"role": message.role, "parts": parts}
    if message.role == "assistant":
        said["finish_reason"] = "tool_call" if message.tool_calls else "stop"
    return said
