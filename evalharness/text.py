"""Text as files can hold it."""

from typing import Any


def well_formed(value: Any) -> Any:
    """Replace lone surrogates, which no UTF-8 file can hold, in text or in plain data that contains text."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list | tuple):
        return [well_formed(each) for each in value]
    if isinstance(value, dict):
        return {well_formed(key): well_formed(each) for key, each in value.items()}
    return value
