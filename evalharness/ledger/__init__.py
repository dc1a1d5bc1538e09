"""The version line: one append-only chain of decisions about versions, each entry naming the one before by digest.

In a git repository a line lives in `refs/evalh/lines/NAME`, elsewhere in `.evalh/lines/NAME.jsonl`. Read `entry` for
what is remembered, `chain` for what is refused, `git_line` and `file_line` for where it lies.
"""

from pathlib import Path

from evalharness.errors import ConfigError
from evalharness.git import git_text
from evalharness.ledger.file_line import FOLDER, FileLine
from evalharness.ledger.git_line import GitLine
from evalharness.ledger.storage import DEFAULT_LINE, Line, check_name

__all__ = ["DEFAULT_LINE", "Line", "line_names", "open_line"]


def open_line(name: str, folder: Path | None = None) -> Line:
    """Return the line of this name for a folder (default: the current one), whether or not it has entries."""
    repository, root = _home(folder)
    return GitLine(check_name(name), root) if repository else FileLine(check_name(name), root)


def line_names(folder: Path | None = None) -> list[str]:
    """Return the lines that exist around a folder."""
    repository, root = _home(folder)
    return GitLine.names(root) if repository else FileLine.names(root)


def _home(folder: Path | None) -> tuple[bool, Path]:
    """Find the repository around a folder, else the nearest folder that has lines, else the folder itself."""
    here = (folder or Path.cwd()).resolve()
    above = (here, *here.parents)
    try:
        top = git_text(here, "rev-parse", "--show-toplevel")
    except ConfigError:
        if any((each / ".git").exists() for each in above):  # a repository that git will not open is no other place
            raise
        return False, next((each for each in above if (each / FOLDER).is_dir()), here)
    return True, Path(top)
