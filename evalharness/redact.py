"""Secrets never leave: values of secret-looking environment variables are replaced before anything is written."""

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8  # shorter values are words that ordinary text contains
MASK = "[redacted]"


def _spellings(value: str) -> Iterable[bytes]:
    """Yield the ways a secret may stand in text: as it is, escaped in JSON, and in base64 at each alignment."""
    raw = value.encode("utf-8", "surrogateescape")
    yield raw
    yield json.dumps(value)[1:-1].encode()
    yield json.dumps(value, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")
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
        found = {spelling for value in values if len(value) >= SHORTEST for spelling in _spellings(value)}
        return cls(tuple(sorted(found, key=lambda spelling: (-len(spelling), spelling))))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Redactor":
        """Know the values of all environment variables whose names say that they are secret."""
        environ = os.environ if environ is None else environ
        return cls.of(value for name, value in environ.items() if SECRET_NAME.search(name))

    def clean(self, content: bytes) -> bytes:
        """Return the bytes without secrets."""
        for spelling in self.spellings:
            if spelling in content:
                content = content.replace(spelling, MASK.encode())
        return content

    def clean_text(self, text: str) -> str:
        """Return the text without secrets."""
        if not self.spellings:
            return text
        return self.clean(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
