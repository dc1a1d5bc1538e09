"""Where trials are carried out: the options that choose an executor and speak to it, of every command that runs any."""

from collections.abc import Callable
from typing import Any, Self, TypeVar

import click
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.model import Extension

Command = TypeVar("Command", bound=Callable[..., object])
RAY = "ray_"


class Where(Struct, frozen=True, kw_only=True):
    """What the command line says about the executor."""

    executor: str
    ray_address: str | None
    ray_per_node: int | None
    ray_env: tuple[str, ...]
    ray_shared: bool

    @classmethod
    def taken(cls, given: dict[str, Any]) -> Self:
        """Take these options out of those that a command was given."""
        return cls(**{name: given.pop(name) for name in cls.__struct_fields__})

    def asked(self) -> Extension:
        """Return the executor with its options."""
        said = {
            name: value for name in self.__struct_fields__ if name.startswith(RAY) and (value := getattr(self, name))
        }
        if said and self.executor != "ray":
            option = f"--{next(iter(said)).replace('_', '-')}"
            raise ConfigError(f"{option} speaks to a Ray cluster: say `--executor ray` too")
        options = {name.removeprefix(RAY): value for name, value in said.items()}
        return Extension(use=self.executor, options=options)


def executor_options(command: Command) -> Command:
    """Add the options that say where trials are carried out."""
    for option in reversed(
        (
            click.option(
                "--executor",
                metavar="NAME",
                default="threads",
                show_default=True,
                help="Where trials are carried out: threads or ray.",
            ),
            click.option("--ray-address", metavar="HOST:PORT", help="The Ray cluster (default: one of our own)."),
            click.option("--ray-per-node", type=click.IntRange(1), metavar="N", help="At most N workers on one node."),
            click.option(
                "--ray-env", multiple=True, metavar="NAME", help="Tell workers this variable; may be repeated."
            ),
            click.option("--ray-shared", is_flag=True, help="The nodes see the same folders: send no code."),
        )
    ):
        command = option(command)
    return command
