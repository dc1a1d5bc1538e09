"""A short form of benchmarks/escapes.py: what it prints there in full, these keep from changing."""

import json
import subprocess
import sys

import pytest

from tests.running import ROOT, environment

FEW = ("home", "hidden", "environment", "fork bomb", "symlinks", "a tar")


def attempted(*arguments):
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "escapes.py", "--json", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["attempts"]


@pytest.mark.usefixtures("sandboxed")
def test_nothing_gets_out_of_a_sandbox_and_without_walls_it_would():
    found = attempted("--only", "sandbox")
    assert [row["attack"] for row in found if row["held"] == (row["kind"] == "local")] == []
    assert {row["kind"] for row in found} == {"sandbox", "local"}


def test_nothing_gets_out_of_a_container(containers):
    given = ("--only", "container", "--engine", containers.engine.program, "--image", containers.image)
    found = attempted(*given, *(word for name in FEW for word in ("--name", name)))
    assert [row["attack"] for row in found if row["kind"] == "container" and not row["held"]] == []
    assert len(found) > len(FEW)
