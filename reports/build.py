"""Build the sample reports from the stored runs beside this file: `python reports/build.py [FOLDER]`."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAMPLES = {"promote": ("few", "good"), "block": ("good", "broken"), "inconclusive": ("good", "again")}


def main(out: Path) -> None:
    """Compare each pair of runs under `policy.yaml` and write Markdown and HTML."""
    for name, (baseline, candidate) in SAMPLES.items():
        command = [sys.executable, "-m", "evalharness", "compare", f"runs/{baseline}", f"runs/{candidate}"]
        reports = [word for ending in ("md", "html") for word in ("--report", str(out / f"{name}.{ending}"))]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), *sys.path])}
        done = subprocess.run([*command, "--policy", "policy.yaml", *reports], cwd=HERE, env=environment, check=False)
        if done.returncode not in (0, 1, 3):
            sys.exit(done.returncode)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE)
