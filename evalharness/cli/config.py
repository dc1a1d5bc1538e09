"""Defaults of options from `evalh.toml` or `[tool.evalh]` of pyproject.toml, nearest folder first."""

import tomllib
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError


def _section(file: Path) -> dict[str, Any] | None:
    """Return what the file says about evalh, or None where it says nothing."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{file}: {exc}") from exc
    section = content if file.name == "evalh.toml" else content.get("tool", {}).get("evalh")
    if section is not None and not isinstance(section, dict):
        raise ConfigError(f"{file}: [tool.evalh] must be a table of commands")
    return section


def defaults(start: Path | None = None) -> dict[str, Any]:
    """Find the options that a file sets, by command; option names may be written with `-` or `_`."""
    folder = (start or Path.cwd()).resolve()
    for place in (folder, *folder.parents):
        for name in ("evalh.toml", "pyproject.toml"):
            file = place / name
            if file.is_file() and (section := _section(file)) is not None:
                return {command: _options(file, command, table) for command, table in section.items()}
    return {}


def _options(file: Path, command: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: '{command}' must be a table of options, as in [tool.evalh.run]")
    return {name.replace("-", "_"): value for name, value in table.items()}
