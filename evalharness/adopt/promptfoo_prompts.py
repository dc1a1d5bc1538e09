"""promptfoo's prompts: texts, files and chats as templates of ours."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from evalharness.adopt.adopted import Adopted, NoCounterpart
from evalharness.adopt.promptfoo_files import SCHEME, loaded, located
from evalharness.adopt.templates import Template
from evalharness.errors import ConfigError
from evalharness.loading.yaml_source import parse_yaml

TEXT = (".txt", ".md", ".j2", ".json", ".yaml", ".yml")


class Prompt(Struct, frozen=True):
    """A prompt: its label, the template of the question, and of the system message."""

    label: str
    template: str
    system: str | None
    names: frozenset[str]


def prompts(said: Any, folder: Path, adopted: Adopted) -> list[Prompt]:
    """Read the prompts of a configuration; what cannot be used is named."""
    items = list(said.items()) if isinstance(said, dict) else [(each, None) for each in _list(said)]
    found: list[Prompt] = []
    for index, (item, label) in enumerate(items):
        place = f"prompts[{index}]"
        try:
            for text, name in _texts(item, folder):
                number = len(found) + 1
                found.append(_prompt(text, str(label or name or f"prompt {number}")))
        except NoCounterpart as exc:
            adopted.lose(place, str(exc))
    return found


def _list(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [] if said is None else [said]


def _texts(item: Any, folder: Path) -> Iterator[tuple[str, str | None]]:
    """Yield the texts that an entry stands for, each with a label where it has one."""
    if isinstance(item, dict):
        inner = item.get("raw") or item.get("content") or item.get("id")
        if inner is None or item.get("function"):
            raise NoCounterpart("a prompt that is made by code")
        for text, name in _texts(inner, folder):
            yield text, item.get("label") or item.get("display") or name
    elif not isinstance(item, str):
        raise NoCounterpart("is no text")
    elif item.startswith("exec:") or item.partition(":")[0].endswith((".py", ".js", ".ts", ".cjs", ".mjs")):
        raise NoCounterpart(f"{item[:60]!r} makes its prompt by code")
    elif item.startswith(SCHEME) or (len(item) < 300 and "\n" not in item and item.endswith(TEXT)):
        yield from _files(item, folder)
    else:
        yield item, None


def _files(item: str, folder: Path) -> Iterator[tuple[str, str | None]]:
    pattern = item.removeprefix(SCHEME)
    paths = sorted(folder.glob(pattern)) if "*" in pattern and not pattern.startswith("/") else [located(item, folder)]
    if not paths:
        raise NoCounterpart(f"{pattern} matches no file")
    for path in paths:
        if path.suffix not in TEXT:
            raise NoCounterpart(f"{path.name} makes its prompt by code")
        found = loaded(path)
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        parts = text.split("\n---\n") if path.suffix == ".txt" else [text]
        for number, part in enumerate(parts, 1):
            yield part.strip("\n"), path.stem if len(parts) == 1 else f"{path.stem} {number}"


def _prompt(text: str, label: str) -> Prompt:
    system, question = _chat(text)
    template = Template(question)
    above = None if system is None else Template(system)
    if above and above.names:
        raise NoCounterpart(
            "its system message has variables, which an agent's `system` cannot: write them into the prompt"
        )
    return Prompt(label, template.text, system, template.names)


def _chat(text: str) -> tuple[str | None, str]:
    """Take a chat apart into system message and question; a plain text is a question."""
    if not text.lstrip().startswith(("[", "- role")):
        return None, text
    try:
        turns = parse_yaml(text, "prompt")
    except ConfigError:
        return None, text
    if not isinstance(turns, list) or not all(isinstance(each, dict) and "role" in each for each in turns):
        return None, text
    said = [(str(each["role"]), each.get("content")) for each in turns]
    if not all(isinstance(content, str) for _, content in said):
        raise NoCounterpart("a chat whose content is not text")
    roles = [role for role, _ in said]
    if roles == ["user"]:
        return None, str(said[0][1])
    if roles == ["system", "user"]:
        return str(said[0][1]), str(said[1][1])
    raise NoCounterpart(f"a chat of {', '.join(roles)}: only system and user are taken over")
