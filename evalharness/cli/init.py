"""`evalh init`: a suite, an agent and a policy that run at once."""

import shlex
from importlib.resources import files
from pathlib import Path

import click

from evalharness.cli.schema import schema
from evalharness.errors import ConfigError

SCAFFOLD = ("suite.yaml", "tasks.jsonl", "agent.yaml", "agent.py")
SCHEMAS = {".evalh/suite.json": "suite", ".evalh/agent.json": "agent"}


@click.command("init", short_help="Write a suite, an agent and a policy that run at once.")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=True))
def command(folder: Path) -> None:
    """Write a small suite with its gate, and an agent, into DIR (by default here), ready to run and to be changed.

    Nothing that exists is overwritten.
    """
    scaffold = files("evalharness.cli") / "scaffold"
    contents = {name: (scaffold / name).read_bytes() for name in SCAFFOLD}
    contents |= {place: schema(name).encode() for place, name in SCHEMAS.items()}
    there = [name for name in contents if (folder / name).exists()]
    if there:
        raise ConfigError(f"{folder / there[0]}: exists already; name another folder: `evalh init DIR`")
    try:
        for name, content in contents.items():
            _write(folder / name, content)
    except OSError as exc:
        raise ConfigError(f"{exc.filename or folder}: cannot be written: {exc.strerror}") from exc
    for name in SCAFFOLD:
        click.echo(folder / name)
    click.echo(_next_steps(folder), err=True)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(content)


def _next_steps(folder: Path) -> str:
    enter = [] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]
    steps = [*enter, "evalh validate suite.yaml --agent agent.yaml", "evalh run suite.yaml --agent agent.yaml"]
    return "\n".join(["", "next:", *(f"  {step}" for step in steps)])
