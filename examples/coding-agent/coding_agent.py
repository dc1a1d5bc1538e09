"""A coding agent: a model with tools edits the files of its workspace until the tests there pass."""

import json
import time
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from tools import SCHEMAS, ran, shortened, use

from evalharness.litellm_client import load
from evalharness.model import Message, Task, ToolCall, Transcript, Usage, total
from evalharness.workspaces import Workspace

litellm = load()  # as `import litellm`, without its network look-ups and its reading of `.env`
FOLDER = Path(__file__).parent
SYSTEM = (FOLDER / "system.md").read_text()
TESTS = "python3 -m unittest"
CALL_SECONDS = 120.0
SHARE = 0.9  # of the task's time after which no step begins any more


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set; `calls: json` is for models that know no tools and write calls as JSON instead."""

    model: str
    steps: int = 25
    temperature: float = 0.2
    max_tokens: int = 2000
    calls: Literal["native", "json"] = "native"
    options: dict[str, Any] = {}


SETTINGS = msgspec.json.decode((FOLDER / "settings.json").read_bytes(), type=Settings)


def solve(task: Task, workspace: Workspace, seed: int) -> Transcript:
    """Do the task as the settings say."""
    return solve_with(SETTINGS, task, workspace, seed)


def solve_with(settings: Settings, task: Task, workspace: Workspace, seed: int) -> Transcript:
    """Let the model work until it says it is done and the tests pass, or its steps or its time are used up."""
    ends = time.monotonic() + SHARE * task.limits.seconds
    system = SYSTEM if settings.calls == "native" else f"{SYSTEM}\n{_explained()}"
    said = [Message(role="system", content=system), Message(role="user", content=task.prompt)]
    used: list[Usage] = []
    model, final = None, f"gave up after {settings.steps} steps"
    for _ in range(settings.steps):
        message, usage, model = _asked(settings, said, seed)
        said.append(message)
        used.append(usage)
        if message.tool_calls:
            results = [(call, use(workspace, call)) for call in message.tool_calls]
            said += [Message(role="tool", content=result, tool_call_id=call.id) for call, result in results]
        elif failing := _failing(workspace):
            said.append(Message(role="user", content=f"The tests do not pass yet:\n\n{failing}"))
        else:
            final = message.content
            break
        if time.monotonic() > ends:
            final = "gave up: out of time"
            break
    return Transcript(final=final, messages=tuple(said), usage=total(used), model=model)


def _failing(workspace: Workspace) -> str:
    """Run the folder's own tests; say what they said unless they pass."""
    ended = ran(workspace, TESTS)
    return "" if ended.exit_code == 0 else shortened(ended.stderr.decode("utf-8", "replace")) or "they were stopped"


def _asked(settings: Settings, said: list[Message], seed: int) -> tuple[Message, Usage, str | None]:
    """Ask the model for its next step. Faults of the provider are left to evalh, which knows them."""
    native = settings.calls == "native"
    shape = {"tools": SCHEMAS} if native else {"response_format": _shape()}
    response = litellm.completion(
        model=settings.model,
        messages=[_native(each) if native else _plain(each) for each in said],
        temperature=settings.temperature,
        max_tokens=settings.max_tokens,
        seed=seed % 2**31,
        drop_params=True,
        num_retries=0,  # evalh does the retrying
        timeout=CALL_SECONDS,
        **shape,
        **settings.options,
    )
    answer = response.choices[0].message
    text = answer.content or ""
    calls = [
        ToolCall(name=each.function.name or "", arguments=each.function.arguments, id=each.id)
        for each in answer.tool_calls or ()
    ]
    message = Message(role="assistant", content=text, tool_calls=tuple(calls if native else _written(text)))
    return message, _usage(response), response.model


def _usage(response: Any) -> Usage:
    counted = response.usage
    try:
        cost = litellm.completion_cost(completion_response=response)
    except Exception:  # noqa: BLE001 - a model without a known price
        cost = None
    return Usage(
        input_tokens=counted.prompt_tokens, output_tokens=counted.completion_tokens, cost_usd=cost, model_calls=1
    )


def _native(message: Message) -> dict[str, Any]:
    """Write a message as providers take it."""
    found: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        found["tool_calls"] = [
            {"id": each.id, "type": "function", "function": {"name": each.name, "arguments": each.arguments}}
            for each in message.tool_calls
        ]
    return {**found, "tool_call_id": message.tool_call_id} if message.tool_call_id else found


def _plain(message: Message) -> dict[str, Any]:
    """Write a message for a model that knows no tools: results come from the user."""
    return {"role": "user" if message.role == "tool" else message.role, "content": message.content}


def _explained() -> str:
    """Tell a model that knows no tools how to call them."""
    tools = [each["function"] for each in SCHEMAS]
    lines = [
        f"- {each['name']}({', '.join(each['parameters']['properties'])}): {each['description']}" for each in tools
    ]
    return "\n".join(
        ['Answer with one JSON object: {"tool": name, "arguments": {...}}, or {"done": sentence}. The tools:', *lines]
    )


def _shape() -> dict[str, Any]:
    """Describe what may be answered, for servers that confine a model to it."""
    calls = [
        _exactly({"tool": {"const": each["function"]["name"]}, "arguments": each["function"]["parameters"]})
        for each in SCHEMAS
    ]
    shape = {"anyOf": [*calls, _exactly({"done": {"type": "string"}})]}
    return {"type": "json_schema", "json_schema": {"name": "step", "schema": shape}}


def _exactly(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _written(text: str) -> list[ToolCall]:
    """Read a call that was written as JSON; anything else is an answer."""
    try:
        found = json.loads(text)
    except ValueError:
        return []
    if not isinstance(found, dict) or not isinstance(found.get("tool"), str):
        return []
    return [ToolCall(name=found["tool"], arguments=found.get("arguments"))]
