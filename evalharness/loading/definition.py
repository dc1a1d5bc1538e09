"""Agents by name: from a YAML file, a shorthand or a git revision to an agent that can be run."""

import shlex
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, field

from evalharness import registry
from evalharness.agents import Agent, OpenableAgent
from evalharness.errors import ConfigError
from evalharness.loading import checkout
from evalharness.loading.extensions import SKIPPED, Contents, canonical, located, module_file
from evalharness.loading.shape import Place, shaped
from evalharness.loading.yaml_source import parse_yaml, read_yaml
from evalharness.model import AgentDefinition, Extension, UnmeasuredRules

DEFAULT_FILE = "agent.yaml"
FORMS = (
    "an agent's YAML file, python:module:function, command:..., http(s)://..., model:NAME, local, scripted:FILE.json "
    "or git:REF[:agent.yaml]"
)
NOT_SOURCE = {*SKIPPED, ".venv", "node_modules"}


class AgentFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agent: what runs it, with which options, and what tells one version from the next."""

    use: Annotated[
        str, Meta(description="An adapter (function, command, http, model, local, scripted) or module:Class.")
    ]
    name: Annotated[str | None, Meta(description="The agent's name; the file's name where it is absent.")] = None
    version: Annotated[str | int | float, Meta(description="For people; changes are seen by the fingerprint.")] = ""
    options: Annotated[dict[str, Any], Meta(description="The adapter's options.")] = {}
    setup: Annotated[str | None, Meta(description="Shell command that makes a git checkout ready to run.")] = None
    fingerprint: Annotated[
        tuple[str, ...], Meta(description="Globs of files whose content tells one version from the next.")
    ] = ()
    unmeasured: Annotated[UnmeasuredRules, Meta(description="Which faults are not the agent's own.")] = field(
        default_factory=UnmeasuredRules
    )


def load_agent(spec: str, *, name: str | None = None) -> AgentDefinition:
    """Load an agent from a YAML file, a shorthand, or a revision (`git:REF[:agent.yaml]`); `name` overrides its own."""
    found = _from_git(spec.removeprefix("git:")) if spec.startswith("git:") else _load(spec, Path.cwd())
    return found if name is None else msgspec.structs.replace(found, name=name)


def _load(spec: str, folder: Path) -> AgentDefinition:
    """Load what is not a revision, seen from a folder."""
    kind, colon, rest = spec.partition(":")
    if spec == "local":
        return _shorthand(spec, "local", {}, folder)
    if kind in ("http", "https") and rest.startswith("//"):
        return _shorthand(_address(spec), "http", {"url": spec}, folder)
    if colon and kind in _SHORTHANDS:
        if not rest.strip():
            raise ConfigError(f"agent '{spec}' names nothing after the colon: use {FORMS}")
        if kind == "scripted" and not (folder / rest).is_file():
            raise ConfigError(f"agent '{spec}': no such file: {folder / rest}")
        use, options = _SHORTHANDS[kind]
        return _shorthand(spec, use, options(rest), folder)
    return _from_file(folder / spec, Place(spec))


def _shorthand(name: str, use: str, options: dict[str, Any], folder: Path) -> AgentDefinition:
    found = AgentDefinition(name=name, use=use, options=options, place=str(folder))
    build_agent(found)
    return found


def _address(url: str) -> str:
    """Name an address by its place, without user and query; secrets in it would end up in run.json."""
    try:
        parts = urlsplit(url)
    except ValueError as exc:
        raise ConfigError(f"agent '{url}': {exc}") from exc
    credentials, at, place = parts.netloc.rpartition("@")
    if not place:
        raise ConfigError(f"agent '{url}' names no host")
    if at and "${" not in credentials:
        raise ConfigError(
            f"agent '{parts.scheme}://...@{place}': the address is written into run.json; "
            "say user and password as ${NAME} of an environment variable"
        )
    return f"{parts.scheme}://{place}{parts.path}"


def _function(call: str) -> dict[str, Any]:
    module, _, function = call.rpartition(":")
    if "/" in module or module.endswith(".py"):
        dotted = module.removesuffix(".py").strip("./").replace("/", ".")
        raise ConfigError(f"agent 'python:{call}' names a file; name the module: python:{dotted}:{function}")
    return {"call": call}


def _command(words: str) -> dict[str, Any]:
    try:
        return {"command": shlex.split(words)}
    except ValueError as exc:
        raise ConfigError(f"agent 'command:{words}': {exc}") from exc


def _model(model: str) -> dict[str, Any]:
    return {"model": model}


def _scripted(file: str) -> dict[str, Any]:
    return {"file": file}


_SHORTHANDS: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "python": ("function", _function),
    "command": ("command", _command),
    "model": ("model", _model),
    "scripted": ("scripted", _scripted),
}


def _from_file(path: Path, place: Place) -> AgentDefinition:
    if not path.is_file():
        said = "is a folder; name the agent's file in it" if path.is_dir() else f"no such file; an agent is {FORMS}"
        raise place.fault(said)
    found = _defined(read_yaml(path), place, path)
    try:
        build_agent(found)
    except ConfigError as exc:
        raise place.fault(str(exc)) from exc
    return found


def _defined(content: Any, place: Place, path: Path) -> AgentDefinition:
    if content is None:
        raise place.fault("is empty; an agent says at least `use`")
    said = shaped(content, AgentFile, place)
    return AgentDefinition(
        name=said.name or path.stem,
        use=said.use,
        version=str(said.version),
        options=said.options,
        setup=said.setup,
        fingerprint=said.fingerprint,
        unmeasured=said.unmeasured,
        place=str(path.parent.resolve()),
    )


def _from_git(spec: str) -> AgentDefinition:
    """Load the agent of a revision from a checkout in which its setup has been run."""
    ref, _, inner = spec.partition(":")
    inner = inner or DEFAULT_FILE
    revision = checkout.resolved(ref, Path.cwd())
    if not checkout.inside(revision, inner):
        raise ConfigError(f"git:{spec}: '{inner}' is not inside the repository, so the revision says nothing of it")
    said = _said_then(revision, inner, f"git:{ref}: {inner}")
    folder = checkout.worktree(revision, setup=said.setup if said else None, place=str(Path(inner).parent))
    if said:
        _refuse_class(said.use, folder, f"git:{ref}: {inner}")
    try:
        found = _load(inner, folder)
    except ConfigError as exc:
        raise ConfigError(f"git:{ref}: {exc}") from exc
    return msgspec.structs.replace(found, version=found.version or revision.commit[:12])


def _said_then(revision: checkout.Revision, path: str, place: str) -> AgentDefinition | None:
    """Read a revision's agent file before anything is checked out; None where it has none."""
    text = checkout.content(revision, path)
    if text is None:
        return None
    return _defined(parse_yaml(text.decode("utf-8-sig", "replace"), place), Place(place), Path(path))


