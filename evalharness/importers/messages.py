"""Foreign messages in the shape of chat completions, as ours; whatever else they hold is passed over."""

from collections.abc import Sequence
from typing import Any

from evalharness.importers.source import text
from evalharness.model import Message, ToolCall, Transcript, Usage


def transcript(said: Sequence[Any], *, final: str | None = None, usage: Usage | None = None) -> Transcript:
    """Make a transcript of messages; its final answer is the last text of the assistant unless it is given."""
    messages = tuple(_message(each) for each in said if isinstance(each, dict))
    last = next((each.content for each in reversed(messages) if each.role == "assistant" and each.content), "")
    return Transcript(final=last if final is None else final, messages=messages, usage=usage or Usage())


def _message(said: dict[str, Any]) -> Message:
    calls = said.get("tool_calls")
    call_id = said.get("tool_call_id")
    return Message(
        role=text(said.get("role")) or "unknown",
        content=plain(said.get("content")),
        tool_calls=tuple(_call(each) for each in calls if isinstance(each, dict)) if isinstance(calls, list) else (),
        tool_call_id=call_id if isinstance(call_id, str) else None,
    )


def plain(content: Any) -> str:
    """Write the content of a message as text; parts that are no text are left as JSON."""
    if isinstance(content, list):
        return "\n".join(text(each["text"] if isinstance(each, dict) and "text" in each else each) for each in content)
    return text(content)


def _call(said: dict[str, Any]) -> ToolCall:
    function = said.get("function")
    inner = function if isinstance(function, dict) else said
    name = inner.get("name") or (function if isinstance(function, str) else "")
    call_id = said.get("id")
    return ToolCall(name=text(name), arguments=inner.get("arguments"), id=call_id if isinstance(call_id, str) else None)
