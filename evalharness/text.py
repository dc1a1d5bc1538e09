"""Text and objects of others as files can hold them."""

from threading import Lock
from typing import Any, TypeVar

import msgspec

Plain = TypeVar("Plain")


def well_formed(value: Any) -> Any:
    """Replace lone surrogates, which no UTF-8 file can hold, in text or in plain data that contains text."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list | tuple):
        return [well_formed(each) for each in value]
    if isinstance(value, dict):
        return {well_formed(key): well_formed(each) for key, each in value.items()}
    return value


def as_json(value: Any) -> bytes:
    """Write something as JSON, whatever text and objects others put into it."""
    try:
        return msgspec.json.encode(value, enc_hook=repr)
    except UnicodeEncodeError:
        return msgspec.json.encode(well_formed(msgspec.to_builtins(value, enc_hook=repr)))


def plain(value: Any, kind: type[Plain]) -> Plain:
    """Return what a file would hold of it; msgspec.ValidationError where that is nothing of this kind."""
    return decoder(kind).decode(as_json(value))


def one_line(text: str, *, longest: int) -> str:
    """Return the first line that says anything, cut to a length, with whatever cannot be seen written out."""
    said = next((line.strip() for line in text.splitlines() if line.strip()), "")
    shown = said if said.isprintable() else repr(said)[1:-1]
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


_BUILDING = Lock()
_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def decoder(kind: type[Plain]) -> msgspec.json.Decoder[Plain]:
    """Return the decoder of a kind of Struct, built by one thread at a time.

    msgspec learns a Struct when it first meets it; two threads that introduce it at once can end the process.
    """
    with _BUILDING:
        if kind not in _DECODERS:
            _DECODERS[kind] = msgspec.json.Decoder(kind)
        return _DECODERS[kind]
