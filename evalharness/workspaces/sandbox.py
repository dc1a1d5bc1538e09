"""Sandboxes: a workspace with walls, made of Linux namespaces by bubblewrap.

A command inside sees the system's folders read-only, its workspace at `/workspace`, a `/tmp` of its own, and nothing
else of the host: no home, no suite, no processes, no network unless it is allowed, no variables but those named.
"""

import itertools
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.model import Resources
from evalharness.temporary import own_folder, remove_folder
from evalharness.workspaces import Completed, bubblewrap, cgroups
from evalharness.workspaces.confined import run_confined
from evalharness.workspaces.limits import Memory, check_shares, check_variables, inherited, memory_of
from evalharness.workspaces.local import LocalWorkspace
from evalharness.workspaces.sizes import Size, size

_GUESTS = range(1 << 20, 1 << 30)  # user numbers that no account has
_numbers = itertools.count(1)


class SandboxWorkspace(Struct, frozen=True):
    """One trial's place behind walls; picklable."""

    folder: str
    options: "SandboxWorkspaces"
    user: int | None
    brought: dict[str, str] = {}

    @property
    def location(self) -> str:
        """Where the workspace is, seen from inside."""
        return bubblewrap.WORKSPACE

    @property
    def _place(self) -> LocalWorkspace:
        return LocalWorkspace(f"{self.folder}/workspace")

    def run(
        self, command: Sequence[str], *, timeout: float, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> Completed:
        """Run a command inside; nothing of it lives on. `env` is added to what the options name."""
        options = self.options
        given = {**options.environment(), **(env or {})}
        check_variables(given)
        self._check_program(command[0], given["PATH"])
        self._hand_over()
        return run_confined(
            command, view=self._view(), env=given, resources=options.resources(), stdin=stdin, timeout=timeout
        )

    def read(self, path: str) -> bytes:
        """Return the content of a regular file."""
        return self._place.read(path)

    def write(self, path: str, content: bytes) -> None:
        """Write a file, making its folders."""
        self._place.write(path, content)

    def upload(self, source: Path, path: str) -> None:
        """Copy a file or folder of the host into the workspace."""
        self._place.upload(source, path)

    def download(self, path: str, target: Path) -> None:
        """Copy a file or folder out; inside a folder, only regular files that lie in the workspace."""
        self._place.download(path, target)

    def find(self, pattern: str) -> list[str]:
        """List the regular files that match a glob pattern, sorted."""
        return self._place.find(pattern)

    def bring(self, folder: Path, names: Sequence[str]) -> str:
        """Show these files and folders of a host folder at `/agent`, read-only; return where."""
        for name in names:
            self.brought[f"{bubblewrap.AGENT}/{name}"] = str((folder / name).resolve())
        return bubblewrap.AGENT

    def _view(self) -> bubblewrap.View:
        system = Path(self.folder, "etc")
        shown = {f"/etc/{name}": str(system / name) for name in ("passwd", "group")}
        if self.options.python:
            shown[bubblewrap.PYTHON] = f"{self.folder}/python"
        return bubblewrap.View(
            writable={bubblewrap.WORKSPACE: self._place.location, bubblewrap.TMP: f"{self.folder}/scratch"},
            read_only={**self.options.shown(), **self.brought, **shown},
            network=self.options.network == "allow",
            user=self.user,
        )

    def _check_program(self, program: str, search_path: str) -> None:
        """Raise FileNotFoundError for a program that is not inside, as a machine without it would."""
        if os.sep not in program:
            known = self.options.python and program == "python"
            if not known and shutil.which(program, path=search_path) is None:
                raise FileNotFoundError(2, "no such program in the sandbox", program)
            return
        inside = os.path.normpath(os.path.join(bubblewrap.WORKSPACE, program))  # noqa: PTH118 - normalised as text
        if inside.startswith(f"{bubblewrap.WORKSPACE}/") and not os.path.lexists(f"{self.folder}{inside}"):
            raise FileNotFoundError(2, "no such program in the workspace", program)

    def _hand_over(self) -> None:
        """Give what was put into the workspace to the user that commands run as."""
        if not os.path.isdir(f"{self.folder}/scratch"):  # noqa: PTH112 - as plain as what it is for
            self._furnish()
        Path(self._place.location).chmod(0o700)  # a trial may have locked itself out
        if self.user is None:
            return
        for place in (self._place.location, f"{self.folder}/scratch"):
            for folder, _, files in os.walk(place):
                for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118 - thousands
                    if os.lstat(path).st_uid != self.user:
                        os.lchown(path, self.user, self.user)

    def _furnish(self) -> None:
        number = 1000 if self.user is None else self.user
        accounts = {
            "passwd": f"guest:x:{number}:{number}::/tmp:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
            "group": f"guest:x:{number}:\nnogroup:x:65534:\n",
        }
        Path(self.folder, "scratch").mkdir(mode=0o700, parents=True)
        Path(self.folder, "etc").mkdir()
        for name, content in accounts.items():
            Path(self.folder, "etc", name).write_text(content, encoding="ascii")
        python = Path(self.folder, "python", "python")  # a script, for a link would leave its virtual environment
        python.parent.mkdir()
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
        python.chmod(0o755)


class _Fresh:
    """Names a place on the way in, removes it on the way out if anybody made it."""

    __slots__ = ("_options", "_workspace")

    def __init__(self, options: "SandboxWorkspaces") -> None:
        self._options = options

    def __enter__(self) -> SandboxWorkspace:
        user = secrets.choice(_GUESTS) if os.geteuid() == 0 else None
        folder = f"{own_folder()}/sandbox-{next(_numbers)}"
        self._workspace = SandboxWorkspace(folder, self._options, user)
        return self._workspace

    def __exit__(self, *_: object) -> None:
        if os.path.lexists(self._workspace.folder):
            remove_folder(self._workspace.folder)


@dataclass(frozen=True, kw_only=True)
class SandboxWorkspaces:
    """Places behind walls on this machine (Linux, bubblewrap).

    `read_only` are folders of the host that are shown inside, at the same place; `python` shows the Python that evalh
    runs with, as `python`. The environment holds `env` and the host's variables named in `inherit`, and nothing else.
    """

    network: Literal["none", "allow"] = "none"
    memory: Size | Memory = "2g"
    headroom: float | None = None
    cpus: float | None = None
    processes: int = 256
    file_size: Size = "1g"
    disk: Size = "4g"
    read_only: tuple[str, ...] = ()
    python: bool = False
    env: dict[str, str] = field(default_factory=dict)
    inherit: tuple[str, ...] = ()
    RESOURCES: ClassVar = ("memory", "headroom", "cpus", "processes", "file_size", "disk")

    def __post_init__(self) -> None:
        check_shares(self.cpus, self.processes)
        check_variables(self.env)
        self.resources()
        for path in self.read_only:
            if not Path(path).expanduser().is_absolute() or Path(path).expanduser().resolve() == Path("/"):
                raise ValueError(f"read_only: {path!r} must be an absolute path of the host, and not all of it")

    def prepare(self) -> None:
        """See that sandboxes can be made here."""
        reason = bubblewrap.missing()
        if reason:
            raise ConfigError(f"workspace 'sandbox': {reason}; see `evalh doctor`")
        inherited(self.inherit, "sandbox")
        absent = [path for path in self.read_only if not Path(path).expanduser().exists()]
        if absent:
            raise ConfigError(f"workspace 'sandbox': read_only: {', '.join(absent)}: no such folder")

    def fresh(self) -> _Fresh:
        """Give a new, empty place, and remove it afterwards, whatever is in it."""
        self.prepare()
        return _Fresh(self)

    def resources(self) -> Resources:
        """Say what a trial may use."""
        guaranteed, limit = memory_of(self.memory, self.headroom)
        return Resources(
            memory_guaranteed=guaranteed,
            memory_limit=limit,
            cpus=self.cpus,
            processes=self.processes,
            file_size=size(self.file_size, "file_size"),
            disk=size(self.disk, "disk"),
            enforced_by="cgroup" if cgroups.available() else "rlimit",
        )

    def environment(self) -> dict[str, str]:
        """Return the whole environment of a command, beside what its caller adds."""
        programs = f"{bubblewrap.PYTHON}:{Path(sys.executable).parent}:" if self.python else ""
        own = {"PATH": f"{programs}{bubblewrap.SEARCH_PATH}", "HOME": bubblewrap.TMP, "LANG": "C.UTF-8"}
        return {**own, **inherited(self.inherit, "sandbox"), **self.env}

    def shown(self) -> dict[str, str]:
        """Map the places inside to the host's folders that are shown there."""
        asked = [str(Path(path).expanduser()) for path in self.read_only]
        return {path: path for path in [*asked, *(bubblewrap.home_of_python() if self.python else [])]}
