"""What harbor's `task.toml` says, as far as a container of ours can keep it; whatever else it asks for is refused."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, Unmeasured
from evalharness.workspaces.engine import check_told
from evalharness.workspaces.limits import check_shares
from evalharness.workspaces.sizes import size

_VARIABLE = re.compile(r"\$\{([^}:]+)(?::-(.*))?\}", re.DOTALL)
_ROOT = {None, "root", 0, "0"}


def task_file(folder: Path) -> dict[str, Any]:
    """Read the task file of a folder; ConfigError where it is none, or asks for what is not there."""
    try:
        said = tomllib.loads((folder / "task.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{folder}: is no task of harbor: {exc}") from exc
    if missing := _missing(said):
        raise ConfigError(f"{folder}: {missing[0]}, which is not supported: leave it out")
    try:
        _check_kept(said)
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"{folder}: no container can have what task.toml asks for: {exc}") from exc
    return said


def part(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Take a table of a task file; one that is not there is empty."""
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def _missing(said: Mapping[str, Any]) -> list[str]:
    """Say what a task asks for that a single Linux container, with one user and one network, cannot give."""
    environment, agent, verifier = (part(said, name) for name in ("environment", "agent", "verifier"))
    networks = {_network(environment), *(each["network_mode"] for each in (agent, verifier) if "network_mode" in each)}
    asked = {
        "it has several steps": said.get("steps"),
        "its tests want a container of their own": verifier.get("environment_mode") == "separate"
        or verifier.get("environment"),
        "it wants another system than Linux": str(environment.get("os", "linux")).lower() != "linux",
        "it wants a network of some hosts alone": "allowlist" in networks,
        "its agent and its tests want different networks": len(networks) > 1,
        "its agent or its tests want another user": {agent.get("user"), verifier.get("user")} - _ROOT,
        "it waits for a service that its image starts": environment.get("healthcheck"),
        "it wants a GPU or TPU": environment.get("gpus") or environment.get("tpu"),
    }
    return [what for what, wanted in asked.items() if wanted]


def _check_kept(said: Mapping[str, Any]) -> None:
    """Refuse a size, a number of processors or a variable that no container can have: its trials could never begin."""
    wanted = container_of(part(said, "environment"))
    if "memory" in wanted:
        size(wanted["memory"], "memory")
    if "cpus" in wanted:
        check_shares(float(wanted["cpus"]), 1)
    for name in ("environment", "verifier", "solution"):
        check_told({key: str(each) for key, each in part(part(said, name), "env").items()})


def _network(environment: Mapping[str, Any]) -> str:
    return "no-network" if environment.get("allow_internet") is False else environment.get("network_mode", "public")


def container_of(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Take what a task says of its container, in the words of `task_container`; older tasks say the memory as text."""
    memory = environment.get("memory_mb")
    said = {
        "memory": f"{memory}m" if memory else str(environment.get("memory", "")).lower(),
        "cpus": environment.get("cpus"),
        "network": "none" if _network(environment) == "no-network" else None,
        "workdir": environment.get("workdir"),
        "env": environment.get("env"),
    }
    return {name: each for name, each in said.items() if each}


def resolved(env: Mapping[str, str]) -> dict[str, str]:
    """Fill in `${NAME}` and `${NAME:-default}` from this machine's variables; Unmeasured where one is missing.

    As in harbor a value is such a reference as a whole, or is taken as it is.
    """
    return {name: _value(str(text)) for name, text in env.items()}


def _value(text: str) -> str:
    found = _VARIABLE.fullmatch(text)
    if found is None:
        return text
    value = os.environ.get(found[1], found[2])
    if value is None:
        raise Unmeasured("harbor:variable", f"the task wants {found[1]}, which is not set on this machine")
    return value
