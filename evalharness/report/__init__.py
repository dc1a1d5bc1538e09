"""Reports: a Comparison and its Verdict for people and machines; nothing here measures anything.

A reporter has one function, `render(comparison, verdict) -> str`, and is found by the ending of the file it fills.
Those in `WITH_EVIDENCE` also take what stands behind the numbers: trials, transcripts, looks.
"""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from evalharness.errors import ConfigError, StorageFault
from evalharness.model import Comparison, Verdict
from evalharness.redact import Redactor

if TYPE_CHECKING:
    from evalharness.report.evidence import Evidence  # with its looks come numpy and scipy

Kind = TypeVar("Kind", bound=msgspec.Struct)
REPORTERS = {
    ".html": "evalharness.report.html",
    ".json": "evalharness.report.document",
    ".md": "evalharness.report.markdown",
    ".sarif": "evalharness.report.sarif",
    ".xml": "evalharness.report.junit",
}
WITH_EVIDENCE = frozenset({".html", ".sarif", ".xml"})


def check_suffixes(paths: tuple[Path, ...]) -> None:
    """Refuse, before any work is done, a report file that no reporter writes."""
    for path in paths:
        if path.suffix not in REPORTERS:
            raise ConfigError(f"--report {path}: no report ends in '{path.suffix}': use {', '.join(sorted(REPORTERS))}")


def write(path: Path, comparison: Comparison, verdict: Verdict, evidence: "Evidence | None" = None) -> None:
    """Write the report that the file's ending asks for."""
    redactor = Redactor.from_environment()
    reporter = importlib.import_module(REPORTERS[path.suffix])
    comparison, verdict = cleaned(comparison, redactor), cleaned(verdict, redactor)
    extra = () if evidence is None or path.suffix not in WITH_EVIDENCE else (cleaned(evidence, redactor),)
    store(path, reporter.render(comparison, verdict, *extra))


def store(path: Path, text: str) -> None:
    """Write a rendered report; what no encoding can hold is replaced."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as exc:
        raise StorageFault(f"{path}: {exc.strerror or exc}") from exc


def cleaned(content: Kind, redactor: Redactor) -> Kind:
    """Take secrets out before anything is rendered: afterwards they may be escaped, compressed, or cut in two."""
    encoded = msgspec.json.encode(content)
    cleaned = redactor.clean_json(encoded)
    return content if cleaned == encoded else msgspec.json.decode(cleaned, type=type(content))
