"""Where the command of an external suite runs for an agent, and which files it names."""

from collections.abc import Iterable
from pathlib import Path
from shutil import which

from evalharness.errors import ConfigError, NotComparable
from evalharness.external.command import placeholders
from evalharness.git import git_text
from evalharness.loading.extensions import Contents
from evalharness.model import AgentDefinition, External, Suite


def folder_of(suite: Suite, definition: AgentDefinition) -> Path:
    """Return the folder of the suite in the checkout that the agent comes from; the suite's own where that is none."""
    home = Path(suite.place).resolve().parent
    here, there = _repository(home), _repository(Path(definition.place))
    if here is None or there is None or here == there or here[1] != there[1]:
        return home
    folder = Path(there[0]) / home.relative_to(here[0])
    if not folder.is_dir():
        raise ConfigError(
            f"agent '{definition.name}' comes from another revision, which has no folder "
            f"{home.relative_to(here[0])}: the suite's command cannot run there"
        )
    return folder


def _repository(folder: Path) -> tuple[str, str] | None:
    """Return the top of the checkout around a folder, and the repository that it belongs to."""
    try:
        found = git_text(folder, "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir")
    except ConfigError:
        return None
    top, _, common = found.partition("\n")
    return str(Path(top).resolve()), str(Path(common).resolve())


def named(words: Iterable[str], folder: Path) -> dict[str, Path]:
    """List the files and folders that the words of a command, or ids of tasks, name, seen from a folder.

    What a placeholder brings in is the agent's own.
    """
    paths = {path for word in words if not placeholders([word]) for path in _paths(word) if _is_path(path)}
    return {path: folder / path for path in sorted(paths) if (folder / path).exists()}


def _paths(word: str) -> list[str]:
    """Take the path out of `--config=x.yaml`, `task.py@name` or `tests/test_a.py::test_b`."""
    path = word.rpartition("=")[2].partition("::")[0]
    return [path, path.partition("@")[0]]


def _is_path(text: str) -> bool:
    """Say whether a word can be meant as a path: a bare word such as `eval` is not."""
    inside = not text.startswith(("/", "..")) and len(text) < 512 and text.isprintable()
    return inside and ("/" in text[1:] or "." in text[1:-1])


def check_named(words: Iterable[str], home: Path, folder: Path) -> None:
    """Refuse a checkout in which a file that is named is not what it is beside the suite."""
    contents = Contents()
    if home == folder:
        return
    for path, file in named(words, home).items():
        other = folder / path
        if not other.exists() or contents.digest(file) != contents.digest(other):
            raise NotComparable(
                f"{path}, which the suite names, is not the same in {folder} as in {home}: both arms have to "
                "answer one question; name a file that belongs to the agent in the agent's options ({agent.NAME})"
            )


def program_missing(external: External, folder: Path) -> str | None:
    """Say why the program of a command cannot be started from a folder."""
    program = external.command[0]
    found = (folder / program).exists() if "/" in program else which(program)
    return None if found else f"'{program}' is not installed or not on PATH"
