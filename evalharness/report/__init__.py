"""Reports: a Comparison and its Verdict for people and machines; nothing here measures anything.

A reporter has one function, `render(comparison, verdict) -> str`, and is found by the ending of the file it fills.
"""

import importlib
from pathlib import Path

from evalharness.errors import ConfigError, StorageFault
from evalharness.model import Comparison, Verdict
from evalharness.redact import Redactor

REPORTERS = {
    ".json": "evalharness.report.document",
    ".md": "evalharness.report.markdown",
}


def check_endings(paths: tuple[Path, ...]) -> None:
    """Refuse, before any work is done, a report file that no reporter writes."""
    for path in paths:
        if path.suffix not in REPORTERS:
            raise ConfigError(f"--report {path}: no report ends in '{path.suffix}': use {', '.join(sorted(REPORTERS))}")


def write(path: Path, comparison: Comparison, verdict: Verdict) -> None:
    """Write the report that the file's ending asks for."""
    text: str = importlib.import_module(REPORTERS[path.suffix]).render(comparison, verdict)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Redactor.from_environment().clean_text(text), encoding="utf-8", errors="replace")
    except OSError as exc:
        raise StorageFault(f"{path}: {exc.strerror or exc}") from exc
