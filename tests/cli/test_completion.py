"""Shell completion: commands without importing any, and their options."""

import os
import subprocess
import sys

import pytest

from evalharness.cli import COMMANDS


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["evalh", ""], list(COMMANDS)),
        (["evalh", "va"], ["validate"]),
        (["evalh", "validate", "--"], ["--agent", "--json", "--help"]),
        (["evalh", "schema", "a"], ["agent"]),
    ],
)
def test_a_shell_completes_commands_and_options(words, expected):
    env = {**os.environ, "_EVALH_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words)}
    env["COMP_CWORD"] = str(len(words) - 1)
    done = subprocess.run([sys.executable, "-m", "evalharness"], env=env, capture_output=True, text=True, check=True)
    assert [line.removeprefix("plain,") for line in done.stdout.splitlines()] == expected
