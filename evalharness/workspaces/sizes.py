"""Sizes as people write them: `2g`, `512 MiB`, `1.5gb` or a number of bytes; units are powers of 1024."""

import re

Size = int | str
LARGEST = 1 << 62  # bytes: more than any machine has, and less than what kernels can count
_UNITS = {unit: 1024**power for power, unit in enumerate("bkmgt")}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)


def size(written: Size, name: str) -> int:
    """Return a size in bytes; ValueError, with the option's name, for what is none."""
    found = _WRITTEN.fullmatch(str(written).strip())
    count = float(found[1]) * _UNITS[found[2].lower() or "b"] if found else 0.0
    if not 1 <= count < LARGEST:
        raise ValueError(f"{name}: {written!r} is no size; write bytes or such as '512m' and '2g'")
    return int(count)
