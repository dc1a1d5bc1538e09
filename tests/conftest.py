"""Fixtures every test may ask for."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of given reference data; tests that need it skip where it is absent."""
    folder = os.environ.get("EVALH_SHARED")
    if not folder or not Path(folder).is_dir():
        pytest.skip("EVALH_SHARED names no folder of reference data")
    return Path(folder)
