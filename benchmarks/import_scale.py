"""How long foreign logs take to import, and how much memory: real tables, a million rows, an inspect log of 2 GB.

    python benchmarks/import_scale.py [--rows 1000000] [--gigabytes 2]

Every import is a process of its own, `evalh import` for one run or `evalharness.foreign` for all runs of a file;
seconds and memory are what the operating system says of that process, start of Python included. The real tables need
EVALH_SHARED, the folder of reference data. On a machine that others use too, read the seconds of CPU.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from evalharness.foreign import load, source
from evalharness.importers.table import TableImporter

ALL = "--all-runs-of"
SAMPLE_BYTES = 1 << 19
TABLES = {"BFCL, 27,200 rows": "bfcl_two_snapshots", "nightly, 16,360 rows": "autogpt_nightly"}


def measured(*command: str) -> dict[str, float]:
    """Run a command in a process of its own; say what it took."""
    start = time.perf_counter()
    child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, *command])
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return {
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss / scale),
    }


def all_runs(path: Path) -> int:
    """Read every run of a table, and count the rows."""
    return sum(len(load(source(f"{path}::{name}")).records) for name in TableImporter().runs(path))


def write_table(path: Path, rows: int) -> None:
    """Write a table of ten trials a task."""
    dice = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        file.write("agent,version,task_id,trial,passed,cost_usd,tokens_in,tokens_out,duration_s,started_at\n")
        for row in range(rows):
            passed, tokens = int(dice.random() < 0.7), dice.randrange(9000)
            file.write(f"bot,1,task-{row // 10:06d},{row % 10},{passed},0.00{tokens:04d},{tokens},{tokens // 9},")
            file.write(f"{tokens / 1000},2026-01-01T00:00:00Z\n")


def write_inspect_log(path: Path, size: int) -> None:
    """Write an `.eval` file of this many bytes, its samples stored, their summaries beside them."""
    samples = max(size // SAMPLE_BYTES, 1)
    header = {
        "version": 2,
        "status": "success",
        "eval": {
            "task": "large",
            "model": "mockllm/model",
            "created": "2026-01-01T00:00:00+00:00",
            "dataset": {"sample_ids": list(range(samples))},
            "config": {"epochs": 1},
        },
        "results": {"total_samples": samples, "completed_samples": samples},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as log:
        for number, sample in enumerate(_samples(samples)):
            log.writestr(f"samples/{number}_epoch_1.json", sample)
        summaries = [
            {"id": each, "epoch": 1, "scores": {"match": {"value": "CI"[each % 3 == 0]}}} for each in range(samples)
        ]
        log.writestr("summaries.json", json.dumps(summaries))
        log.writestr("header.json", json.dumps(header))


def _samples(count: int) -> Iterator[str]:
    text = "the quick brown fox " * (SAMPLE_BYTES // 20)
    for number in range(count):
        messages = [{"role": "user", "content": f"question {number}"}, {"role": "assistant", "content": text}]
        yield json.dumps({"id": number, "epoch": 1, "messages": messages, "scores": {"match": {"value": "C"}}})


def main() -> None:
    """Measure, and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument(ALL, type=Path, dest="path", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.path:
        print(all_runs(given.path), file=sys.stderr)
        return
    found: dict[str, dict[str, float]] = {}
    tables = Path(os.environ.get("EVALH_SHARED", ""), "data", "outcomes")
    for name, file in TABLES.items():
        if (path := tables / f"{file}.csv.gz").is_file():
            found[f"{name}, all runs"] = measured(__file__, ALL, str(path))
            one = TableImporter().runs(path)[0]
            found[f"{name}, one run"] = _imported(f"{path}::{one}")
    with tempfile.TemporaryDirectory() as folder:
        write_table(path := Path(folder, "rows.csv"), given.rows)
        found[f"CSV, {given.rows:,} rows"] = _imported(str(path))
        write_inspect_log(path := Path(folder, "large.eval"), int(given.gigabytes * 1e9))
        found[f"inspect, {path.stat().st_size / 1e9:.1f} GB"] = _imported(str(path))
        found[f"inspect, {path.stat().st_size / 1e9:.1f} GB, shown"] = measured(
            "-m", "evalharness", "show", str(path), "--json"
        )
    print(json.dumps(found, indent=1))


def _imported(place: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return measured("-m", "evalharness", "import", "auto", place, "--out", f"{folder}/run")


if __name__ == "__main__":
    main()
