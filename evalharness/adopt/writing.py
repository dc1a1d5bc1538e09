"""Adopted configurations as files: the suite, its tasks, the agents, and the code that they need."""

import json
import re
from typing import Any

import yaml

from evalharness.adopt.adopted import Adopted

SUITE, TASKS, AGENT = "suite.yaml", "tasks.jsonl", "agent.yaml"

_PLAIN = re.compile(r"[A-Za-z_][\w ./-]*")


class _Dumper(yaml.SafeDumper):
    """Quotes whatever another YAML could take for something else than text."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None if _PLAIN.fullmatch(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(document: Any, comment: str) -> bytes:
    """Write YAML that reads the same everywhere, under lines of comment."""
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20)
    return f"{comment}\n{text}".encode()


def contents(adopted: Adopted, source: str) -> dict[str, bytes]:
    """Return the files of an adopted configuration by name; the first agent stands first."""
    said = re.sub(r"[^\x20-\x7e]", "?", source)
    files = {SUITE: as_yaml({"name": adopted.name, **adopted.suite}, f"{_schema('suite')}\n# Made from {said}.")}
    rows = (json.dumps(row, ensure_ascii=False).replace("\u2028", "\\u2028") for row in adopted.rows)
    files[TASKS] = "".join(f"{row}\n" for row in rows).encode("utf-8", "replace")
    names = agent_files(list(adopted.agents))
    for name, agent in adopted.agents.items():
        files[names[name]] = as_yaml(agent, f"{_schema('agent')}\n# Made from {said}.")
    return files | {name: text.encode() for name, text in adopted.modules.items()}


def agent_files(names: list[str]) -> dict[str, str]:
    """Name the file of each agent: `agent.yaml` where there is one."""
    if len(names) == 1:
        return {names[0]: AGENT}
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:60] or "agent"
        taken = [each for each in found.values() if re.fullmatch(rf"{re.escape(plain)}(-\d+)?\.yaml", each)]
        found[name] = f"{plain}-{len(taken) + 1}.yaml" if taken else f"{plain}.yaml"
    return found


def _schema(name: str) -> str:
    return f"# yaml-language-server: $schema=.evalh/{name}.json"
