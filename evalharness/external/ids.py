"""Which tasks an external suite has: said in the suite, printed by a command, or found in a log of an earlier run."""

import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from evalharness.external.command import placeholders
from evalharness.external.reading import PYTEST, sources
from evalharness.foreign import load
from evalharness.git import git_environment
from evalharness.loading.rows import Row
from evalharness.loading.shape import Place
from evalharness.loading.suite_file import TaskSource
from evalharness.model import External
from evalharness.redact import Redactor
from evalharness.text import one_line

LIST_SECONDS = 300
TAIL = 400


def rows(source: TaskSource, external: External, place: Place, folder: Path) -> list[Row]:
    """Give a row for each task: its id, and the tags and limits that the suite says of it."""
    if (source.ids is None) == (source.list is None):
        raise place.fault(
            "say once which tasks there are: `ids: [...]`, `ids: LOG` of an earlier run of the tool, or "
            "`list: [command, ...]` that prints them"
        )
    if source.list is not None:
        where = place.at("list")
        found = _printed(tuple(source.list), folder, where)
        _check_printed(found, external, where)
    elif isinstance(source.ids, str):
        where = place.at("ids")
        found = _logged(external, folder / source.ids, where)
    else:
        where = place.at("ids")
        found = [msgspec.to_builtins(each) for each in source.ids or ()]
    return [_row(each, where.at(f"[{index}]")) for index, each in enumerate(found)]


def _row(said: Any, place: Place) -> Row:
    fields = said if isinstance(said, dict) else {"id": str(said)}
    kept = {key: value for key, value in fields.items() if key in ("id", "tags", "limits") and value is not None}
    if "id" not in kept or kept["id"] == "":
        raise place.fault("a task needs its id, as the tool calls it")
    return Row(place, kept)


def _logged(external: External, path: Path, place: Place) -> list[dict[str, Any]]:
    """Take the tasks of an earlier run from its log."""
    if not path.exists():
        raise place.fault(f"no such log: {path}")
    if external.reads == PYTEST:
        raise place.fault("a JUnit report does not hold pytest's node ids: use `list: [pytest, --collect-only, -q]`")
    found = sources(path, external, None if placeholders([external.run or ""]) else external.run)
    if not found:
        raise place.fault(f"{path} holds no log of {external.reads}")
    tasks = {task_id: entry for source in found for task_id, entry in load(source).header.tasks.items()}
    return [{"id": task_id, "tags": list(entry.tags)} for task_id, entry in tasks.items()]


def _printed(command: tuple[str, ...], folder: Path, place: Place) -> list[Any]:
    """Run the listing command: JSON, or an id a line up to the first empty one."""
    text = _output(command, folder, place)
    if text.lstrip().startswith("["):
        try:
            found = msgspec.json.decode(text)
        except msgspec.DecodeError as exc:
            raise place.fault(f"`{command[0]}` printed malformed JSON: {exc}") from exc
        return list(found)
    lines = text.strip("\n").partition("\n\n")[0].split("\n")
    return [_line(line.strip()) for line in lines if line.strip()]


def _line(text: str) -> Any:
    if not text.startswith("{"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _check_printed(found: list[Any], external: External, place: Place) -> None:
    """Refuse what a listing command printed and no tool calls a task by: messages, colours, lists in lists."""
    for index, said in enumerate(found):
        name = said.get("id") if isinstance(said, dict) else said
        odd = None
        if not isinstance(name, str | int) or isinstance(name, bool):
            odd = "names no task: an id is a text"
        elif not str(name).isprintable():
            odd = "holds characters that cannot be seen: colours, perhaps, which the command can be told to leave out"
        elif isinstance(said, str) and said.startswith("{"):
            odd = "begins like a JSON object and is none"
        elif external.reads == PYTEST and "::" not in str(name):
            odd = "is no node id of pytest (path::name)"
        if odd:
            raise place.fault(f"line {index + 1} of what it printed {odd}: {one_line(repr(said), longest=TAIL // 4)}")


def _output(command: tuple[str, ...], folder: Path, place: Place) -> str:
    try:
        return _run(command, folder.resolve())
    except (OSError, ValueError) as exc:
        raise place.fault(f"`{command[0]}` cannot be started: {exc}") from exc
    except subprocess.TimeoutExpired as exc:
        raise place.fault(f"`{command[0]}` printed no ids within {LIST_SECONDS} s") from exc
    except subprocess.CalledProcessError as exc:
        said = Redactor.from_environment().clean_text(f"{exc.stdout}\n{exc.stderr}").strip()[-TAIL:]
        raise place.fault(f"`{command[0]}` ended with exit code {exc.returncode}: {said}") from exc


@lru_cache(maxsize=8)
def _run(command: tuple[str, ...], folder: Path) -> str:
    """Run it once a process: a gate loads its suite several times."""
    done = subprocess.run(  # noqa: S603 - to run what a suite names is the purpose
        command,
        cwd=folder,
        env=git_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LIST_SECONDS,
        check=True,
    )
    return done.stdout
