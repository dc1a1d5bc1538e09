"""Fixtures every test may ask for; property tests draw the same examples every time, however busy the machine is."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.docker_daemon import NoDocker, docker_engine

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background, where commands never hear of Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of given reference data; tests that need it skip where it is absent."""
    folder = os.environ.get("EVALH_SHARED")
    if not folder or not Path(folder).is_dir():
        pytest.skip("EVALH_SHARED names no folder of reference data")
    return Path(folder)


@pytest.fixture(scope="session")
def docker_host() -> Iterator[str]:
    """The address of a Docker engine, started for the tests where none runs; a skip where none can be."""
    with ExitStack() as stack:
        try:
            host = stack.enter_context(docker_engine())
        except NoDocker as exc:
            pytest.skip(str(exc))
        yield host
