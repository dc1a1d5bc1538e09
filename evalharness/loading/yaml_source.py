"""YAML files as plain values: the safe core of YAML 1.2, with the line named when something is wrong.

Only `true` and `false` are truth values and only decimal digits make numbers, so `no`, `12:30`, `010` and dates stay
the text (or the number) that they look like, and `1e-3` is a number. A key that stands twice, a number that is not
finite, a tag (`!!python/...`) or an alias inside itself is refused.
"""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from evalharness.errors import ConfigError

DEEPEST = 100

_SCALARS = (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # mypy cannot see through getattr
    """Composes nodes with the plain scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - pyyaml's own name


for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})\\Z"), list(_first))


def read_text(path: Path) -> str:
    """Read a UTF-8 file as it is, without its byte order mark; what cannot be read is a ConfigError."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: no such file") from exc
    except IsADirectoryError as exc:
        raise ConfigError(f"{path}: is a folder, not a file") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: not UTF-8 (byte {exc.start + 1}); save the file as UTF-8") from exc
    except ValueError as exc:  # a null byte in its name
        raise ConfigError(f"{str(path)!r}: cannot be read: {exc}") from exc
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror or exc}") from exc


def read_yaml(path: Path) -> Any:
    """Read the one document of a YAML file as plain values; None when it is empty."""
    return parse_yaml(read_text(path), str(path))


def parse_yaml(text: str, place: str) -> Any:
    """Turn YAML text into plain values; `place` names the text in messages."""
    try:
        _refuse_deep(text, place)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
        return None if node is None else _Values(place).of(node)
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        raise ConfigError(f"{place}:{line}: malformed YAML: {_character(exc)!r} may not stand here") from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        said = ", ".join(part for part in (exc.context, exc.problem) if part)
        raise ConfigError(f"{place}:{mark.line + 1 if mark else 1}: malformed YAML: {said}") from exc


def _refuse_deep(text: str, place: str) -> None:
    """Refuse what would overflow the stack of the C library, which ends the process without a word."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ConfigError(f"{place}:{line}: malformed YAML: nested more than {DEEPEST} deep")


def _character(exc: yaml.reader.ReaderError) -> str:
    return chr(exc.character) if isinstance(exc.character, int) else str(exc.character)[:1]


class _Values:
    """Turns the nodes of one document into plain values."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.known: dict[int, Any] = {}
        self.open: set[int] = set()

    def of(self, node: yaml.Node) -> Any:
        """Return the value of a node; an alias gives the value of its anchor."""
        key = id(node)
        if key in self.open:
            raise self.fault(node, "an alias stands inside what it names")
        if key not in self.known:
            self.open.add(key)
            self.known[key] = self.fresh(node)
            self.open.discard(key)
        return self.known[key]

    def fresh(self, node: yaml.Node) -> Any:
        """Build the value of a node that was not met before."""
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self.mapping(node)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.of(each) for each in node.value]
        if isinstance(node, yaml.ScalarNode) and kind in _READERS:
            return self.scalar(node, kind)
        raise self.fault(node, f"the tag '{node.tag}' has no meaning here; leave it out")

    def mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        """Build a mapping; keys are text as written, and `<<` merges below what stands here."""
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.fault(key, 'a key must be text; a template needs quotes: "{{ field }}"')
            if key.tag.endswith(":merge"):
                merged = {**self.merge(value), **merged}
                continue
            if key.value in found:
                raise self.fault(key, f"key {key.value!r} stands twice; remove one")
            found[key.value] = self.of(value)
        return {**merged, **found} if merged else found

    def merge(self, node: yaml.Node) -> dict[str, Any]:
        """Return what `<<` brings in: a mapping, or several of which the first wins."""
        value = self.of(node)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise self.fault(node, "`<<` needs a mapping")
        return {key: each for part in reversed(parts) for key, each in part.items()}

    def scalar(self, node: yaml.ScalarNode, kind: str) -> Any:
        """Read one scalar."""
        try:
            value = _READERS[kind](node.value)
        except ValueError as exc:
            raise self.fault(node, f"{node.value[:40]!r} is no {kind}") from exc
        if isinstance(value, float) and not math.isfinite(value):
            raise self.fault(node, f"'{node.value}' is not a finite number")
        if isinstance(value, str) and not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise self.fault(node, "half a surrogate pair is no text")
        return value

    def fault(self, node: yaml.Node, said: str) -> ConfigError:
        """Say what is wrong with a node, and in which line."""
        return ConfigError(f"{self.place}:{node.start_mark.line + 1}: {said}")


def _whole(text: str) -> int:
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _real(text: str) -> float:
    return float(re.sub(r"\.(?=[iInN])", "", text))  # `.inf` and `.nan`, to be refused by what they are


_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": _whole,
    "float": _real,
    "bool": lambda text: text.lower() == "true",
    "null": lambda _: None,
}
