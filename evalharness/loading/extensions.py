"""What an extension is, seen from the file that names it: its folder, and the form that a digest is made from."""

import dataclasses
import hashlib
import shlex
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from evalharness import registry
from evalharness.model import Extension
from evalharness.registry import Kind

E = TypeVar("E", bound=Extension)

FOLDER = "folder"  # an extension with this option is told where relative names start
SKIPPED = {"__pycache__", ".git", ".DS_Store"}


def located(kind: Kind, extension: E, folder: Path) -> E:
    """Tell an extension that asks for it (by a field `folder`) where relative names start."""
    if FOLDER in extension.options or FOLDER not in registry.option_names(registry.find(kind, extension.use)):
        return extension
    return msgspec.structs.replace(extension, options={**extension.options, FOLDER: str(folder.resolve())})


class Contents:
    """Digests of files and folders, each read once."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def digest(self, path: Path) -> str:
        """Give the digest of a file's bytes, or of the names and bytes below a folder."""
        if path not in self._known:
            self._known[path] = _folder_digest(path) if path.is_dir() else _file_digest(path)
        return self._known[path]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder_digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and SKIPPED.isdisjoint(name.parts):
            found.update(f"{name.as_posix()}\0{_file_digest(path)}\n".encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def canonical(kind: Kind, extension: Extension, folder: Path, contents: Contents) -> dict[str, Any]:
    """Say what an extension does, however it was written.

    That is its class, the options that differ from their defaults, and the content of the files and modules it names.
    """
    cls = registry.find(kind, extension.use)
    built = registry.build(kind, extension)
    options = {
        name: _plain(getattr(built, name), extension.options[name])
        for name, default in _defaults(cls).items()
        if name != FOLDER and name in extension.options and getattr(built, name) != default
    }
    if getattr(cls, "takes_any_option", False):
        options = extension.options
    found = {path: contents.digest(path) for path in named_files(options, folder)}
    target = registry.BUILT_IN[kind].get(extension.use, extension.use)
    if not target.startswith("evalharness."):
        source = getattr(sys.modules.get(cls.__module__), "__file__", None)
        if source and Path(source).is_file():
            found[Path(source)] = contents.digest(Path(source))
    said: dict[str, Any] = {"use": target, "options": options, "files": sorted(found.values())}
    return {key: value for key, value in said.items() if value}


def _defaults(cls: type[Any]) -> dict[str, Any]:
    if dataclasses.is_dataclass(cls):
        return {
            each.name: each.default_factory() if callable(each.default_factory) else each.default
            for each in dataclasses.fields(cls)
            if each.init
        }
    return {
        each.name: each.default_factory() if callable(each.default_factory) else each.default
        for each in (msgspec.structs.fields(cls) if issubclass(cls, Struct) else ())
    }


def _plain(value: Any, written: Any) -> Any:
    try:
        return msgspec.to_builtins(value)
    except TypeError:  # an extension may turn an option into something of its own, such as a pattern
        return written


def named_files(options: dict[str, Any], folder: Path) -> list[Path]:
    """List the files that options name: paths that exist, words of a `command`, and the module of a `call`."""
    paths = [folder / text for text in _texts(options) if _is_path(text, folder)]
    dockerfile = options.get("dockerfile")  # its name has no dot, as a rule
    if isinstance(dockerfile, str) and (folder / dockerfile).is_file():
        paths.append(folder / dockerfile)
    call = options.get("call")
    source = module_file(call.partition(":")[0], folder) if isinstance(call, str) else None
    return sorted({*paths, *([source] if source else [])})


def _texts(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, name)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each, key)
    elif isinstance(value, str):
        yield from _words(value) if key == "command" else [value]


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _is_path(text: str, folder: Path) -> bool:
    """Say whether a text can be meant as the path of a file; a bare word such as `Makefile` is not."""
    if not 2 < len(text) < 512 or not text.isprintable() or not ("/" in text or "." in text[1:-1]):
        return False
    try:
        return (folder / text).is_file()
    except OSError:
        return False


def module_file(module: str, folder: Path) -> Path | None:
    """Find the source of a module without importing it, in this folder first."""
    search: list[str] | None = [str(folder), *sys.path]
    found = None
    parts = module.split(".")
    for index in range(len(parts)):
        found = PathFinder.find_spec(".".join(parts[: index + 1]), search) if search else None
        search = list(found.submodule_search_locations or ()) if found else None
    return Path(found.origin) if found and found.origin and Path(found.origin).is_file() else None
