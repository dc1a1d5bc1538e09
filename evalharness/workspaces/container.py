"""Containers: a workspace in a container of its own, by the docker or podman command line.

The container lives as long as its trial and is stopped between two commands, so that nothing runs on; files go in and
out as archives, which are read with suspicion.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, ClassVar, Literal

import psutil
from msgspec import Struct

from evalharness.errors import ConfigError, Unmeasured
from evalharness.model import Resources
from evalharness.workspaces import Completed, archive
from evalharness.workspaces import engine as engines
from evalharness.workspaces.contained import exec_in, limited, ulimits
from evalharness.workspaces.engine import Engine
from evalharness.workspaces.images import image_id, raise_lasting
from evalharness.workspaces.limits import Memory, check_shares, inherited, memory_of
from evalharness.workspaces.sizes import Size, size

WORKSPACE, AGENT = "/workspace", "/agent"
_FOREVER = "2147483647"  # seconds that the container's first process sleeps


class ContainerWorkspace(Struct, frozen=True):
    """One trial's container; picklable."""

    name: str
    engine: Engine
    options: "ContainerWorkspaces"

    @property
    def location(self) -> str:
        """Where the workspace is, seen from inside."""
        return WORKSPACE

    def run(
        self, command: Sequence[str], *, timeout: float, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> Completed:
        """Run a command inside; nothing of it lives on. `env` is added to the container's variables."""
        file = engines.environment_file(engines.private_folder(), dict(env)) if env else None
        try:
            words = ["--workdir", WORKSPACE, *(["--env-file", str(file)] if file else []), self.name]
            return exec_in(
                self.engine,
                words,
                command,
                network=self.options.network == "allow",
                resources=self.options.resources(),
                stdin=stdin,
                timeout=timeout,
            )
        finally:
            if file:
                file.unlink()

    def read(self, path: str) -> bytes:
        """Return the content of a regular file; a link is none."""
        inside = archive.checked(path)
        with self._stream(inside) as stream:
            for _, member, read in archive.unpacked(stream):
                if member.isreg():
                    return read()
                break
        raise ValueError(f"workspace path '{path}' is not a regular file")

    def write(self, path: str, content: bytes) -> None:
        """Write a file, making its folders."""
        self._put(archive.packed_file(content, archive.checked(path)), WORKSPACE)

    def upload(self, source: Path, path: str) -> None:
        """Copy a file or folder of the host into the workspace; links are followed."""
        self._put(archive.packed(source, archive.checked(path), shared=True), WORKSPACE)

    def download(self, path: str, target: Path) -> None:
        """Copy a file or folder out; of a folder only regular files, no links."""
        inside = archive.checked(path)
        with self._stream(inside) as stream:
            archive.extract(stream, target)
        if not target.exists():
            raise ValueError(f"workspace path '{path}' is neither a file nor a folder")

    def find(self, pattern: str) -> list[str]:
        """List the regular files that match a glob pattern, sorted; links are not listed."""
        matches, names = archive.matcher(pattern), []
        with contextlib.suppress(FileNotFoundError), self._stream(".") as stream:  # a trial may have removed it all
            names = [str(archive.below(name)) for name, member, _ in archive.unpacked(stream) if member.isreg()]
        return sorted({name for name in names if matches(name)})

    def bring(self, folder: Path, names: Sequence[str]) -> str:
        """Copy these files and folders of a host folder to `/agent`; return where they are."""
        for name in names:
            self._put(archive.packed((folder / name).resolve(), f"{AGENT[1:]}/{name}", shared=False), "/")
        return AGENT

    def _put(self, content: IO[bytes], place: str) -> None:
        try:
            self.engine.call("cp", "-", f"{self.name}:{place}", stdin=content)
        except Unmeasured as exc:
            if exc.cause != "container":
                raise
            self.engine.call("inspect", "--format", "{{.Id}}", self.name)  # engines say the same of one that is gone
            raise NotADirectoryError(20, f"the container does not take it: {exc.detail}", place) from exc

    def _stream(self, inside: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        place = WORKSPACE if inside == "." else f"{WORKSPACE}/{inside}"
        return self.engine.stream("cp", f"{self.name}:{place}", "-")


class _Fresh:
    """Makes a container on the way in, removes it on the way out."""

    __slots__ = ("_engine", "_name", "_options")

    def __init__(self, options: "ContainerWorkspaces", engine: Engine) -> None:
        self._options, self._engine, self._name = options, engine, engines.container_name()

    def __enter__(self) -> ContainerWorkspace:
        engines.clean_up_at_exit(self._engine, os.getpid())
        try:
            self._options.create(self._engine, self._name)
            workspace = ContainerWorkspace(self._name, self._engine, self._options)
            self._engine.call("cp", "-", f"{self._name}:/", stdin=archive.packed_folder(WORKSPACE[1:]))
        except BaseException:
            self.__exit__()
            raise
        return workspace

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Unmeasured):  # lost already, or left for the next sweep
            self._engine.call("rm", "--force", "--volumes", self._name)


@dataclass(frozen=True, kw_only=True)
class ContainerWorkspaces:
    """Containers of an `image`, or of what `dockerfile` builds from its folder, by docker or podman.

    `setup` is a shell script that runs once per run, with network, in a container whose state every trial starts
    from. `memory` is what a trial is guaranteed and where it is killed; or one size, with `headroom` above it as a
    fraction. `env` is added to the image's variables, and so are the host's variables named in `inherit`.
    """

    engine: Literal["auto", "docker", "podman"] = "auto"
    runtime: str | None = None
    image: str = ""
    dockerfile: str = ""
    setup: str = ""
    network: Literal["none", "allow"] = "none"
    memory: Size | Memory = "2g"
    headroom: float | None = None
    cpus: float | None = None
    processes: int = 512
    file_size: Size = "1g"
    ulimits: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    inherit: tuple[str, ...] = ()
    folder: str = "."
    RESOURCES: ClassVar = ("memory", "headroom", "cpus", "processes", "file_size", "ulimits")

    def __post_init__(self) -> None:
        if bool(self.image) == bool(self.dockerfile):
            raise ValueError("give either `image` or `dockerfile`")
        if self.image.startswith("-"):
            raise ValueError(f"image: {self.image!r} is no name of an image")
        check_shares(self.cpus, self.processes)
        engines.check_told(self.env)
        memory_of(self.memory, self.headroom)
        size(self.file_size, "file_size")

    def prepare(self) -> None:
        """See that there is an engine, sweep up what killed runs left, and have the image ready."""
        engine = self._engine()
        inherited(self.inherit, "container")
        guaranteed = self.resources().memory_guaranteed or 0
        if guaranteed > psutil.virtual_memory().total:
            raise ConfigError("workspace 'container': memory: this machine has less than what is guaranteed")
        if self.dockerfile and not self._dockerfile().is_file():
            raise ConfigError(f"workspace 'container': dockerfile: {self._dockerfile()}: no such file")
        self.sweep(engine)
        try:
            self._image(engine)
        except Unmeasured as exc:
            raise_lasting(exc, engine.program)
            # anything else is an outage: the trials say so, and are tried again

    def sweep(self, engine: Engine) -> None:
        """Remove the containers that killed runs left behind."""
        with contextlib.suppress(Unmeasured):
            engines.sweep(engine)

    def fresh(self) -> _Fresh:
        """Give a new container, and remove it afterwards."""
        return _Fresh(self, self._engine())

    def resources(self) -> Resources:
        """Say what a trial may use."""
        guaranteed, limit = memory_of(self.memory, self.headroom)
        return Resources(
            memory_guaranteed=guaranteed,
            memory_limit=limit,
            cpus=self.cpus,
            processes=self.processes,
            file_size=size(self.file_size, "file_size"),
            ulimits=self.ulimits,
            enforced_by=engines.enforced_by(engines.found(self.engine, self.runtime)),
        )

    def create(self, engine: Engine, name: str) -> None:
        """Make the container, which does nothing of its own."""
        image, limits = self._image(engine), self.resources()
        given = inherited(self.inherit, "container") | self.env
        file = engines.environment_file(engines.private_folder(), given)
        words = ["--name", name, "--label", "evalh", "--env-file", str(file), "--workdir", WORKSPACE]
        words += ["--stop-signal", "SIGKILL", "--security-opt", "no-new-privileges"]
        words += [] if self.network == "allow" else ["--network", "none"]
        words += ["--user", self.user] if self.user else []
        words += limited(limits, together=engines.limits_containers(engine))
        try:
            engine.call("create", *words, "--entrypoint", "sleep", image, _FOREVER)
        finally:
            file.unlink()

    def _engine(self) -> Engine:
        engine = engines.found(self.engine, self.runtime)
        if engine is None:
            wanted = {"auto": "docker or podman"}.get(self.engine, self.engine)
            raise ConfigError(f"workspace 'container': {wanted} is not installed; see `evalh doctor`")
        return engine

    def _dockerfile(self) -> Path:
        return Path(self.folder, self.dockerfile).resolve()

    def _image(self, engine: Engine) -> str:
        return image_id(
            engine,
            image=self.image,
            dockerfile=str(self._dockerfile()) if self.dockerfile else "",
            setup=self.setup,
            creation=tuple(ulimits(self.ulimits, None)),
        )
