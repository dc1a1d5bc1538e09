"""promptfoo's providers: models by litellm's name, and Python code and programs as functions of a module."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from evalharness.adopt.adopted import Adopted, NoCounterpart
from evalharness.adopt.promptfoo_files import SCHEME, loaded, located, seen_from
from evalharness.adopt.promptfoo_prompts import Prompt

MODULE = "promptfoo_agents"
MODELS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "gemini",
    "palm": "gemini",
    "vertex": "vertex_ai",
    "azure": "azure",
    "azureopenai": "azure",
    "mistral": "mistral",
    "groq": "groq",
    "ollama": "ollama",
    "openrouter": "openrouter",
    "togetherai": "together_ai",
    "bedrock": "bedrock",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "xai": "xai",
    "perplexity": "perplexity",
    "cerebras": "cerebras",
    "replicate": "replicate",
    "fireworks": "fireworks_ai",
    "huggingface": "huggingface",
}
KINDS = ("chat", "completion", "messages", "responses", "text-generation")  # the middle of `openai:chat:gpt-4o`
OTHER_KINDS = frozenset(  # what is no model that answers a prompt, or no plain one
    {"agents", "assistant", "chatkit", "claude-agent-sdk", "codex-sdk", "embedding", "embeddings", "feature-extraction"}
    | {"image", "knowledge-base", "live", "moderation", "realtime", "sentence-similarity", "speech"}
    | {"text-classification", "text-to-image", "token-classification", "transcription", "video"}
)
OPTIONS = {
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "maxTokens": "max_tokens",
    "maxOutputTokens": "max_tokens",
    "apiBaseUrl": "api_base",
    "stop": "stop",
}
EXTRA = {"top_p": "top_p", "topP": "top_p", "tools": "tools", "tool_choice": "tool_choice"} | {
    name: name for name in ("response_format", "presence_penalty", "frequency_penalty", "reasoning_effort")
}
IGNORED = frozenset({"seed"})  # every trial sends its own
NODE = (".js", ".cjs", ".mjs")
SECRET = re.compile(r"key|token|secret|password", re.IGNORECASE)


class Provider(Struct, frozen=True):
    """A provider: its id, what it is called, its options, and which prompts it is for."""

    id: str
    label: str
    config: dict[str, Any]
    prompts: tuple[str, ...]
    place: str


def providers(said: Any, folder: Path, adopted: Adopted) -> list[Provider]:
    """Read the providers of a configuration."""
    found = []
    items = said if isinstance(said, list) else [] if said is None else [said]
    for index, item in enumerate(items):
        place = f"providers[{index}]"
        try:
            found += [_provider(each, place, adopted) for each in _unfolded(item, folder)]
        except NoCounterpart as exc:
            adopted.lose(place, str(exc))
    return found


def _unfolded(item: Any, folder: Path) -> list[Any]:
    """Read the file of providers that an entry may name."""
    if isinstance(item, str) and item.startswith(SCHEME) and item.endswith((".yaml", ".yml", ".json")):
        content = loaded(located(item, folder))
        return content if isinstance(content, list) else [content]
    return [item]


def _provider(item: Any, place: str, adopted: Adopted) -> Provider:
    if isinstance(item, str):
        return Provider(item, item, {}, (), place)
    if not isinstance(item, dict):
        raise NoCounterpart("is neither a name nor an object")
    if "id" not in item and len(item) == 1:
        ((name, inner),) = item.items()
        item = {"id": name, **(inner if isinstance(inner, dict) else {})}
    if not isinstance(item.get("id"), str):
        raise NoCounterpart("has no id")
    for key in item.keys() - {"id", "label", "config", "prompts", "delay"}:
        adopted.lose(f"{place}.{key}", "is not taken over")
    config = item.get("config") if isinstance(item.get("config"), dict) else {}
    chosen = item.get("prompts") or []
    wanted = tuple(map(str, chosen if isinstance(chosen, list) else [chosen]))
    return Provider(item["id"], str(item.get("label") or item["id"]), config or {}, wanted, place)


def agent(provider: Provider, prompt: Prompt, *, folder: Path, out: Path, adopted: Adopted) -> dict[str, Any] | None:
    """Make the agent that puts a prompt to a provider; None, and named, where there is no way."""
    name, _, rest = provider.id.partition(":")
    model = _model(name, rest)
    if model is not None:
        return {"use": "model", "options": _options(model, provider, prompt, adopted)}
    try:
        code = _code(provider, folder, out)
    except NoCounterpart as exc:
        adopted.lose(provider.place, str(exc))
        return None
    if prompt.system is not None:
        adopted.lose(provider.place, f"the system message of '{prompt.label}' is not given to a provider of code")
    function = f"agent_{len(adopted.agents) + 1}"
    adopted.modules.setdefault(f"{MODULE}.py", "")
    adopted.modules[f"{MODULE}.py"] += f"{function} = {code}template={prompt.template!r})\n"
    made: dict[str, Any] = {"use": "function", "options": {"call": f"{MODULE}:{function}"}}
    file = re.search(r"^(?:python|javascript)\('([^']+)'", code)
    own = [file[1]] if file and not file[1].startswith("..") else []
    return made | ({"fingerprint": own} if own else {})


def _model(name: str, rest: str) -> str | None:
    """Return litellm's name of a model."""
    if name == "litellm":
        return rest or None
    if name not in MODELS or not rest:
        return None
    kind, _, model = rest.partition(":")
    if kind in OTHER_KINDS:
        return None
    kind, model = (kind, model) if kind in KINDS and model else ("", rest)
    if name == "openai" and kind == "completion":
        return f"text-completion-openai/{model}"
    if name == "ollama" and kind == "chat":
        return f"ollama_chat/{model}"
    return f"{MODELS[name]}/{model}"


