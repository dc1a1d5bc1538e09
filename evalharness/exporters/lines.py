"""Files of lines and YAML, written the same way by every format."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml


def line(fields: Any) -> str:
    """Write a value as one line of JSON, readable in any script; nothing in it ends a line."""
    return json.dumps(fields, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write a JSON object a line, and make the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line(row)}\n" for row in rows)


def write_yaml(path: Path, document: Any) -> None:
    """Write a YAML document in the order it comes in, and make the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=False, width=1 << 20)
    path.write_text(text, encoding="utf-8", newline="\n")
