"""One trial as an instance of every_eval_ever; what a run does not know, its references above all, stays empty."""

from hashlib import sha256
from typing import Any, ClassVar

from msgspec import Struct

from evalharness.exporters.runs import Told
from evalharness.model import Message, Outcome, Record, ToolCall, Transcript, Usage
from evalharness.text import as_json


class Whose(Struct, frozen=True, kw_only=True):
    """What all instances of a run share; `tags` are by task."""

    SCHEMA: ClassVar[str] = "0.3.0"

    evaluation_id: str
    model_id: str
    suite: str
    tags: dict[str, tuple[str, ...]]

    @property
    def result_id(self) -> str:
        """Name the one result that the instances add up to."""
        return f"{self.evaluation_id}#pass_rate"


def instance(whose: Whose, told: Told) -> dict[str, Any]:
    """Write one trial."""
    record, said = told.record, told.transcript or Transcript(final="")
    asked = next((each.content for each in said.messages if each.role == "user"), "")
    made: dict[str, Any] = {
        "schema_version": Whose.SCHEMA,
        "evaluation_id": whose.evaluation_id,
        "model_id": whose.model_id,
        "evaluation_name": whose.suite,
        "evaluation_result_id": whose.result_id,
        "sample_id": record.task_id,
        "sample_hash": sha256(asked.encode("utf-8", "replace")).hexdigest() if asked else None,
        "interaction_type": (kind := _kind(said.messages)),
        "input": {"raw": asked, "reference": []},
        "output": None,
        "messages": None,
        "answer_attribution": [],
        "evaluation": _evaluation(record, said.messages),
        "token_usage": _tokens(record.usage),
        "performance": {"latency_ms": record.usage.seconds * 1000} if record.usage.seconds is not None else None,
        "error": None if record.outcome is not Outcome.ERROR else record.cause or "error",
        "metadata": _metadata(record, whose.tags.get(record.task_id)),
    }
    if kind == "single_turn":
        return made | {"output": {"raw": [said.final] if told.transcript else []}}
    return made | {"messages": [_message(index, each) for index, each in enumerate(said.messages)]}


def _kind(messages: tuple[Message, ...]) -> str:
    if any(each.tool_calls or each.role == "tool" for each in messages):
        return "agentic"
    answers = sum(each.role == "assistant" for each in messages)
    return "multi_turn" if answers > 1 else "single_turn"


def _evaluation(record: Record, messages: tuple[Message, ...]) -> dict[str, Any]:
    passed = record.outcome is Outcome.PASS
    return {
        "score": float(passed),
        "is_correct": passed,
        "num_turns": sum(each.role == "assistant" for each in messages) or None,
        "tool_calls_count": sum(len(each.tool_calls) for each in messages) if messages else None,
    }


def _tokens(used: Usage) -> dict[str, Any] | None:
    read, written = used.input_tokens, used.output_tokens
    if read is None or written is None:
        return None
    return {
        "input_tokens": read,
        "output_tokens": written,
        "total_tokens": read + written,
        "input_tokens_cache_read": used.cached_tokens,
    }


def _metadata(record: Record, tags: tuple[str, ...] | None) -> dict[str, str]:
    known = {
        "trial": str(record.trial),
        "attempt": str(record.attempt),
        "outcome": str(record.outcome),
        "cause": record.cause,
        "score": None if record.score is None else str(record.score),
        "tags": as_json(tags).decode() if tags else None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _message(index: int, message: Message) -> dict[str, Any]:
    calls = [_call(each, f"{index}.{number}") for number, each in enumerate(message.tool_calls)]
    return {
        "turn_idx": index,
        "role": message.role,
        "content": message.content or None,
        "tool_calls": calls or None,
        "tool_call_id": [message.tool_call_id] if message.tool_call_id is not None else None,
    }


def _call(call: ToolCall, stand_in: str) -> dict[str, Any]:
    """Write a call; the schema wants an id of each, and every argument as a text."""
    arguments = call.arguments if isinstance(call.arguments, dict) else {"arguments": call.arguments}
    return {
        "id": call.id or stand_in,
        "name": call.name,
        "arguments": {
            str(name): value if isinstance(value, str) else as_json(value).decode() for name, value in arguments.items()
        },
    }
