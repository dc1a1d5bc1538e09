"""Runs of coins: three tasks, of which one always passes and two are tossed."""

import subprocess
import sys
from pathlib import Path

SUITE = """
name: coins
trials: 4
tasks: [{id: sure, prompt: a, expected: "1"}, {id: b, prompt: b, expected: "1"}, {id: c, prompt: c, expected: "1"}]
graders: [{use: exact_match}]
"""
AGENT = "def agent(task, seed):\n    return '1' if task.id == 'sure' or seed % 2 else '0'\n"


def tossed(folder: Path) -> tuple[Path, Path]:
    """Make two runs, `runs/1` and `runs/2`, that differ in their seed."""
    (folder / "s.yaml").write_text(SUITE)
    (folder / "coins.py").write_text(AGENT)
    for seed in ("1", "2"):
        words = ["run", "s.yaml", "--agent", "python:coins:agent", "--seed", seed, "--out", f"runs/{seed}"]
        subprocess.run([sys.executable, "-m", "evalharness", *words], cwd=folder, capture_output=True, check=True)
    return folder / "runs" / "1", folder / "runs" / "2"
