"""Plain values to nouns: what a file says must have the right keys and types, or a message names the place."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.inspect import (
    CollectionType,
    LiteralType,
    Metadata,
    StructType,
    Type,
    UnionType,
    type_info,
)

from evalharness.errors import ConfigError
from evalharness.registry import suggestion

T = TypeVar("T")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WORDS = {
    "object": "a mapping (`key: value`)",
    "array": "a list",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}


class Place(Struct, frozen=True):
    """Where something stands: a file (or a file and line), and the path of keys inside it."""

    file: str
    path: str = ""

    def at(self, path: str) -> "Place":
        """Go on to a key (`gate`) or an index (`[3]`) inside."""
        dot = "." if self.path and path and not path.startswith("[") else ""
        return Place(self.file, self.path + dot + path)

    def fault(self, said: str) -> ConfigError:
        """Make the error that says in one line what is wrong here, whatever stands in the file."""
        line = ": ".join(part for part in (self.file, self.path, said) if part)
        return ConfigError(_CONTROL.sub(lambda found: repr(found[0])[1:-1], line))


def shaped(data: Any, cls: type[T], place: Place) -> T:
    """Turn plain values into `cls`; an unknown key or a wrong value is a ConfigError that names its place."""
    try:
        return msgspec.convert(data, cls)
    except msgspec.ValidationError as exc:
        for path, said in _unknown(data, type_info(cls), ""):
            raise place.at(path).fault(said) from exc
        said, _, path = str(exc).partition(" - at `")
        inner = re.sub(r"^key` in `", "", path).removesuffix("`").removeprefix("$").removeprefix(".")
        raise place.at(inner).fault(_translated(said)) from exc


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """Say that a name is not known, and which was probably meant."""
    near = suggestion(name, list(known))
    return f"unknown {what} '{name}'{near}" if near else f"unknown {what} '{name}': use one of {', '.join(known)}"


def _unknown(data: Any, expected: Type, path: str) -> Iterator[tuple[str, str]]:
    """Yield the path of every key or name that its place does not know, and what to say of it."""
    if isinstance(expected, Metadata):
        yield from _unknown(data, expected.type, path)
    elif isinstance(expected, UnionType):
        for each in expected.types:
            yield from _unknown(data, each, path)
    elif isinstance(expected, StructType) and isinstance(data, dict):
        yield from _unknown_keys(data, expected, path)
    elif isinstance(expected, CollectionType) and isinstance(data, list):
        for index, value in enumerate(data):
            yield from _unknown(value, expected.item_type, f"{path}[{index}]")
    elif isinstance(expected, LiteralType) and isinstance(data, str) and data not in expected.values:
        yield path, unknown("value", data, [str(each) for each in expected.values])


def _unknown_keys(data: dict[str, Any], expected: StructType, path: str) -> Iterator[tuple[str, str]]:
    fields = {each.encode_name: each.type for each in expected.fields}
    for key, value in data.items():
        if key in fields:
            yield from _unknown(value, fields[key], f"{path}.{key}" if path else key)
        elif expected.forbid_unknown_fields:
            yield path, unknown("key", key, list(fields))


def _translated(said: str) -> str:
    """Say msgspec's message in the words of someone who writes YAML."""
    if match := re.fullmatch(r"Expected `(.+)`, got `(\w+)`", said):
        wanted = " or ".join(_WORDS.get(name, name) for name in match[1].split(" | ") if name != "null")
        return f"must be {wanted}, but is {_WORDS.get(match[2], match[2])}"
    if match := re.fullmatch(r"Expected `(\w+)` (of length )?([<>=]+) (\S+)", said):
        return f"must be {_WORDS.get(match[1], match[1])} {match[2] or ''}{match[3]} {match[4]}"
    if match := re.fullmatch(r"Object missing required field `(.+)`", said):
        return f"key '{match[1]}' is missing"
    return said[:1].lower() + said[1:]
