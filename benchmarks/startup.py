"""CPU seconds of `evalh --help` above a bare interpreter: at most 0.15.

    python benchmarks/startup.py [--rounds 20] [-- ARGUMENTS]

Byte-compiles the package first (a checkout may never have been imported), then alternates the two, and takes the
best round of each. With ARGUMENTS it times another command, such as `-- show runs/x`.
"""

import argparse
import compileall
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST = 0.15


def cpu_seconds(command: list[str]) -> float:
    """Return user and system time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, and exit with 1 where the start is too dear."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("arguments", nargs="*", default=["--help"])
    given = parser.parse_args()
    compileall.compile_dir(ROOT / "evalharness", quiet=2)
    bare = [sys.executable, "-c", "pass"]
    ours = [sys.executable, "-m", "evalharness", *given.arguments]
    rounds = [(cpu_seconds(bare), cpu_seconds(ours)) for _ in range(given.rounds)]
    least = [min(each) for each in zip(*rounds, strict=True)]
    above = least[1] - least[0]
    found = {"bare": least[0], "evalh": least[1], "above": above}
    print(json.dumps({name: round(seconds, 3) for name, seconds in found.items()}, indent=1))
    sys.exit(above > MOST)


if __name__ == "__main__":
    main()
