"""The memory of the process that leads a run: at 50,000 trials no more than 1.2 times that at 5,000.

    python benchmarks/memory.py [--small 5000] [--large 50000] [--tasks 1000] [--isolation none]

Prints the peak of resident memory of each size, each in a fresh process, and how long it took.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

from overhead import harness

MOST = 1.2
MACOS_BYTES = 1024 if sys.platform == "darwin" else 1


def peak(isolation: str, tasks: int, trials: int) -> tuple[float, float]:
    """Return megabytes and seconds of a run in a process of its own."""
    command = [sys.executable, __file__, f"--tasks={tasks}", f"--isolation={isolation}", f"--one={trials}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    megabytes, seconds = map(float, done.stdout.split()[-2:])
    return megabytes, seconds


def main() -> None:
    """Measure both, and exit with 1 where memory grows with the trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("small", 5000), ("large", 50_000), ("tasks", 1000), ("one", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--isolation", choices=["none", "host"], default="none")
    given = parser.parse_args()
    if given.one:
        start = time.perf_counter()
        harness(None, given.isolation, tasks=given.tasks, trials=given.one // given.tasks, workers=4)
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MACOS_BYTES
        print(kilobytes / 1024, time.perf_counter() - start)
        return
    small, large = (peak(given.isolation, given.tasks, trials) for trials in (given.small, given.large))
    ratio = large[0] / small[0]
    found = {
        "megabytes": {str(given.small): round(small[0], 1), str(given.large): round(large[0], 1)},
        "seconds": {str(given.small): round(small[1], 2), str(given.large): round(large[1], 2)},
        "ratio": round(ratio, 3),
    }
    print(json.dumps(found, indent=1))
    sys.exit(ratio > MOST)


if __name__ == "__main__":
    main()
