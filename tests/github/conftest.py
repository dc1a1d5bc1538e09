"""Fixtures of the tests of what runs on GitHub."""

from tests.github.github_runner import api, runner

__all__ = ["api", "runner"]
