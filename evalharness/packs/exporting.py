"""Suites and packs out: loaded, and written whole or not at all."""

from pathlib import Path

from evalharness.exporters import Exporter
from evalharness.exporting import new_place
from evalharness.packs.pack import suite_of


def export_suite(exporter: Exporter, source: str, out: Path) -> int:
    """Write a pack's file, a suite's file or a bundled suite; return how many tasks it has. What exists is refused."""
    suite = suite_of(source)
    with new_place(out) as path:
        exporter.write(suite, path)
    return len(suite.tasks)
