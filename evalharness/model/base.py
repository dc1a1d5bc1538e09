"""The one thing that suites, agents and policies name: an extension."""

from typing import Any

from msgspec import Struct


class Extension(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something found by name: a built-in or `module:Class`, and its options."""

    use: str
    options: dict[str, Any] = {}
