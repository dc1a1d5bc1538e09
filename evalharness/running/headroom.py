"""What trials may use of the machine: read from a suite's workspace, and compared between runs by name.

How much room a trial has above what it needs moves pass rates by points, so another limit is another question.
"""

from collections.abc import Iterator

import msgspec

from evalharness.model import Extension, Resources
from evalharness.registry import build, find
from evalharness.workspaces import Limited

_WORDS = {
    "memory_guaranteed": "guaranteed memory",
    "memory_limit": "memory limit",
    "cpus": "cpus",
    "processes": "processes",
    "file_size": "file size",
    "disk": "disk",
    "ulimits": "ulimits",
}
_BYTES = {"memory_guaranteed", "memory_limit", "file_size", "disk"}


def resources_of(workspace: Extension) -> Resources | None:
    """Say what a trial may use in such a workspace; None where nothing keeps limits."""
    made = build("workspace", workspace)
    return made.resources() if isinstance(made, Limited) else None


def without_limits(workspace: Extension) -> Extension:
    """Return a workspace without the options that are limits: what is left is part of the question."""
    limits = getattr(find("workspace", workspace.use), "RESOURCES", ())
    kept = {name: value for name, value in workspace.options.items() if name not in limits}
    return msgspec.structs.replace(workspace, options=kept)


def as_asked(resources: Resources) -> dict[str, object]:
    """Return the limits themselves, whatever keeps them."""
    said = msgspec.to_builtins(resources)
    return {name: said[name] for name in _WORDS if name in said}


def described(resources: Resources) -> str:
    """Say in one line what a trial may use, and what keeps it to that."""
    known = [f"{words} {_said(name, getattr(resources, name))}" for name, words in _WORDS.items()]
    return f"{', '.join(each for each in known if not each.endswith(' none'))} (kept by {resources.enforced_by})"


def differences(before: Resources | None, after: Resources | None) -> list[str]:
    """Name the limits in which two runs differ, with both values."""
    return list(_differing(before or Resources(), after or Resources()))


def _differing(before: Resources, after: Resources) -> Iterator[str]:
    for name, words in _WORDS.items():
        was, now = getattr(before, name), getattr(after, name)
        if was != now:
            yield f"{words} {_said(name, was)} and {_said(name, now)}"


def _said(name: str, value: object) -> str:
    if isinstance(value, int) and name in _BYTES:
        return f"{value / 2**20:,.0f} MiB"
    return "none" if value in (None, {}) else str(value)
