"""promptfoo's configuration and the files that it names."""

import json
import os
from pathlib import Path
from typing import Any

from evalharness.adopt.adopted import NoCounterpart
from evalharness.errors import ConfigError
from evalharness.importers.source import fault
from evalharness.loading.rows import sourced
from evalharness.loading.shape import Place
from evalharness.loading.suite_file import TaskSource
from evalharness.loading.yaml_source import parse_yaml, read_text, read_yaml

LARGEST = 64 << 20
SCHEME = "file://"
DATA = (".json", ".jsonl", ".yaml", ".yml", ".csv", ".txt", ".md", ".j2", "")


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration in YAML or JSON; what is none is a ConfigError of one line."""
    if path.suffix not in (".yaml", ".yml", ".json"):
        raise ConfigError(
            f"{path}: a promptfoo configuration is a .yaml or .json file; write one from code to such a file"
        )
    _bounded(path)
    content = read_yaml(path)
    if not isinstance(content, dict) or not {"prompts", "providers", "targets", "tests", "scenarios"} & content.keys():
        raise ConfigError(f"{path}: is no promptfoo configuration: it has none of prompts, providers and tests")
    return content


def located(reference: str, folder: Path) -> Path:
    """Find a file that a configuration names with or without `file://`."""
    return folder / reference.removeprefix(SCHEME)


def seen_from(path: Path, out: Path) -> str:
    """Say where a file lies, seen from the folder that is written."""
    return os.path.relpath(path.resolve(), out.resolve())


def loaded(path: Path) -> Any:
    """Read a file of data as promptfoo does: by its ending; NoCounterpart for one that holds code or is not there."""
    if path.suffix.lower() not in DATA:
        raise NoCounterpart(f"{path.name} is code or of another format")
    try:
        _bounded(path)
        text = read_text(path)
        if path.suffix == ".csv":
            return [row.fields for row in sourced(TaskSource(file=path.name), Place(path.name), path.parent)]
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        return parse_yaml(text, path.name) if path.suffix in (".json", ".yaml", ".yml") else text
    except (ConfigError, json.JSONDecodeError) as exc:
        raise NoCounterpart(str(exc)) from exc


def _bounded(path: Path) -> None:
    if path.is_file() and path.stat().st_size > LARGEST:
        raise fault(path, f"holds more than {LARGEST >> 20} MB")


def text_of(reference: Any, folder: Path) -> str:
    """Return a text, or that of the file that it names."""
    if isinstance(reference, str) and reference.startswith(SCHEME):
        found = loaded(located(reference, folder))
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return reference if isinstance(reference, str) else json.dumps(reference, ensure_ascii=False)