def _options(model: str, provider: Provider, prompt: Prompt, adopted: Adopted) -> dict[str, Any]:
    options: dict[str, Any] = {"model": model, "template": prompt.template}
    if model.startswith("text-completion"):
        options["mode"] = "completion"
    if prompt.system is not None:
        options["system"] = prompt.system
    extra = {}
    for key, value in provider.config.items():
        if key in OPTIONS and not _secret(value):
            options[OPTIONS[key]] = value
        elif key == "apiHost" and isinstance(value, str):
            options["api_base"] = value if "://" in value else f"https://{value}"
        elif key in EXTRA:
            extra[EXTRA[key]] = value
        elif key not in IGNORED:
            adopted.lose(f"{provider.place}.config.{key}", _why(key))
    return options | ({"extra": extra} if extra else {})


def _secret(value: Any) -> bool:
    return isinstance(value, str) and "{{" in value


def _why(key: str) -> str:
    return "keys are taken from the environment, never copied" if SECRET.search(key) else "is not taken over"


def _code(provider: Provider, folder: Path, out: Path) -> str:
    """Write the call that makes an agent of a provider which is code, without its last argument."""
    name, _, rest = provider.id.partition(":")
    if provider.id == "echo":
        return "echo("
    if name == "exec" and rest:
        return f"program({rest!r}, {seen_from(folder, out)!r}, {_plain(provider.config)!r}, "
    file = provider.id.removeprefix("python:").removeprefix(SCHEME)
    file, function = (file, "call_api") if Path(file).suffix in (".py", *NODE) else _split(file)
    if file.endswith(".py"):
        if not (folder / file).is_file():
            raise NoCounterpart(f"no such file: {file}")
        return f"python({seen_from(folder / file, out)!r}, {function!r}, {_plain(provider.config)!r}, "
    if Path(file).suffix in NODE and (folder / file).is_file():
        return f"javascript({seen_from(folder / file, out)!r}, {_plain(provider.config)!r}, "
    raise NoCounterpart(
        f"provider '{provider.id[:80]}' has no counterpart here: keep promptfoo as it is with an external suite "
        "(docs/external.md), or write an agent"
    )


def _split(file: str) -> tuple[str, str]:
    path, _, function = file.rpartition(":")
    return path, function


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if not SECRET.search(key)}
