"""What the terminal can show."""

import os
import sys


def colour() -> bool:
    """Say whether standard output is a terminal that wants colour (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
