"""Commands with placeholders: an argument stays one argument, whatever is put into it.

`{ids}` are the ids with commas between them, `{ids_regex}` one regular expression that matches exactly them, and an
argument with `{id}` is repeated for every id. `{{` and `}}` are braces.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.model import AgentDefinition, External
from evalharness.registry import suggestion

NAMES = ("id", "ids", "ids_regex", "trials", "out", "seed", "workers", "agent.OPTION")
CHOOSING = frozenset({"id", "ids", "ids_regex"})
OF_AGENT = "agent."

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_][\w.-]*)\}")
_SPECIAL = re.compile(r"[.*+?^$(){}|\[\]\\/]")


class Asked(Struct, frozen=True, kw_only=True):
    """What one call is asked for: `trials` of each of the tasks `ids`."""

    ids: tuple[str, ...]
    trials: int
    out: str
    seed: int
    workers: int


def placeholders(words: Sequence[str]) -> set[str]:
    """Name the placeholders in a command."""
    return {match[1] for word in words for match in _PLACEHOLDER.finditer(word) if match[1]}


def check_placeholders(words: Sequence[str]) -> None:
    """Refuse a placeholder that nobody fills in."""
    for name in sorted(placeholders(words)):
        if name not in NAMES and not name.startswith(OF_AGENT):
            near = suggestion(name, list(NAMES)) or f": use one of {', '.join(f'{{{each}}}' for each in NAMES)}"
            raise ConfigError(f"unknown placeholder '{{{name}}}'{near}; a brace of its own is written twice")


def check_ids(external: External, ids: Sequence[str]) -> None:
    """Refuse ids that the command cannot be given, because the way it names tasks cannot say them."""
    used = placeholders(external.command)
    alone = "{id}" in external.command
    for task_id in ids:
        if "\0" in task_id or (alone and task_id.startswith("-")):
            raise ConfigError(f"task {task_id!r} cannot be an argument of a command")
        if "ids" in used and ("," in task_id or task_id != task_id.strip()):
            raise ConfigError(
                f"task {task_id!r} cannot stand in {{ids}}, which has a comma between two ids: use {{id}} or "
                "{ids_regex}, or rename it"
            )


def check_agent(external: External, definition: AgentDefinition) -> None:
    """Refuse an agent that lacks an option which the command names."""
    words = (*external.command, external.run or "")
    for name in sorted(placeholders(words)):
        option = name.removeprefix(OF_AGENT)
        if name.startswith(OF_AGENT) and option not in definition.options:
            known = ", ".join(sorted(definition.options)) or "none"
            raise ConfigError(
                f"agent '{definition.name}' has no option '{option}', which the suite's command names as {{{name}}}"
                f"{suggestion(option, list(definition.options))}: it has {known}"
            )


def filled(words: Sequence[str], asked: Asked, external: External, options: Mapping[str, Any]) -> list[str]:
    """Put the values into a command; none of them makes two arguments of one."""
    ids = [_named(each, external) for each in asked.ids]
    values = {
        "ids": ",".join(ids),
        "ids_regex": _regex(asked.ids),
        "trials": str(asked.trials),
        "out": asked.out,
        "seed": str(asked.seed),
        "workers": str(asked.workers),
    }
    values |= {f"{OF_AGENT}{name}": _text(value) for name, value in options.items()}
    done: list[str] = []
    for word in words:
        if "id" in placeholders([word]):
            done.extend(_replaced(word, {**values, "id": each}) for each in ids)
        else:
            done.append(_replaced(word, values))
    return done


def of_agent(text: str, options: Mapping[str, Any]) -> str:
    """Put an agent's options into a text that names nothing else."""
    return _replaced(text, {f"{OF_AGENT}{name}": _text(value) for name, value in options.items()})


def _replaced(word: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1]] if found[1] else found[0][0], word)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _regex(ids: Sequence[str]) -> str:
    """Match these ids and nothing else, in the words that Python and JavaScript have in common."""
    return "^(?:" + "|".join(_SPECIAL.sub(lambda found: "\\" + found[0], each) for each in ids) + ")$"


def _named(task_id: str, external: External) -> str:
    """Write an id as the tool takes it: inspect and harbor read `*`, `?` and `[` in it as a pattern."""
    if external.reads not in ("inspect_ai", "harbor"):
        return task_id
    return re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", task_id)