def _refuse_class(use: str, folder: Path, place: str) -> None:
    module, colon, _ = use.partition(":")
    source = module_file(module, folder) if colon else None
    if source and source.is_relative_to(folder):
        raise ConfigError(
            f"{place}: '{use}' would run inside evalh, where one module cannot have two versions: "
            "use the adapter 'function' or 'command' for agents of a revision"
        )


def build_agent(definition: AgentDefinition) -> Agent | OpenableAgent:
    """Make the agent, telling its adapter what it asks for: the folder it starts from, and its rules of attribution."""
    return registry.build("agent", _told(definition))


def _told(definition: AgentDefinition) -> Extension:
    extension = located("agent", Extension(use=definition.use, options=definition.options), Path(definition.place))
    if "unmeasured" not in registry.option_names(registry.find("agent", definition.use)):
        return extension
    rules = msgspec.to_builtins(definition.unmeasured)
    return Extension(use=extension.use, options={"unmeasured": rules, **extension.options})


def fingerprint(definition: AgentDefinition) -> str:
    """Digest what makes the agent behave as it does: name, adapter, options, and the content of the files it names.

    Those are the files that options name (an agent's script, a function's module), and what `fingerprint` matches.
    """
    folder, contents = Path(definition.place), Contents()
    extension = Extension(use=definition.use, options=definition.options)
    said = {
        "name": definition.name,
        "agent": canonical("agent", located("agent", extension, folder), folder, contents),
        "setup": definition.setup,
        "unmeasured": definition.unmeasured,
        "files": {
            path.relative_to(folder).as_posix(): contents.digest(path)
            for pattern in definition.fingerprint
            for path in _matches(folder, pattern)
        },
    }
    return sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def _matches(folder: Path, pattern: str) -> list[Path]:
    try:
        paths = sorted(folder.glob(pattern))
        found = [path for path in paths if path.is_file() and NOT_SOURCE.isdisjoint(path.relative_to(folder).parts)]
    except (ValueError, NotImplementedError) as exc:
        raise ConfigError(f"{folder}: fingerprint: '{pattern}' is no pattern below the agent's folder") from exc
    if not found:
        raise ConfigError(f"{folder}: fingerprint: '{pattern}' matches no file")
    return found
