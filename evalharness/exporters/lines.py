"""Files of lines and YAML, written the same way by every format."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

_PLAIN = re.compile(r"[A-Za-z][\w./-]*", re.ASCII)
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}
_LINE = re.compile(r"(?:  )?[^\s\uFEFF].*(?<!\s)")  # else PyYAML takes quotes anyway, or a reader loses spaces


def line(fields: Any) -> str:
    """Write a value as one line of JSON, readable in any script; nothing in it ends a line."""
    return json.dumps(fields, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write a JSON object a line, and make the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line(row)}\n" for row in rows)


def write_list(path: Path, rows: Iterable[Any]) -> None:
    """Write a JSON list with an object a line, and make the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = ",\n".join(line(row) for row in rows)
    path.write_text(f"[\n{body}\n]\n", encoding="utf-8", newline="\n")


def write_yaml(path: Path, document: Any) -> None:
    """Write a YAML document, and make the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml_text(document), encoding="utf-8", newline="\n")


def yaml_text(document: Any) -> str:
    """Write YAML in the order it comes in, which every version of YAML reads as the same texts."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20)


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader might take for a number, a date or a truth value; repeats, never refers."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name and signature of pyyaml
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    word = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    lines = text.endswith("\n") and all(_LINE.fullmatch(each) and each.isprintable() for each in text[:-1].split("\n"))
    style = None if word else "|" if lines else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
