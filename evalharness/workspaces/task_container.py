"""Containers whose image every task says for itself, as task folders with a Dockerfile each do."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from evalharness.errors import ConfigError
from evalharness.model import Task
from evalharness.tasksets.harbor_task import resolved
from evalharness.tasksets.source import located
from evalharness.workspaces.container import ContainerWorkspaces

# The image's own working folder becomes a name for the workspace, so that paths like /app lead there too.
HERE = (
    'mkdir -p /workspace && case "$PWD" in /|/workspace) ;; *) '
    'cp -a "$PWD/." /workspace/ && old="$PWD" && cd / && rm -rf "$old" && ln -s /workspace "$old" ;; esac'
)


@dataclass(frozen=True, kw_only=True)
class TaskContainers(ContainerWorkspaces):
    """Containers as `container` makes them, of the image that a task's field `environment` names.

    That is an object with `image`, or with `dockerfile`, seen from the suite's folder or from EVALH_DATA; `memory`,
    `cpus` and `network` in it go before the suite's, `env` is added to the suite's, with ${NAME} and ${NAME:-default}
    for variables of this machine, and `workdir` goes before the image's working folder. What is in that folder is in
    the workspace, and the folder's own name leads there.
    """

    environment: str = "environment"

    def __post_init__(self) -> None:
        if self.image or self.dockerfile or self.setup:
            raise ValueError("image, dockerfile and setup are said by the tasks; use `container` where all share them")
        self.made_of("", "scratch")

    def prepare(self) -> None:
        """See that there is an engine; images are made when their tasks come."""
        self.sweep(self._engine())

    def fresh(self) -> NoReturn:
        """Refuse: there is no image without a task."""
        raise ConfigError("workspace 'task_container' makes workspaces for tasks only")

    def for_task(self, task: Task) -> ContainerWorkspaces:
        """Give the containers of one task; a memory, a number of cpus and a lack of network that it names are kept."""
        said = task.fields.get(self.environment)
        said = said if isinstance(said, dict) else {}
        own = {name: said[name] for name in ("memory", "cpus", "network") if said.get(name)}
        own |= {"env": {**self.env, **resolved(said["env"])}} if isinstance(said.get("env"), dict) else {}
        workdir = said.get("workdir")
        own |= {"setup": f"cd {shlex.quote(workdir)} && {HERE}"} if isinstance(workdir, str) else {}
        dockerfile, image = said.get("dockerfile"), said.get("image")
        if isinstance(dockerfile, str):
            what, origin = f"the dockerfile of task '{task.id}'", "are the task folders where they were?"
            return self.made_of(str(located(dockerfile, Path(self.folder), what=what, origin=origin)), "", **own)
        if not isinstance(image, str):
            raise ConfigError(f"task '{task.id}': its field '{self.environment}' names no image and no dockerfile")
        return self.made_of("", image, **own)

    def made_of(self, dockerfile: str, image: str, **own: Any) -> ContainerWorkspaces:
        """Give the containers of one image."""
        known = {each.name: getattr(self, each.name) for each in dataclasses.fields(ContainerWorkspaces)}
        return ContainerWorkspaces(**{**known, "dockerfile": dockerfile, "image": image, "setup": HERE, **own})
