"""What a suite file says of an external runner, checked."""

from typing import Any

from evalharness.errors import ConfigError
from evalharness.external.command import OF_AGENT, check_ids, check_placeholders, placeholders
from evalharness.external.reading import PYTEST
from evalharness.foreign import full_name
from evalharness.loading.shape import Place
from evalharness.loading.suite_file import SuiteFile, TaskSource
from evalharness.model import External

USE = "external"
MOST_AT_ONCE = 50  # trials in a call: what a killed run may have to repeat
ITS_OWN = ("command", "reads", "ids", "list", "run", "pass_at", "batch")
NOT_ITS_OWN = ("prompt", "expected", "graders", "workspace", "files", "artifacts")


def is_external(said: SuiteFile) -> bool:
    """Say whether the tasks of a suite are run by a command of the team's own."""
    return isinstance(said.tasks, TaskSource) and said.tasks.use == USE


def external_of(source: TaskSource, content: dict[str, Any], place: Place) -> External:
    """Return the runner of an external suite; whatever could not work is refused."""
    for key in NOT_ITS_OWN:
        if key in content:
            raise place.at(key).fault(
                "the tasks of an external suite are asked and judged by its command; leave it out"
            )
    here = place.at("tasks")
    if source.file is not None or source.options:
        raise here.fault("`file` and `options` belong to other sources of tasks; leave them out")
    if not source.command:
        raise here.fault("key 'command' is missing: a list of arguments, such as [inspect, eval, task.py, ...]")
    if source.reads is None:
        raise here.fault("key 'reads' is missing: the format of what the command leaves in {out}, such as inspect")
    external = External(
        command=source.command,
        reads=_reads(source.reads, here.at("reads")),
        run=source.run,
        pass_at=source.pass_at,
        batch=source.batch or MOST_AT_ONCE,
    )
    _check_command(external, here)
    return external


def _reads(name: str, place: Place) -> str:
    if name == PYTEST:
        return PYTEST
    try:
        return full_name(name)
    except ConfigError as exc:
        raise place.fault(str(exc)) from exc


def _check_command(external: External, place: Place) -> None:
    words, run = external.command, external.run or ""
    try:
        check_placeholders([*words, run])
    except ConfigError as exc:
        raise place.at("command").fault(str(exc)) from exc
    used = placeholders(words)
    if "out" not in used:
        raise place.at("command").fault("{out} is missing: the folder in which the command is to leave its log")
    if placeholders(words[:1]):
        raise place.at("command").fault("the program itself cannot be a placeholder")
    if strange := [name for name in placeholders([run]) if not name.startswith(OF_AGENT)]:
        raise place.at("run").fault(f"{{{strange[0]}}} means nothing here; use {{agent.OPTION}}")


def check_tasks(external: External, ids: list[str], place: Place) -> None:
    """Refuse ids that the command cannot be given."""
    try:
        check_ids(external, ids)
    except ConfigError as exc:
        raise place.at("tasks").fault(str(exc)) from exc


def check_plain(source: TaskSource, place: Place) -> None:
    """Refuse keys of an external runner in another source of tasks."""
    for key in ITS_OWN:
        if getattr(source, key) is not None:
            raise place.at(f"tasks.{key}").fault("belongs to an external runner; add `use: external`, or leave it out")
