"""Secrets never leave: values of secret-looking environment variables are replaced before anything is written."""

import base64
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from evalharness.model import Grade, Message, Record, RunHeader, ToolCall, Transcript, TranscriptRef, Usage

SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8  # shorter values are words that ordinary text contains
MASK = "[redacted]"
STRUCTURE = frozenset(
    name
    for kind in (Record, Grade, Usage, TranscriptRef, Transcript, Message, ToolCall, RunHeader)
    for name in kind.__struct_fields__
)


def _spellings(value: str) -> Iterable[bytes]:
    """Yield how a secret may stand in text: plain, escaped (in JSON, by repr, by both), in base64 at each alignment."""
    raw = value.encode("utf-8", "surrogateescape")
    yield raw
    for text in (value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield text.encode("utf-8", "surrogatepass")
        yield json.dumps(text)[1:-1].encode()
        yield json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            # The characters at both ends also encode neighbouring bytes, so only those in between are certain.
            first, last = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6
            yield encode(b"\0" * shift + raw)[first:last]


class Redactor(Struct, frozen=True):
    """Replaces known secrets, verbatim or in base64, in whatever is about to be written."""

    spellings: tuple[bytes, ...]

    @classmethod
    def of(cls, values: Iterable[str]) -> "Redactor":
        """Know these secrets; values under eight characters are left alone."""
        return cls._sorted({spelling for value in values if len(value) >= SHORTEST for spelling in _spellings(value)})

    @classmethod
    def _sorted(cls, spellings: Iterable[bytes]) -> "Redactor":
        return cls(tuple(sorted(spellings, key=lambda spelling: (-len(spelling), spelling))))

    def joined(self, other: "Redactor") -> "Redactor":
        """Know the secrets of both."""
        return self if self == other else self._sorted({*self.spellings, *other.spellings})

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Redactor":
        """Know the values of all environment variables whose names say that they are secret."""
        environ = os.environ if environ is None else environ
        return cls.of(_secrets(environ).values())

    def clean(self, content: bytes) -> bytes:
        """Return the bytes without secrets."""
        for spelling in self.spellings:
            if spelling in content:
                content = content.replace(spelling, MASK.encode())
        return content

    def clean_json(self, content: bytes) -> bytes:
        """Return one of our JSON documents without secrets in its texts; its numbers and field names stay."""
        if not any(spelling in content for spelling in self.spellings):
            return content
        return msgspec.json.encode(self._cleaned(msgspec.json.decode(content)))

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.clean_text(value)
        if isinstance(value, list):
            return [self._cleaned(each) for each in value]
        if isinstance(value, dict):
            return {
                key if key in STRUCTURE else self.clean_text(key): self._cleaned(each) for key, each in value.items()
            }
        return value

    def clean_text(self, text: str) -> str:
        """Return the text without secrets."""
        if not self.spellings:
            return text
        return self.clean(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def without_secrets(value: Any, environ: Mapping[str, str]) -> Any:
    """Put the variable's name in place of every secret in plain data, so that it can be put back."""
    named = sorted(_secrets(environ).items(), key=lambda item: -len(item[1]))

    def hide(text: str) -> str:
        for name, secret in named:
            text = text.replace(secret, _placeholder(name))
        return text

    return _mapped(value, hide)


def with_secrets(value: Any, environ: Mapping[str, str]) -> Any:
    """Put secrets back where `without_secrets` took them out."""
    named = _secrets(environ)

    def reveal(text: str) -> str:
        for name, secret in named.items():
            text = text.replace(_placeholder(name), secret)
        return text

    return _mapped(value, reveal)


def _placeholder(name: str) -> str:
    return f"[redacted: {name}]"


def _secrets(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if SECRET_NAME.search(name) and len(value) >= SHORTEST}


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list | tuple):
        return [_mapped(each, change) for each in value]
    if isinstance(value, dict):
        return {key: _mapped(each, change) for key, each in value.items()}
    return value
