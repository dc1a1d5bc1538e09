import shutil
import subprocess
import sys

import pytest

from tests.running import PATIENCE, environment, lines, write_agent, write_suite

SOURCE = """
import random
from evalharness.model import Message, Transcript

def answer(task, seed):
    noise = random.Random(seed).randbytes(20_000).hex()
    return Transcript(final="yes", messages=(Message(role="assistant", content=noise),))
"""
SCRIPT = """
set -u
mount -t tmpfs -o size=300k tmpfs small || exit 77
{python} -m evalharness run suite.yaml -a agent.yaml -o small/run
echo "first: $?"
cp small/run/trials.jsonl before.jsonl
mount -o remount,size=20m small
{python} -m evalharness run small/run
echo "second: $?"
cp -r small/run after
"""


def test_a_full_disk_ends_a_run_and_loses_nothing_that_was_finished(tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("a small disk is mounted with unshare, which is not here")
    write_suite(tmp_path, 40)
    write_agent(tmp_path, SOURCE, isolation="none")
    (tmp_path / "small").mkdir()
    done = subprocess.run(
        ["unshare", "-Urm", "bash", "-c", SCRIPT.format(python=sys.executable)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    if "first:" not in done.stdout:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    assert "first: 4" in done.stdout, done.stderr
    assert "No space left on device: nothing finished is lost; make room, then resume" in done.stderr
    assert "Traceback" not in done.stderr
    assert "second: 0" in done.stdout, done.stderr
    before = (tmp_path / "before.jsonl").read_bytes()
    after = lines(tmp_path / "after")
    assert before
    assert b"".join(after).startswith(before)
    assert len(after) == 40
